"""The verdict on recorded runs: each made to have one illness, or none, three seeds of each."""

import importlib.util
import sys
from pathlib import Path

import pytest

from cgan_kit.diagnostics import diagnose
from cgan_kit.diagnostics.verdict import ILLNESSES

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "diagnosis.py"
specification = importlib.util.spec_from_file_location("diagnosis", SCRIPT)
recorded = importlib.util.module_from_spec(specification)
sys.modules["diagnosis"] = recorded
specification.loader.exec_module(recorded)

RUNS = recorded.stored()
# What else such a run has, beyond what it was made for, and why it is no mistake.
COMPANIONS = {
    "dead discriminator": {"class confusion"},  # nobody tells G anything
    "classifier gradient growing": {"feature norm growing with p stalled", "class confusion"},
    "feature norm growing with p stalled": {"classifier gradient growing", "class confusion"},
    "conditioning drowns the adversarial term": {
        "within-class collapse with right classes",
        "class confusion",
    },
    "discriminator overfits": {"within-class collapse with right classes"},  # 64 images
    "within-class collapse with right classes": {"conditioning drowns the adversarial term"},
}


def name(run):
    return f"{run['data']}: {run['patient']} {run['seed']}"


@pytest.mark.parametrize("run", RUNS, ids=name)
def test_the_illness_is_named_and_no_other_without_a_reason(run):
    called = set(diagnose(recorded.to_history(run["curves"])).illnesses)
    if run["patient"].startswith("healthy"):
        assert called == set()
        return
    assert run["patient"] in called
    assert called - {run["patient"]} <= COMPANIONS.get(run["patient"], set())


def test_every_illness_has_three_runs_and_each_data_set_nine_healthy_ones():
    made = {(run["data"], run["patient"], run["seed"]) for run in RUNS}
    planned = {
        (data, patient, seed)
        for data, patients in recorded.PATIENTS.items()
        for patient in patients
        for seed in range(3)
    }
    assert planned <= made
    assert {illness.name for illness in ILLNESSES} <= {patient for _, patient, _ in made}


def test_findings_say_when_and_with_what_numbers():
    for run in RUNS:
        history = recorded.to_history(run["curves"])
        for finding in diagnose(history).findings:
            assert 0 < finding.since <= run["steps"]
            assert any(letter.isdigit() for letter in finding.evidence) or "finite" in str(finding)
            assert finding.evidence[-1] == finding.advice[-1] == "."


def test_curves_give_back_the_history_they_were_taken_from():
    history = [{"step": 1, "d_loss": 2.0}, {"step": 2, "d_loss": 1.5, "sample/accuracy": 0.5}]
    assert recorded.to_history(recorded.to_curves(history)) == history
