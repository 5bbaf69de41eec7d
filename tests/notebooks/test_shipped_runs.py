"""The runs that ship: as they were planned, on the data they name, and as good as they say."""

import json
from functools import cache

import pytest

import cgan_kit as kit
from cgan_kit import metrics
from tools.record_runs import FOLDER, SHIPPED, STUDIES

MEASURED_AGAIN = [("explosion", "linear-acgan", 0), ("shapes", "reacgan", 0)]


@cache
def parts(study: str) -> tuple[kit.data.ImageSet, kit.data.ImageSet]:
    return STUDIES[study].load()


@pytest.mark.parametrize(("study", "name", "seed"), SHIPPED)
def test_a_run_is_what_the_script_plans(study: str, name: str, seed: int) -> None:
    plans, run = STUDIES[study], kit.Run(FOLDER / study / f"{name}-{seed}")
    plan, (clean, _) = plans.plans[name], parts(study)
    train = kit.data.with_label_noise(clean, plan.noise) if plan.noise else clean
    assert run.config["data"]["fingerprint"] == train.fingerprint()
    gan = kit.GAN.for_images(train, plan.conditioning(), plan.game)
    # Read, not compared as text: arguments that came later are not in older files.
    assert kit.GAN.from_config(run.config["gan"]).config() == gan.config()
    recipe = kit.Recipe(penalty=plan.penalty, learning_rate=plan.learning_rate)
    written = kit.Recipe.from_config(run.config["training"]["recipe"])
    assert written.config() == recipe.config()
    assert run.config["training"]["steps"] == plans.steps == run.history()[-1]["step"]
    assert run.config["training"]["seed"] == seed
    assert run.steps == list(plans.kept([0, *plans.checkpoints, plans.steps], seed))
    assert set(json.loads((run.folder / "metrics.json").read_text())) == set(plans.measured)


@pytest.mark.parametrize(("study", "name", "seed"), SHIPPED)
def test_all_four_probes_looked_to_the_end(study: str, name: str, seed: int) -> None:
    last = kit.Run(FOLDER / study / f"{name}-{seed}").history()[-1]
    probes = {key.partition("/")[0] for key in last if "/" in key}
    assert probes == {"classifier", "share", "layer", "sample"}


@pytest.mark.parametrize(("study", "name", "seed"), MEASURED_AGAIN)
def test_what_it_scores_can_be_measured_again(study: str, name: str, seed: int) -> None:
    """The checkpoint that ships holds float16, the one that was measured float32."""
    run = kit.Run(FOLDER / study / f"{name}-{seed}")
    report = metrics.evaluate(
        run,
        parts(study),
        classifier=metrics.train_classifier(*parts(study)),
        metrics=STUDIES[study].rows(),
        groups=0,
    )
    for metric, value in json.loads((run.folder / "metrics.json").read_text()).items():
        assert report.values[metric].generated == pytest.approx(value, abs=0.03), metric


def test_the_oracle_reads_of_every_run_on_shapes_what_is_stored() -> None:
    """No classifier is needed for that, so each of them is measured again."""
    rows = [row for row in STUDIES["shapes"].rows() if row.by_oracle]
    clean, held_out = parts("shapes")
    judge = metrics.train_classifier(clean, steps=1)  # asked for, and not heard
    for study, name, seed in SHIPPED:
        if study == "shapes":
            run = kit.Run(FOLDER / study / f"{name}-{seed}")
            report = metrics.evaluate(
                run, (clean, held_out), classifier=judge, metrics=rows, groups=0
            )
            stored = json.loads((run.folder / "metrics.json").read_text())
            for row in rows:
                found = report.values[row.name].generated
                assert found == pytest.approx(stored[row.name], abs=0.01), (name, row.name)


def test_no_other_run_ships() -> None:
    there = {path.parent.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("config.json")}
    assert there == {f"{study}/{name}-{seed}" for study, name, seed in SHIPPED}


def test_they_are_small() -> None:
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    assert size < 30e6
