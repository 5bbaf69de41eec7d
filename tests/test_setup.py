"""The set-up files say one thing, name no machine, and make lab and make test behave."""

import importlib.metadata
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.find_chromium import NAMES, find_chromium
from tools.open_lab import lab_arguments

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
CONDA_NAMES = {"torch": "pytorch", "playwright": "playwright-python"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = ("lab", "book", "dev")


def asked_for() -> list[Requirement]:
    """What the library and its extras ask for, the kit itself left out."""
    lines = [*PROJECT["dependencies"]]
    for extra in EXTRAS:
        lines += PROJECT["optional-dependencies"][extra]
    return [one for one in map(Requirement, lines) if canonicalize_name(one.name) != "cgan-kit"]


def constraints() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def tracked_files() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = subprocess.run(
        [git, "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_environment_yml_and_pyproject_are_in_step() -> None:
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    lines = [line for line in conda["dependencies"] if isinstance(line, str)]
    (by_pip,) = (part["pip"] for part in conda["dependencies"] if isinstance(part, dict))
    expected = {CONDA_NAMES.get(one.name, one.name) + str(one.specifier) for one in asked_for()}
    found = {*lines, *by_pip} - {"pip", "-e ."}
    assert found == expected | {"python" + PROJECT["requires-python"]}
    assert "-e ." in by_pip


def test_the_library_alone_asks_for_no_course_and_no_tests() -> None:
    library = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert {"torch", "torchvision", "numpy"} <= library
    assert not library & {
        Requirement(line).name for line in PROJECT["optional-dependencies"]["lab"]
    }


def test_constraints_pin_versions_and_hold_no_address() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert " @ " not in text
    for one in constraints():
        assert re.fullmatch(r"==[\w.+!]+", str(one.specifier)), f"{one} is no pin"
        assert not one.extras, f"pip refuses extras in constraints: {one}"


def test_constraints_satisfy_what_is_asked_for() -> None:
    pins: dict[str, list[Requirement]] = {}
    for one in constraints():
        pins.setdefault(canonicalize_name(one.name), []).append(one)
    for asked in asked_for():
        found = pins.get(canonicalize_name(asked.name), [])
        assert found, f"{asked.name} has no pin; run make constraints"
        for pin in found:
            version = str(pin.specifier).removeprefix("==")
            assert asked.specifier.contains(version), f"{pin} does not satisfy {asked}"


def test_constraints_cover_what_pinned_packages_bring_along() -> None:
    missing = brought_along(asked_for()) - {canonicalize_name(one.name) for one in constraints()}
    assert not missing, f"{sorted(missing)} have no pin; run make constraints"


def brought_along(asked: list[Requirement]) -> set[str]:
    """Names of what ``asked`` brings on this machine, all the way down.

    Packages at other versions than the pinned ones (conda's, say) are not looked into.
    """
    pins = {(canonicalize_name(one.name), str(one.specifier)) for one in constraints()}
    found: set[str] = set()
    waiting = [(one, frozenset(one.extras)) for one in asked]
    seen = set()
    while waiting:
        one, extras = waiting.pop()
        name = canonicalize_name(one.name)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        public_version = distribution.version.partition("+")[0]
        if (name, f"=={public_version}") not in pins:
            continue
        for line in distribution.requires or []:
            needed = Requirement(line)
            if applies(needed.marker, extras):
                waiting.append((needed, frozenset(needed.extras)))
    return found


def applies(marker: Marker | None, extras: frozenset[str]) -> bool:
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})


# Spelt in pieces, so that this file does not find itself.
NOT_OURS = re.compile(
    "|".join(
        [
            "/wor" + r"k/(?:main|shared)\b",
            "/roo" + r"t/",
            "/hom" + r"e/(?!you\b|ada\b)\w+/",
            "/User" + r"s/(?!you\b)\w+/",
            "/op" + r"t/(?:pypi|wheels)",
            "py" + r"pi\.org",
            "python" + "hosted",
            "registry" + r"\.npm",
            "deb" + r"\.debian",
        ]
    )
)


def test_no_tracked_file_names_a_machine_or_a_registry_host() -> None:
    complaints = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found = NOT_OURS.search(text)
        if found:
            complaints.append(f"{path.relative_to(ROOT)} holds {found.group(0)!r}")
    assert not complaints


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, True),
        ("linux", {"DISPLAY": ""}, True),
        ("linux", {"DISPLAY": ":0"}, False),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, False),
        ("darwin", {}, False),
    ],
)
def test_lab_looks_for_no_browser_without_a_screen(
    platform: str, environment: dict[str, str], expected: bool
) -> None:
    arguments = lab_arguments(ROOT, platform, environment, is_root_user=False)
    assert ("--no-browser" in arguments) == expected
    assert "--allow-root" not in arguments


def test_lab_opens_the_first_page_once_it_is_there(tmp_path: Path) -> None:
    assert lab_arguments(tmp_path, "darwin", {}, True) == [
        f"--ServerApp.root_dir={tmp_path}",
        "--allow-root",
    ]
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_start_here.ipynb").touch()
    arguments = lab_arguments(tmp_path, "darwin", {}, False)
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in arguments


def test_a_chromium_is_found_by_name_or_by_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("tools.find_chromium.ON_MACOS", ())
    assert find_chromium() is None
    for name in reversed(NAMES):
        program = a_program(tmp_path / name, "exit 0")
        assert find_chromium() == str(program)
    mine = a_program(tmp_path / "mine", "exit 0")
    monkeypatch.setenv("CHROMIUM", str(mine))
    assert find_chromium() == str(mine)
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match=r"CHROMIUM is .*gone.*no program"):
        find_chromium()


needs_sh = pytest.mark.skipif(shutil.which("sh") is None, reason="no sh on this machine")


def a_program(path: Path, script: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def make_environment(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run tools/environment.sh on a path that holds ``tmp_path/bin`` and a few tools, and no uv."""
    programs = tmp_path / "bin"
    programs.mkdir(exist_ok=True)
    for name in ("sh", "rm", "cp", "mkdir", "touch"):
        (programs / name).symlink_to(shutil.which(name) or name)
    environment = {
        "PATH": str(programs),
        "VENV": str(tmp_path / "venv"),
        **variables,
    }
    command = ["sh", str(ROOT / "tools" / "environment.sh"), "lab"]
    return subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )


@needs_sh
def test_an_old_python_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    old = a_program(tmp_path / "bin" / "old", '[ "$1" = --version ] && echo Python 3.9.6; exit 1')
    result = make_environment(tmp_path, PYTHON=str(old))
    assert result.returncode != 0
    assert "needs Python 3.10 or newer" in result.stderr
    assert "make lab PYTHON=" in result.stderr
    assert not (tmp_path / "venv").exists()


@needs_sh
def test_a_missing_python_is_named(tmp_path: Path) -> None:
    result = make_environment(tmp_path, PYTHON="python-that-is-not-there")
    assert result.returncode != 0
    assert "PYTHON is python-that-is-not-there (no such command)" in result.stderr


@needs_sh
def test_an_unknown_torch_build_is_refused(tmp_path: Path) -> None:
    result = make_environment(tmp_path, TORCH="rocm")
    assert result.returncode != 0
    assert "TORCH is rocm" in result.stderr


@needs_sh
@pytest.mark.parametrize(("torch", "expected"), [("", False), ("cpu", True)])
def test_uv_is_used_when_it_is_on_the_path(tmp_path: Path, torch: str, expected: bool) -> None:
    # This uv writes down what it was asked for and leaves a kernel, as installing ipykernel does.
    kernel = tmp_path / "venv" / "share" / "jupyter" / "kernels" / "python3"
    asked = tmp_path / "asked"
    a_program(
        tmp_path / "bin" / "uv",
        f'echo "$@" >> "{asked}"; mkdir -p "{kernel}"; touch "{kernel}/kernel.json"',
    )
    result = make_environment(tmp_path, PYTHON=sys.executable, TORCH=torch)
    assert result.returncode == 0, result.stderr
    made, installed = asked.read_text().splitlines()
    assert made.startswith("venv --seed --python")
    assert "--constraint constraints.txt --editable .[lab]" in installed
    assert ("--torch-backend cpu" in installed) == expected


@needs_sh
def test_pip_installs_where_there_is_no_uv(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    kernel = tmp_path / "venv" / "share" / "jupyter" / "kernels" / "python3"
    a_program(
        tmp_path / "venv-python",
        f'case "$*" in *editable*) echo "$@" >> "{asked}"; mkdir -p "{kernel}"; '
        f'touch "{kernel}/kernel.json";; esac',
    )
    a_program(
        tmp_path / "bin" / "new",
        f'[ "$2" = venv ] && mkdir -p "$3/bin" && cp "{tmp_path / "venv-python"}" "$3/bin/python"; '
        "exit 0",
    )
    result = make_environment(tmp_path, PYTHON="new", TORCH="cpu")
    assert result.returncode == 0, result.stderr
    installed = asked.read_text()
    assert "--constraint constraints.txt --editable .[lab]" in installed
    assert "--extra-index-url" in installed


@needs_sh
def test_no_ready_mark_without_a_kernel(tmp_path: Path) -> None:
    a_program(tmp_path / "bin" / "uv", "exit 0")
    result = make_environment(tmp_path, PYTHON=sys.executable)
    assert result.returncode != 0
    assert "no Jupyter kernel" in result.stderr


@pytest.mark.parametrize(("asked", "left"), [("", ""), ("not slow", ""), ("gpu", "0")])
def test_a_gpu_is_for_the_tests_that_ask_for_one(pytestconfig, monkeypatch, asked, left):
    """Others train where nobody said, and compare to the bit."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    option = SimpleNamespace(markexpr=asked)
    conftest = pytestconfig.pluginmanager.get_plugin(str(ROOT / "tests" / "conftest.py"))
    conftest.pytest_configure(SimpleNamespace(option=option, addinivalue_line=lambda *_: None))
    assert os.environ["CUDA_VISIBLE_DEVICES"] == left


@pytest.mark.parametrize("target", ["unit", "nbval", "notebooks", "measure", "gpu"])
def test_make_hides_a_gpu_from_what_is_compared_or_stored(target, tmp_path):
    """A copy of the Makefile whose recipes only say what they would see."""
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    lines = ["\t@echo $$CUDA_VISIBLE_DEVICES" if x.startswith("\t") else x for x in lines]
    (tmp_path / "Makefile").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name in ("pyproject.toml", "constraints.txt", "tools/environment.sh", ".venv/.has-dev"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    # Without what an outer make, which runs these tests, hands down.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    seen = subprocess.run(
        ["make", "--silent", "--no-print-directory", target],
        cwd=tmp_path, capture_output=True, text=True, check=True,
        env=clean | {"CUDA_VISIBLE_DEVICES": "3"},
    )  # fmt: skip
    assert set(seen.stdout.split()) == ({"3"} if target == "gpu" else set())
