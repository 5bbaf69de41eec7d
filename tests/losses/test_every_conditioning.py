"""What every conditioning method must keep: exact slopes, symmetry, and finite numbers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from situations import (
    METHODS,
    ON_THE_SPHERE,
    WITH_LOSSES,
    WITH_SCORES,
    K,
    attached,
    gradients,
    judged,
    learning,
)
from torch.autograd.gradcheck import GradcheckError

import cgan_kit as kit
from cgan_kit import losses
from cgan_kit.describe import describe, rebuild
from cgan_kit.losses import Conditioning, Judged, conditional_contrastive, d2d_ce, d2d_ce_reference

REAL_LABELS, FAKE_LABELS = [0, 1, 1, 3, 0, 2, 1], [1, 1, 0, 2, 3, 0, 0]
BETWEEN_IMAGES = {
    "d2d_ce": lambda f, v, y, tau=0.5: d2d_ce(f, v, y, tau, 0.98, 0.02),
    "d2d_ce_reference": lambda f, v, y, tau=0.5: d2d_ce_reference(f, v, y, tau, 0.98),
    "conditional_contrastive": lambda f, v, y, tau=0.5: conditional_contrastive(f, v, y, tau),
}


def test_every_method_of_the_package_is_tested():
    exported = {
        value
        for value in vars(losses).values()
        if isinstance(value, type) and issubclass(value, Conditioning)
    }
    assert {type(make()) for make in METHODS.values()} == exported - {Conditioning}


def test_methods_that_compare_images_say_so():
    says = {name for name, make in METHODS.items() if make().compares_images}
    assert says == set(ON_THE_SPHERE)


def assert_same(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def values(method, real, fake):
    """All scalars a method makes of a batch; its scores as a sum with unequal shares."""
    shares = torch.arange(1, len(fake.labels) + 1, dtype=fake.features.dtype)
    return {
        "discriminator": method.discriminator_loss(real, fake),
        "generator": method.generator_loss(fake),
        "score": method.score(fake.features, fake.labels) @ shares,
    }


# Two have no slope to check: images are float32 (see test_classifier_gans), and the reference
# holds a part of its value constant.
DIFFERENTIABLE = [n for n in METHODS if n not in ("FrozenClassifier", "ReACGANReference")]


def check_slopes(name):
    method = attached(METHODS[name]())
    real, fake = judged(1, REAL_LABELS), judged(2, FAKE_LABELS)
    leaves = [real.features, fake.features, *learning(method)]
    for kind, value in values(method, real, fake).items():
        # gradcheck moves the leaves in place, one number at a time.
        assert not value.requires_grad or torch.autograd.gradcheck(
            lambda *_, kind=kind: values(method, real, fake)[kind], leaves, atol=1e-7
        )


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradcheck(name):
    check_slopes(name)


def test_the_references_gradient_is_not_the_slope_of_its_value():
    with pytest.raises(GradcheckError):
        check_slopes("ReACGANReference")


@pytest.mark.parametrize("name", WITH_LOSSES)
def test_the_order_of_the_images_changes_nothing(name):
    method = attached(METHODS[name]())
    parts = judged(1, REAL_LABELS), judged(2, FAKE_LABELS)
    order = torch.tensor([3, 6, 0, 2, 5, 1, 4])

    def shuffled(part):
        images, labels, scores, features = (field.detach()[order] for field in part)
        return Judged(images.requires_grad_(), labels, scores, features.requires_grad_())

    def results(parts, kind):
        leaves = [leaf for part in parts for leaf in (part.images, part.features)]
        value = values(method, *parts)[kind]
        slopes = gradients(value, leaves + learning(method)) if value.requires_grad else []
        return value, slopes[:4], slopes[4:]

    for kind in ("discriminator", "generator"):
        before = results(parts, kind)
        after = results([shuffled(part) for part in parts], kind)
        assert_same(before[0], after[0])
        assert_same([slope[order] for slope in before[1]], after[1])
        assert_same(before[2], after[2])


@pytest.mark.parametrize("name", WITH_LOSSES)
def test_the_weight_multiplies_both_losses_and_its_absence_silences_them(name):
    real, fake = judged(1), judged(2)
    one, heavy, none = (attached(METHODS[name](weight=w)) for w in (1.0, 2.5, 0.0))
    for kind in ("discriminator", "generator"):
        value = values(one, real, fake)[kind]
        torch.testing.assert_close(values(heavy, real, fake)[kind], 2.5 * value)
        assert values(none, real, fake)[kind] == 0
    assert values(one, real, fake)["generator"] != 0


BIASED = [
    "ACGAN",
    "ACGAN on real images",
    "ACGANNormalisedFeatures",
    "TACGAN",
    "ADCGAN",
    "AMGAN",
]


@pytest.mark.parametrize("name", BIASED)
def test_a_shift_of_all_logits_changes_nothing(name):
    method, real, fake = attached(METHODS[name]()), judged(1), judged(2)
    heads = [method.classifier, *([method.twin] if name == "TACGAN" else [])]
    for kind in ("discriminator", "generator"):
        leaves = [real.features, fake.features, *learning(method)]
        value = values(method, real, fake)[kind]
        slopes = gradients(value, leaves)
        for head in heads:
            head.bias.data += 3.7
        shifted = values(method, real, fake)[kind]
        assert_same(shifted, value)
        assert_same(gradients(shifted, leaves), slopes)
        # Along the biases together there is therefore no slope.
        for head in heads:
            assert gradients(shifted, [head.bias])[0].sum().abs() < 1e-12


@pytest.mark.parametrize("name", ON_THE_SPHERE)
def test_proxies_of_classes_that_are_not_in_the_batch_get_no_gradient(name):
    method, part = attached(METHODS[name]()), judged(1, [0, 2, 2, 0, 2])
    for loss in (method.discriminator_loss(part, judged(2)), method.generator_loss(part)):
        (slope,) = gradients(loss, [method.head.proxy_matrix.weight])
        assert ((slope != 0).any(dim=1)).tolist() == [True, False, True, False]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("labels", [[2], [1, 1], [3] * 9])
@pytest.mark.parametrize("name", ON_THE_SPHERE)
def test_one_class_or_one_image_has_nothing_to_be_told_from(name, labels, dtype):
    method = attached(METHODS[name](), dtype)
    real, fake = judged(1, labels, dtype), judged(2, labels, dtype)
    for kind in ("discriminator", "generator"):
        value = values(method, real, fake)[kind]
        assert value == 0
        for slope in gradients(value, [real.features, fake.features, *learning(method)]):
            assert (slope == 0).all()


@pytest.mark.parametrize("loss", BETWEEN_IMAGES.values(), ids=BETWEEN_IMAGES)
@pytest.mark.parametrize("tau", [1.0, 0.01, 1e-4])
@pytest.mark.parametrize("spread", [1.0, 1e-3])
def test_losses_between_images_keep_their_digits_at_logits_of_ten_thousand(loss, tau, spread):
    # At τ = 0.0001 a cosine of 1 is a logit of 10,000.
    random = torch.Generator().manual_seed(0)
    v = F.normalize(torch.randn(K, 16, generator=random, dtype=torch.float64), dim=1)
    y = torch.arange(12) % K
    f = F.normalize(v[y] + spread * torch.randn(12, 16, generator=random).double(), dim=1)
    results = []
    for dtype in (torch.float32, torch.float64):
        # The same numbers in both: those that float32 can hold.
        leaves = [t.float().to(dtype).requires_grad_() for t in (f, v)]
        value = loss(*leaves, y, tau)
        slopes = gradients(value, leaves)
        assert all(torch.isfinite(t).all() for t in [value, *slopes])
        results.append((value, slopes))
    torch.testing.assert_close(results[0][0].double(), results[1][0], rtol=1e-4, atol=2e-6 / tau)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e-12, 1e-4, 1e4, 1e6])
@pytest.mark.parametrize("name", METHODS)
def test_features_of_any_length_give_finite_numbers_in_float32(name, scale):
    options = {"temperature": 0.01} if hasattr(METHODS[name](), "temperature") else {}
    method = attached(METHODS[name](**options), torch.float32)
    parts = [judged(seed, labels, torch.float32) for seed, labels in ((1, None), (2, None))]
    real, fake = (
        part._replace(features=(scale * part.features.detach()).requires_grad_()) for part in parts
    )
    for value in values(method, real, fake).values():
        assert torch.isfinite(value)
        if value.requires_grad:
            slopes = gradients(value, [real.features, fake.features, *learning(method)])
            assert all(torch.isfinite(slope).all() for slope in slopes)


@pytest.mark.parametrize("name", ["ACGANNormalisedFeatures", "ACGANNormalised", *ON_THE_SPHERE])
def test_features_of_zeros_get_a_bounded_gradient(name):
    method = attached(METHODS[name](), torch.float32)
    slope_bound = 1000.0  # of a vector's unit vector: see `on_sphere`
    if name in ON_THE_SPHERE:
        method.head.projection.bias.data.zero_()
        slope_bound *= torch.linalg.svdvals(method.head.projection.weight)[0].item()
    # On unit vectors the loss itself has slopes of at most 4 λ/τ (images), or 2 λ times the
    # longest row over τ (classifier); together over the batch.
    longest = 2.0
    if name == "ACGANNormalisedFeatures":
        longest = method.classifier.weight.detach().norm(dim=1).max().item()
    loss_bound = 2 * longest * method.weight / getattr(method, "temperature", 1.0)
    part = judged(1, None, torch.float32)
    features = part.features.detach().clone()
    features[::2] = 0
    part = part._replace(features=features.requires_grad_())
    (slope,) = gradients(method.generator_loss(part), [features])
    assert torch.isfinite(slope).all()
    assert 0 < slope.norm(dim=1).sum() <= slope_bound * loss_bound


@pytest.mark.parametrize("loss", BETWEEN_IMAGES.values(), ids=BETWEEN_IMAGES)
@pytest.mark.parametrize("tau", [0.5, 0.01])
def test_losses_between_images_are_computed_in_float32_under_autocast(loss, tau):
    random = torch.Generator().manual_seed(0)
    f, v = (
        F.normalize(torch.randn(n, 16, generator=random), dim=1).requires_grad_() for n in (12, K)
    )
    y = torch.arange(12) % K
    exact = loss(f, v, y, tau)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (f @ f.T).dtype == torch.bfloat16, "autocast is on"
        within = loss(f, v, y, tau)
        named = loss(f=f, v=v, y=y, tau=tau)
        assert (f @ f.T).dtype == torch.bfloat16, "and stays on afterwards"
    assert within.dtype == torch.float32
    torch.testing.assert_close(within, exact, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(named, exact, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(
        gradients(within, [f, v]), gradients(exact, [f, v]), rtol=1e-6, atol=1e-6
    )
    halves = [t.detach().bfloat16() for t in (f, v)]
    raised = loss(*[t.float() for t in halves], y, tau)
    torch.testing.assert_close(loss(*halves, y, tau), raised, rtol=0, atol=0)


def test_arguments_given_by_name_are_raised_too():
    f = F.normalize(torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    halves = {
        "embeddings": f.bfloat16(),
        "proxies": f[:3].bfloat16(),
        "labels": torch.arange(6) % 3,
    }
    assert conditional_contrastive(**halves, temperature=0.5).dtype == torch.float32


@pytest.mark.parametrize("name", WITH_SCORES)
def test_scores_are_computed_in_float32_under_autocast(name):
    data = kit.data.load("gaussians", classes=K, samples=32)
    gan = kit.GAN.for_points(data, METHODS[name](), width=16, latent_dim=3)
    for parameter in gan.conditioning.parameters():
        torch.nn.init.normal_(parameter)
    points, labels = data.real(torch.arange(32)), data.labels
    with torch.autocast("cpu", dtype=torch.bfloat16):
        judgement, part = gan.discriminator(points), gan.judge(points, labels)
    assert judgement.adversarial.dtype == torch.bfloat16
    assert part.scores.dtype == part.features.dtype == torch.float32
    added = gan.conditioning.score(judgement.features.float(), labels)
    expected = judgement.adversarial.float() + added
    torch.testing.assert_close(part.scores, expected, rtol=1e-6, atol=1e-6)
    assert added.abs().max() > 0.1


@pytest.mark.parametrize("name", WITH_LOSSES)
def test_an_accuracy_is_watched_without_a_graph(name):
    seen = attached(METHODS[name]()).observe(judged(1))
    assert set(seen) == {"accuracy"}
    assert 0 <= seen["accuracy"] <= 1
    assert not seen["accuracy"].requires_grad


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("name", WITH_LOSSES)
def test_a_weight_out_of_its_range_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"weight is {value}; give a number from 0"):
        METHODS[name](weight=value)


@pytest.mark.parametrize("name", [*ON_THE_SPHERE, "ACGANNormalised"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_out_of_its_range_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"temperature is {value}; give a number above 0"):
        METHODS[name](temperature=value)


@pytest.mark.parametrize("margin", ["margin_positive", "margin_negative"])
def test_a_margin_that_is_no_cosine_is_refused(margin):
    for value in (-1.01, 1.01, float("nan")):
        with pytest.raises(ValueError, match=rf"{margin} is {value}, but it is compared with"):
            losses.ReACGAN(**{margin: value})
    losses.ReACGAN(**{margin: -1.0})
    losses.ReACGAN(**{margin: 1.0})


@pytest.mark.parametrize("spectral_norm", [False, True])
@pytest.mark.parametrize(
    ("make", "part"),
    [(losses.ACGAN, "classifier"), (losses.ADCGAN, "classifier"), (losses.Projection, "proxies")],
)
def test_spectral_norm_is_a_dial_of_the_head(make, part, spectral_norm):
    method = make(spectral_norm=spectral_norm)
    torch.manual_seed(0)
    method.attach(6, K)
    head = getattr(method, part)
    assert hasattr(head, "parametrizations") == spectral_norm
    if spectral_norm:
        for _ in range(200):  # each look is one power iteration
            matrix = head.weight
        assert torch.linalg.svdvals(matrix)[0].item() == pytest.approx(1, rel=1e-3)
    again = rebuild(describe(method), losses)
    assert again.spectral_norm == spectral_norm
