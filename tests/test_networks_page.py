"""docs/networks.md says what the networks weigh and what the benchmark's rows hold."""

import json
import re
from pathlib import Path
from statistics import mean

import pytest
import torch

from cgan_kit import models
from cgan_kit.models import biggan, dcgan, resnet

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8")
ROWS = json.loads((ROOT / "benchmarks" / "results" / "backbones.json").read_text())["rows"]
COLUMNS = ("oracle_accuracy", "worst_class", "recognisable", "recall", "variance")


def cells(line: str) -> list[str]:
    return [cell.strip(" *`") for cell in line.strip().strip("|").split("|")]


@pytest.fixture
def unwritten(monkeypatch):
    """Networks that have shapes and no numbers: the large ones take half a minute to draw."""
    for module in (biggan, resnet, dcgan):
        monkeypatch.setattr(module, "add_spectral_norm", lambda network: None)
    monkeypatch.setattr(biggan, "start_orthogonal", lambda network: None)
    with torch.device("meta"):
        yield


def millions(network: torch.nn.Module) -> float:
    return sum(each.numel() for each in network.parameters()) / 1e6


@pytest.mark.parametrize("pair", ["DCGAN", "ResNet", "BigGAN"])
def test_the_weights_are_counted_right(unwritten, pair):
    (row,) = [cells(line) for line in PAGE.splitlines() if line.startswith(f"| `{pair}`")]
    said = re.findall(r"(\d+) px ([\d.]+), ([\d.]+)", row[4])
    assert len(said) >= 2
    for side, of_generator, of_discriminator in said:
        shape = (3, int(side), int(side))
        z = {"latent_dim": 80} if (pair, side) == ("BigGAN", "32") else {}
        generator = getattr(models, f"{pair}Generator")(10, shape, **z)
        judge = getattr(models, f"{pair}Discriminator")(shape)
        for network, number in ((generator, of_generator), (judge, of_discriminator)):
            digits = len(number.partition(".")[2])
            assert millions(network) == pytest.approx(float(number), abs=0.5 * 10**-digits), side


def read(cell: str) -> tuple[float, float, float]:
    middle, *ends = [float(number) for number in re.findall(r"[\d.]*\d", cell)]
    return (middle, *ends) if ends else (middle, middle, middle)


@pytest.mark.parametrize("pair", ["dcgan", "resnet", "biggan"])
@pytest.mark.parametrize("gamma", [0.05, 0.2])
def test_the_table_of_results_is_the_benchmarks(pair, gamma):
    lines = [cells(line) for line in PAGE.splitlines() if line.startswith(f"| {pair} |")]
    (line,) = [each for each in lines if float(each[1]) == gamma]
    rows = [
        row for row in ROWS
        if (row["backbone"], row["gamma"], row["batch"], row["steps"]) == (pair, gamma, 64, 800)
    ]  # fmt: skip
    assert len(rows) == int(line[2]) == 3
    for name, cell in zip(COLUMNS, line[3:], strict=True):
        values = [row[name] for row in rows]
        found = (mean(values), min(values), max(values))
        assert read(cell) == pytest.approx(found, abs=0.0051), name
