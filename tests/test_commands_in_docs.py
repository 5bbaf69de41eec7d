"""Command lines in the README and the docs are such that the kit and torchrun understand them."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from torch.distributed.run import get_args_parser

from cgan_kit import cli
from cgan_kit.metrics.evaluate import MAX_REFERENCE

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Up to the end of the line or of the code; a line that goes on after a backslash is a script's.
COMMAND = re.compile(r"(?:^|`)((?:python|torchrun)\b[^\n`]* -m cgan_kit [^\n`]+)", re.MULTILINE)
CLUSTER = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")


def commands(text: str) -> list[list[str]]:
    return [shlex.split(each, comments=True) for each in COMMAND.findall(text)]


def understood(command: list[str]) -> str:
    """The kit's command that a line starts; a SystemExit where it is not understood."""
    if command[0] == "torchrun":
        launched = get_args_parser().parse_args(command[1:])
        assert (launched.module, launched.training_script) == (True, "cgan_kit")
        given = launched.training_script_args
    else:
        assert command[1:3] == ["-m", "cgan_kit"]
        given = command[3:]
    if "--help" not in given:
        cli.make_parser().parse_args(given)
    return given[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_understood(page: Path) -> None:
    for command in commands(page.read_text(encoding="utf-8")):
        if command[3:] != ["info"]:  # `info` alone describes the machine
            understood(command)


def test_the_pages_hold_what_they_are_about() -> None:
    said = [understood(command) for command in commands(CLUSTER)]
    assert {"train", "resume", "sample", "info", "evaluate"} <= set(said)
    assert len([command for command in commands(CLUSTER) if command[0] == "torchrun"]) >= 6
    readme = PAGES[0].read_text(encoding="utf-8")
    assert {understood(command) for command in commands(readme)} >= {"train", "sample"}


@pytest.mark.parametrize("page", ["README.md", "docs/diagnosis.md"])
def test_the_first_block_of_python_is_complete(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run as it stands, but for fewer steps."""
    block = (ROOT / page).read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    assert "steps=1000" in block
    monkeypatch.chdir(tmp_path)
    exec(compile(block.replace("steps=1000", "steps=100"), page, "exec"), {})
    assert len(list(tmp_path.glob("runs/*/config.json"))) == 1


def test_numbers_of_the_cluster_page_are_those_of_the_code() -> None:
    assert f"{MAX_REFERENCE:,} at most" in CLUSTER


def test_options_and_dials_are_listed_as_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [line for line in commands(CLUSTER) if "help=1" in line]
    for command, known in zip(asked, ("skip_unreadable", "margin_negative"), strict=True):
        assert cli.main(command[3:]) == 2
        assert known in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        "python -m cgan_kit train digits --no-such-option",
        "python -m cgan_kit train --preset cifar10-nothing",
        "torchrun --nproc-per-nod 2 --no-such-option 3 -m cgan_kit train digits",
    ],
)
def test_a_wrong_line_is_found(line: str) -> None:
    (command,) = commands(f"```sh\n{line}\n```")
    with pytest.raises(SystemExit):
        understood(command)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
@pytest.mark.parametrize("begun", [False, True])
def test_the_slurm_script_starts_a_training_and_then_resumes_it(
    tmp_path: Path, begun: bool
) -> None:
    """Run by bash, with stand-ins for Slurm's programs that print what they are asked."""
    (script,) = re.findall(r"```bash\n(.*?)```", CLUSTER, re.DOTALL)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, body in (("scontrol", "echo node1; echo node2"), ("srun", 'printf "%s\\n" "$@"')):
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(0o755)
    if begun:
        (tmp_path / "runs" / "tiny-imagenet").mkdir(parents=True)
        (tmp_path / "runs" / "tiny-imagenet" / "config.json").touch()
    slurm = {"SLURM_NNODES": "2", "SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "node[1-2]"}
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=tmp_path,
        env={"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": "images"} | slurm,
        capture_output=True,
        text=True,
        check=True,
    )
    asked = done.stdout.splitlines()
    assert understood(asked) == ("resume" if begun else "train")
    assert asked[asked.index("--rdzv-endpoint") + 1] == "node1:29500"
    assert "#SBATCH --nodes=2\n" in script
    assert "#SBATCH --dependency=singleton\n" in script
    assert "#SBATCH --gpus-per-node=4\n" in script
    assert asked[asked.index("--nproc-per-node") + 1] == "4"
