"""The methods with a classifier, against loops written from their papers, value and gradient."""

import math

import pytest
import slow_losses as slow
import torch
import torch.nn.functional as F
from situations import (
    K,
    N,
    PixelClassifier,
    assert_agree,
    attached,
    gradients,
    judged,
    learning,
)

from cgan_kit import metrics
from cgan_kit.losses import (
    ACGAN,
    ADCGAN,
    AMGAN,
    TACGAN,
    ACGANNormalised,
    ACGANNormalisedFeatures,
    FrozenClassifier,
    non_saturating,
)

WEIGHT = 0.7


def class_loss(logits_of, part, labels=None):
    """Cross entropy by loops; `logits_of` maps one image's features to its logits."""
    logits = [logits_of(x) for x in slow.rows(part.features)]
    return slow.cross_entropy(logits, labels or part.labels.tolist())


def plain(method):
    return lambda x: slow.affine(method.classifier, x)


def on_unit_features(method):
    return lambda x: slow.affine(method.classifier, slow.unit(x))


def on_cosines(method):
    rows = [slow.unit(row) for row in slow.rows(method.classifier.weight)]
    return lambda x: [slow.dot(row, slow.unit(x)) / method.temperature for row in rows]


VARIANTS = {
    "ACGAN": (ACGAN, plain),
    "ACGANNormalisedFeatures": (ACGANNormalisedFeatures, on_unit_features),
    "ACGANNormalised": (ACGANNormalised, on_cosines),
}


@pytest.mark.parametrize("real_only", [False, True])
@pytest.mark.parametrize("name", VARIANTS)
def test_acgan_and_its_normalised_variants(name, real_only):
    make, slow_logits = VARIANTS[name]
    method, real, fake = attached(make(WEIGHT, real_only=real_only)), judged(1), judged(2)
    logits_of = slow_logits(method)
    leaves = [real.features, fake.features, *learning(method)]
    expected = WEIGHT * class_loss(logits_of, real)
    if not real_only:
        expected = expected + WEIGHT * class_loss(logits_of, fake)
    slopes = assert_agree(method.discriminator_loss(real, fake), expected, leaves)
    assert (slopes[1] == 0).all() == real_only, "whether fakes are part of it"
    expected = WEIGHT * class_loss(logits_of, fake)
    slopes = assert_agree(method.generator_loss(fake), expected, leaves)
    assert (slopes[0] == 0).all()


def test_the_kit_counts_the_class_loss_on_fakes_too_unless_told_otherwise():
    assert not any(make().real_only for make, _ in VARIANTS.values())
    assert TACGAN().real_only
    assert AMGAN().real_only


def test_tacgans_twin_learns_from_fakes_and_the_generator_plays_against_it():
    method, real, fake = attached(TACGAN(WEIGHT)), judged(1), judged(2)
    leaves = [real.features, fake.features, *learning(method)]

    def twin(x):
        return slow.affine(method.twin, x)

    expected = WEIGHT * (class_loss(plain(method), real) + class_loss(twin, fake))
    assert_agree(method.discriminator_loss(real, fake), expected, leaves)
    expected = WEIGHT * (class_loss(plain(method), fake) - class_loss(twin, fake))
    assert_agree(method.generator_loss(fake), expected, leaves)


def test_tacgan_asks_nothing_of_the_generator_when_the_twin_agrees_with_the_classifier():
    method, fake = attached(TACGAN()), judged(2)
    method.twin.load_state_dict(method.classifier.state_dict())
    loss = method.generator_loss(fake)
    assert loss == 0
    assert (gradients(loss, [fake.features])[0] == 0).all()


def test_adcgan_tells_the_real_image_of_a_class_from_the_fake_one():
    method, real, fake = attached(ADCGAN(WEIGHT)), judged(1), judged(2)
    leaves = [real.features, fake.features, *learning(method)]
    real_places, fake_places = ([2 * y for y in part.labels.tolist()] for part in (real, fake))
    beside = [place + 1 for place in fake_places]
    logits_of = plain(method)
    expected = class_loss(logits_of, real, real_places) + class_loss(logits_of, fake, beside)
    assert_agree(method.discriminator_loss(real, fake), WEIGHT * expected, leaves)
    expected = class_loss(logits_of, fake, fake_places) - class_loss(logits_of, fake, beside)
    assert_agree(method.generator_loss(fake), WEIGHT * expected, leaves)
    assert method.classifier.out_features == 2 * K


def test_adcgans_accuracy_asks_for_the_class_and_not_for_real_or_fake():
    method, part = attached(ADCGAN()), judged(3)
    best = method.classifier(part.features).argmax(dim=1)
    assert len((best % 2).unique()) == 2, "the batch shows both halves"
    assert method.observe(part._replace(labels=best // 2))["accuracy"] == 1


def test_amgan_with_the_non_saturating_game_is_the_papers_softmax_over_k_plus_1_classes():
    method, real, fake = attached(AMGAN()), judged(1), judged(2)
    own = {part.labels: part.scores.clone().requires_grad_() for part in (real, fake)}

    def with_scores(part):
        return part._replace(scores=own[part.labels] + method.score(part.features, part.labels))

    def paper(part, labels):
        """-log p_label over K classes and "fake", whose logit is the score with its sign changed"""
        places = zip(slow.rows(part.features), list(own[part.labels]), strict=True)
        logits = [[*slow.affine(method.classifier, x), -score] for x, score in places]
        return slow.cross_entropy(logits, labels)

    leaves = [real.features, fake.features, *own.values(), *learning(method)]
    r, f = with_scores(real), with_scores(fake)
    loss = non_saturating.discriminator(r.scores, f.scores) + method.discriminator_loss(r, f)
    expected = paper(real, real.labels.tolist()) + paper(fake, [K] * N)
    assert_agree(loss, expected, leaves)
    loss = non_saturating.generator(r.scores, f.scores) + method.generator_loss(f)
    assert_agree(loss, paper(fake, fake.labels.tolist()), leaves)


def test_amgans_weight_is_that_of_the_class_given_real_and_leaves_the_score_alone():
    light, heavy, part = attached(AMGAN(0.25)), attached(AMGAN(1.0)), judged(1)
    for loss in (lambda m: m.discriminator_loss(part, part), lambda m: m.generator_loss(part)):
        assert loss(light).item() == pytest.approx(loss(heavy).item() / 4)
    assert torch.equal(
        light.score(part.features, part.labels), heavy.score(part.features, part.labels)
    )


def test_a_frozen_classifier_asks_the_generator_alone_and_reads_images():
    method, real, fake = attached(FrozenClassifier(PixelClassifier(), WEIGHT)), judged(1), judged(2)
    assert method.discriminator_loss(real, fake) == 0
    logits = [slow.affine(method.classifier.layer, x) for x in slow.rows(fake.images.flatten(1))]
    expected = WEIGHT * slow.cross_entropy(logits, fake.labels.tolist())
    loss = method.generator_loss(fake)
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-10)
    # Images are float32 in the kit, so their gradient has its seven digits.
    ours, theirs = gradients(loss, [fake.images]), gradients(expected, [fake.images])
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-8)
    assert ours[0].abs().max() > 1e-3
    assert gradients(loss, [fake.features])[0].abs().max() == 0


def test_a_frozen_classifier_stays_as_it_was():
    given = metrics.Classifier((1, 8, 8), K)
    method = FrozenClassifier(given.train())
    before = {name: value.clone() for name, value in method.classifier.state_dict().items()}
    assert given.training
    assert all(p.requires_grad for p in given.parameters()), "the given one is left alone"
    method.train()
    assert method.training
    assert not any(module.training for module in method.classifier.modules())
    part = judged(1)._replace(images=torch.randn(N, 1, 8, 8, requires_grad=True))
    method.generator_loss(part).backward()
    method.observe(part)
    assert all(p.grad is None and not p.requires_grad for p in method.parameters())
    assert all(torch.equal(before[k], value) for k, value in method.classifier.state_dict().items())


def test_a_classifier_of_other_classes_or_none_at_all_is_refused():
    with pytest.raises(ValueError, match=r"classifier knows 3 classes but the data has 4; train"):
        FrozenClassifier(metrics.Classifier((1, 8, 8), 3)).attach(5, 4)
    with pytest.raises(ValueError, match=r"classifier is 'mine'; give a trained one"):
        FrozenClassifier("mine")


def belief_gradient(rows, labels, probabilities):
    """-(1/N) Σ_i row_i (1[y_i = k] - p_ik) for every class k, (K, F)."""
    expected = torch.zeros(K, rows.shape[1], dtype=torch.float64)
    for row, y, p in zip(rows, labels, probabilities, strict=True):
        for k in range(K):
            expected[k] -= row * (float(y == k) - p[k]) / len(rows)
    return expected.detach()


def test_with_unit_features_the_classifiers_gradient_has_their_directions_alone():
    # dL/dw_k = -(1/N) Σ_i F(x_i)/‖F(x_i)‖ (1[y_i = k] - p_ik), so ‖dL/dw_k‖ <= 1.
    method, fake = attached(ACGANNormalisedFeatures()), judged(3)
    (slope,) = gradients(method.generator_loss(fake), [method.classifier.weight])
    believed = method.logits(fake.features).softmax(dim=1)
    directions = F.normalize(fake.features, dim=1)
    torch.testing.assert_close(slope, belief_gradient(directions, fake.labels, believed))
    assert (slope.norm(dim=1) <= 1).all()


def test_with_unit_rows_too_only_the_part_across_each_row_is_left():
    # With u_k = w_k/‖w_k‖:  dL/dw_k = (1 - u_k u_kᵀ) / (‖w_k‖ τ) of the same.
    method, fake = attached(ACGANNormalised(temperature=0.5)), judged(3)
    weight = method.classifier.weight
    (slope,) = gradients(method.generator_loss(fake), [weight])
    believed = method.logits(fake.features).softmax(dim=1)
    along = belief_gradient(F.normalize(fake.features, dim=1), fake.labels, believed)
    lengths = weight.detach().norm(dim=1, keepdim=True)
    unit_rows = weight.detach() / lengths
    across = along - (along * unit_rows).sum(dim=1, keepdim=True) * unit_rows
    torch.testing.assert_close(slope, across / lengths / 0.5)


@pytest.mark.parametrize("name", VARIANTS)
def test_only_plain_acgans_gradient_grows_with_the_features(name):
    method = attached(VARIANTS[name][0]())
    norms = []
    for scale in (1, 100):
        part = judged(4)
        part = part._replace(features=(scale * part.features.detach()).requires_grad_())
        (slope,) = gradients(method.generator_loss(part), [method.classifier.weight])
        norms.append(slope.norm().item())
    if name == "ACGAN":
        assert norms[1] > 50 * norms[0]
    else:
        assert norms[1] == pytest.approx(norms[0], rel=1e-9)


def test_on_cosines_no_class_is_ever_certain():
    method = attached(ACGANNormalised(temperature=0.5))
    weight = method.classifier.weight.data
    weight[1:] = -weight[0]
    believed = method.logits(1e3 * weight[:1]).softmax(dim=1).max()
    assert believed.item() == pytest.approx(1 / (1 + (K - 1) * math.exp(-2 / 0.5)), rel=1e-9)
    assert method.classifier.bias is None
