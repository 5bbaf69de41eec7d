"""The runs that ship: as they were planned, on the data they name, and as good as they say."""

import json

import pytest

import cgan_kit as kit
from cgan_kit import metrics
from tools.record_runs import FOLDER, MEASURED, PLANS, STEPS, WITH_CHECKPOINTS

RUNS = [f"{name}-{seed}" for name in PLANS for seed in range(3)]


@pytest.fixture(scope="module")
def parts():
    digits = kit.data.load("digits", size=16)
    assert isinstance(digits, kit.data.ImageSet)
    return digits.split(held_out=0.2, seed=0)


@pytest.fixture(scope="module")
def judge(parts):
    return metrics.train_classifier(*parts)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_what_the_script_plans(name, parts):
    run, plan = kit.Run(FOLDER / name), PLANS[name.rpartition("-")[0]]
    train = kit.data.with_label_noise(parts[0], plan.noise) if plan.noise else parts[0]
    assert run.config["data"]["fingerprint"] == train.fingerprint()
    gan = kit.GAN.for_images(train, plan.conditioning(), plan.game)
    assert run.config["gan"] == json.loads(json.dumps(gan.config()))
    recipe = kit.Recipe(penalty=plan.penalty, learning_rate=plan.learning_rate)
    written = kit.Recipe.from_config(run.config["training"]["recipe"])
    assert written.config() == recipe.config()
    assert run.config["training"]["steps"] == STEPS == run.history()[-1]["step"]
    assert run.config["training"]["seed"] == int(name[-1])
    assert (len(run.steps) > 1) == (int(name[-1]) in WITH_CHECKPOINTS)
    assert "classifier/feature_norm_real" in run.history()[-1]


@pytest.mark.parametrize("name", ["linear-acgan-0", "reacgan-0"])
def test_what_it_scores_can_be_measured_again(name, parts, judge):
    """The checkpoint that ships holds float16, the one that was measured float32."""
    rows = tuple(row for row in metrics.METRICS if row.name in MEASURED)
    report = metrics.evaluate(
        kit.Run(FOLDER / name), parts, classifier=judge, metrics=rows, groups=0
    )
    stored = json.loads((FOLDER / name / "metrics.json").read_text())
    assert set(stored) == set(MEASURED)
    for metric, value in stored.items():
        assert report.values[metric].generated == pytest.approx(value, abs=0.03), metric


def test_they_are_small():
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    assert size < 12e6
