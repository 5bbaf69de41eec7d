"""`diagnose` on runs of a few seconds, and its parts on curves drawn by hand."""

import pytest
from patients import noise

import cgan_kit as kit
from cgan_kit.diagnostics import ClassifierProbe, SampleProbe, diagnose
from cgan_kit.diagnostics.curves import Curve, curve, short
from cgan_kit.diagnostics.verdict import Finding, Verdict
from cgan_kit.training import DivergedError


def history(**values):
    """Records at steps 10, 20, ... of curves given as lists."""
    names = [name.replace("__", "/") for name in values]
    rows = zip(*values.values(), strict=True)
    return [{"step": 10 * i, **dict(zip(names, row, strict=True))} for i, row in enumerate(rows, 1)]


def test_a_run_that_diverged_says_so_and_nothing_else(tmp_path):
    data = noise()
    gan = kit.GAN.for_images(data, kit.losses.ACGAN(), width=2, latent_dim=3)
    recipe = kit.Recipe(batch_size=8, learning_rate=1e30)
    with pytest.raises(DivergedError):
        kit.train(
            gan, data, steps=40, folder=tmp_path / "run", recipe=recipe, log_every=1,
            precision=kit.Precision(), probes=[SampleProbe(1, 8)],
        )  # fmt: skip
    run = kit.Run(tmp_path / "run")
    assert run.history()[-1]["diverged"] == 1
    assert len(run.history()) < 4  # it went at once, and no curve is long enough
    verdict = diagnose(run)
    assert verdict.illnesses == ("diverged",)
    assert not verdict.healthy
    assert "no finite number" in str(verdict)


def test_what_was_not_recorded_is_not_judged(tmp_path):
    data = noise()
    gan = kit.GAN.for_images(data, kit.losses.Projection(), width=2, latent_dim=3)
    run = kit.train(
        gan, data, steps=8, folder=tmp_path / "run", log_every=1, precision=kit.Precision(),
        recipe=kit.Recipe(batch_size=8), probes=[ClassifierProbe(1, 8)],
    )  # fmt: skip
    verdict = diagnose(run)
    assert verdict.healthy
    assert "diverged" not in verdict.unseen
    # Projection's head is no classifier, and nobody looked at samples.
    assert {"classifier gradient growing", "class confusion", "discriminator overfits"} <= set(
        verdict.unseen
    )
    assert str(verdict).startswith("no verdict: the losses are finite, and no probe has looked")


def test_some_looks_make_a_verdict_and_the_rest_is_named():
    said = str(diagnose(history(sample__accuracy=[1.0] * 4)))
    assert said.startswith("healthy: no illness shows.\nNot looked at: dead discriminator, ")
    assert "class confusion" not in said


@pytest.mark.parametrize("given", ["runs/mine", None, {"step": 1}, {"acgan": []}, [1.0], 3])
def test_what_is_neither_run_nor_history_is_refused(given):
    with pytest.raises(ValueError, match=r"run is .*; give a run, such as cgan_kit.Run\(folder\)"):
        diagnose(given)


def test_class_confusion_needs_an_outside_judge():
    fooled = history(accuracy_fake=[1.0] * 8)
    assert "class confusion" in diagnose(fooled).unseen
    seen = history(accuracy_fake=[1.0] * 8, sample__accuracy=[0.9, 0.5, *[0.1] * 6])
    (finding,) = diagnose(seen).findings
    assert finding.illness == "class confusion"
    assert finding.since == 20
    assert "10%" in finding.evidence
    assert "D's own head believes 100%" in finding.evidence
    assert "real images" not in finding.evidence, "nobody has asked the judge about them"


def test_a_run_that_still_learns_its_classes_is_told_so():
    rising = [0.0, 0.1, 0.3, 0.5, 0.55, 0.65, 0.7, 0.75, 0.75, 0.82, 0.7, 0.84]
    (finding,) = diagnose(history(sample__accuracy=rising)).findings
    assert (finding.illness, finding.since) == ("class confusion", 10)
    assert "It is rising: 68% a third of the run before." in finding.evidence
    assert finding.advice.startswith("longer training first; ")
    (finding,) = diagnose(history(sample__accuracy=[0.5] * 12)).findings
    assert "rising" not in str(finding)
    assert "longer" not in finding.advice


def test_classes_that_overlap_are_held_against_real_images():
    def run(fake):
        return history(sample__oracle_accuracy=[fake] * 8, sample__oracle_accuracy_real=[0.79] * 8)

    assert diagnose(run(0.78)).healthy
    assert diagnose(run(0.5)).illnesses == ("class confusion",)
    (finding,) = diagnose(run(1.0)).findings
    assert finding.illness == "classes pushed apart"
    assert "100% of the fakes and about 79% of the real" in finding.evidence


def test_a_variance_that_still_grows_is_told_so():
    growing = [0.02, 0.05, 0.08, 0.1, 0.12, 0.16, 0.18, 0.2, 0.22, 0.25, 0.28, 0.31]
    run = history(sample__pixel_variance=growing, sample__accuracy=[1.0] * 12)
    (finding,) = diagnose(run).findings
    assert finding.evidence.endswith("It is rising: 0.17 a third of the run before.")
    assert finding.advice.startswith("longer training first; ")
    run = history(sample__pixel_variance=[0.2] * 12, sample__accuracy=[1.0] * 12)
    assert "rising" not in str(diagnose(run))
    assert "longer" not in str(diagnose(run))


def test_one_image_a_class_is_a_collapse_only_when_the_classes_are_right():
    def run(variance, accuracy):
        return history(
            sample__pixel_variance=[0.9, *[variance] * 7], sample__oracle_accuracy=[accuracy] * 8
        )

    assert diagnose(run(0.05, 1.0)).illnesses == ("within-class collapse with right classes",)
    assert diagnose(run(0.05, 1.0)).findings[0].since == 20
    assert diagnose(run(0.05, 0.5)).illnesses == ("class confusion",)
    assert diagnose(run(0.8, 1.0)).healthy
    assert "own head" not in str(diagnose(run(0.05, 1.0)))
    alone = diagnose(history(sample__pixel_variance=[0.05] * 8, accuracy_fake=[1.0] * 8))
    assert "100% of the fakes are of the right class, by D's own head, but" in str(alone)


def test_a_single_spike_is_no_growth():
    size = [1.0] * 12
    flat = {"classifier__p_real": [0.5] * 12, "classifier__head_gradient": size}
    size[6] = 50.0
    assert diagnose(history(**flat)).healthy
    size[6:] = [5.0] * 6
    (finding,) = diagnose(history(**flat, classifier__feature_norm_real=[2.0] * 12)).findings
    assert (finding.illness, finding.since) == ("classifier gradient growing", 70)


@pytest.mark.parametrize("late", [0.0, 0.012, 0.9])
def test_a_gradient_as_small_as_a_cured_one_is_not_growing(late):
    """ReACGAN with two classes: its margins silence all images, and the gradient is 0."""
    size = [0.0] * 6 + [late] * 6
    assert diagnose(history(classifier__p_real=[0.5] * 12, classifier__head_gradient=size)).healthy


def test_early_and_late_are_medians_and_short_curves_say_nothing():
    steep = Curve(tuple(range(10)), (100.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0))
    assert steep.early == 2  # of the values 1, 2, 3: the first record is the start of training
    assert steep.late == 8
    assert steep.since(lambda value: value > 5) == 6
    assert steep.since(lambda value: value > 50) == 9
    assert (steep.before, steep.late) == (5, 8)
    noisy = Curve(tuple(range(10)), (9.0, 0.0, 0.0, 9.0, 9.0, 0.0, 9.0, 9.0, 0.0, 0.0))
    assert noisy.since(lambda value: value > 5) == 3  # one miss is none, two are an end
    assert not curve(history(a=[1.0, 2.0, 3.0]), "a")
    assert curve(history(a=[1.0, 2.0, 3.0, 4.0]), "a")


def test_numbers_are_short():
    assert [short(x) for x in (0.0, 0.01234, 2.5, 361.0, 1349, 2.23e6)] == [
        "0", "0.012", "2.5", "360", "1300", "2.2e+06",
    ]  # fmt: skip


def test_a_verdict_reads_as_sentences():
    finding = Finding("diverged", 1200, "a loss is 1e9.", "less.")
    assert str(Verdict((finding,), ())) == "diverged, since step 1,200: a loss is 1e9. Try: less."


def test_a_run_without_records_is_refused():
    with pytest.raises(ValueError, match="run has recorded nothing; train it for some steps first"):
        diagnose([])
