"""`diagnose` on runs of a few seconds, and its parts on curves drawn by hand."""

import pytest
from patients import noise

import cgan_kit as kit
from cgan_kit.diagnostics import ClassifierProbe, SampleProbe, diagnose
from cgan_kit.diagnostics.curves import Curve, curve
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
    short = run.history()
    verdict = diagnose([{"step": 0, "d_loss": 1.0, "g_loss": 1.0}] * 4 + short)
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
    assert str(verdict).startswith("healthy: no illness shows.\nNot looked at: ")


def test_class_confusion_needs_an_outside_judge():
    fooled = history(accuracy_fake=[1.0] * 8)
    assert "class confusion" in diagnose(fooled).unseen
    seen = history(accuracy_fake=[1.0] * 8, sample__accuracy=[0.9, 0.5, *[0.1] * 6])
    (finding,) = diagnose(seen).findings
    assert finding.illness == "class confusion"
    assert finding.since == 20
    assert "10%" in finding.evidence
    assert "D's own head believes 100%" in finding.evidence


def test_classes_that_overlap_are_held_against_real_images():
    def run(fake):
        return history(sample__oracle_accuracy=[fake] * 8, sample__oracle_accuracy_real=[0.79] * 8)

    assert diagnose(run(0.78)).healthy
    assert diagnose(run(0.5)).illnesses == ("class confusion",)
    (finding,) = diagnose(run(1.0)).findings
    assert finding.illness == "classes pushed apart"
    assert "100% of the fakes and about 79% of the real" in finding.evidence


def test_one_image_a_class_is_a_collapse_only_when_the_classes_are_right():
    def run(variance, accuracy):
        return history(
            sample__pixel_variance=[0.9, *[variance] * 7], sample__oracle_accuracy=[accuracy] * 8
        )

    assert diagnose(run(0.05, 1.0)).illnesses == ("within-class collapse with right classes",)
    assert diagnose(run(0.05, 1.0)).findings[0].since == 20
    assert diagnose(run(0.05, 0.5)).illnesses == ("class confusion",)
    assert diagnose(run(0.8, 1.0)).healthy


def test_a_single_spike_is_no_growth():
    size = [1.0] * 12
    flat = {"classifier__p_real": [0.5] * 12, "classifier__head_gradient": size}
    size[6] = 50.0
    assert diagnose(history(**flat)).healthy
    size[6:] = [5.0] * 6
    (finding,) = diagnose(history(**flat, classifier__feature_norm_real=[2.0] * 12)).findings
    assert (finding.illness, finding.since) == ("classifier gradient growing", 70)


def test_early_and_late_are_medians_and_short_curves_say_nothing():
    steep = Curve(tuple(range(10)), (100.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0))
    assert steep.early == 2  # of the values 1, 2, 3: the first record is the start of training
    assert steep.late == 8
    assert steep.since(lambda value: value > 5) == 6
    assert steep.since(lambda value: value > 50) == 9
    assert not curve(history(a=[1.0, 2.0, 3.0]), "a")
    assert curve(history(a=[1.0, 2.0, 3.0, 4.0]), "a")


def test_a_verdict_reads_as_sentences():
    finding = Finding("diverged", 1200, "a loss is 1e9.", "less.")
    assert str(Verdict((finding,), ())) == "diverged, since step 1,200: a loss is 1e9. Try: less."


def test_a_run_without_records_is_refused():
    with pytest.raises(ValueError, match="run has recorded nothing; train it for some steps first"):
        diagnose([])
