"""The two factors of the classifier's gradient, against autograd and against loops."""

import math

import pytest
import torch
from patients import METHODS, noise, players_after

import cgan_kit as kit
from cgan_kit.diagnostics import ClassifierProbe, scene, split, untouched
from cgan_kit.diagnostics.readings import (
    angles,
    class_vectors,
    effective_negatives,
    right_probability,
)

N = 12
WITH_CLASSES = sorted(
    name for name in METHODS if name not in ("NoConditioning", "Concatenation", "FrozenClassifier")
)


def look(players):
    """What the probe records, and the judged images it looked at."""
    found = ClassifierProbe(n=N)(players, 1)
    with untouched(players.gan):
        parts = split(players.gan, scene(players, N))
    return {name.removeprefix("classifier/"): value for name, value in found.items()}, parts


def test_product_and_gradient_are_those_of_the_identity():
    """∂L/∂w_k = -(1/N) Σ F(x_i)(1[y_i = k] - p_ik): over real and fake, as AC-GAN's D counts."""
    players = players_after(4, kit.losses.ACGAN(weight=3.0))
    found, parts = look(players)
    classifier, labels = players.gan.conditioning.classifier, parts.real.labels
    rows, bias = torch.zeros_like(classifier.weight), torch.zeros_like(classifier.bias)
    with torch.no_grad():
        for judged in (parts.real, parts.fake):
            p = torch.softmax(classifier(judged.features), dim=1)
            for i in range(N):
                for k in range(3):
                    wrong = float(labels[i] == k) - p[i, k]
                    rows[k] -= judged.features[i] * wrong / N
                    bias[k] -= wrong / N
    size = 3 * math.sqrt(float(rows.square().sum() + bias.square().sum()))
    assert found["head_gradient"] == pytest.approx(size, rel=1e-4)

    p = torch.softmax(classifier(parts.real.features), dim=1)[torch.arange(N), labels]
    product = (parts.real.features.norm(dim=1) * (1 - p)).detach()
    assert found["product_real"] == pytest.approx(product.mean().item(), rel=1e-4)
    for k in range(3):
        of_class = product[labels == k].mean().item()
        assert found[f"product_real/{k}"] == pytest.approx(of_class, rel=1e-4)
    assert found["p_real"] == pytest.approx(p.mean().item(), rel=1e-4)
    for name, share in (("low", 0.1), ("middle", 0.5), ("high", 0.9)):
        expected = torch.quantile(p, share).item()
        assert found[f"p_real_{name}"] == pytest.approx(expected, rel=1e-4)
    assert found["class_norm"] == pytest.approx(classifier.weight.norm(dim=1).mean().item())
    assert found["feature_norm_real"] == pytest.approx(
        parts.real.features.norm(dim=1).mean().item(), rel=1e-4
    )


def test_what_goes_back_into_the_features_is_that_of_the_formula():
    """n ∂L/∂F(x_i) = -λ Σ_k w_k (1[y_i = k] - p_ik): of D's loss at real, of G's at fake ones."""
    # On fakes only G's loss counts then, so that the two players can be told apart.
    found, parts = look(players_after(4, classes := kit.losses.ACGAN(weight=3.0, real_only=True)))
    with torch.no_grad():
        for name, judged in (("real", parts.real), ("fake", parts.fake)):
            p = torch.softmax(classes.classifier(judged.features), dim=1)
            wrong = torch.nn.functional.one_hot(judged.labels, 3) - p
            expected = 3 * (wrong @ classes.classifier.weight).norm(dim=1).mean().item()
            assert found[f"feature_gradient_{name}"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("method", ["ACGANNormalisedFeatures", "ACGANNormalised", "ReACGAN"])
def test_a_head_that_reads_unit_vectors_has_1_minus_p_for_a_product(method):
    found, _ = look(players_after(3, METHODS[method]()))
    assert found["product_real"] == pytest.approx(1 - found["p_real"], rel=1e-4)
    assert found["product_fake"] == pytest.approx(1 - found["p_fake"], rel=1e-4)
    assert abs(found["feature_norm_real"] - 1) > 0.01, "the features themselves are not"


@pytest.mark.parametrize("method", WITH_CLASSES)
def test_p_is_the_exponential_of_the_loss_and_angles_are_angles(method):
    players = players_after(3, METHODS[method]())
    found, parts = look(players)
    conditioning = players.gan.conditioning
    assert 0 < found["own_angle_real"] < 180
    assert 0 < found["other_angle_real"] < 180
    if method == "Projection":
        assert "p_real" not in found
        return
    p = right_probability(conditioning, parts.real)
    if method in ("TACGAN", "ADCGAN"):  # D's loss has a second term, of fakes
        other = right_probability(conditioning, parts.fake, real=False)
        if method == "TACGAN":
            twin = torch.softmax(conditioning.twin(parts.fake.features), dim=1)
            other = twin[torch.arange(N), parts.fake.labels]
        loss = -p.log().mean() - other.log().mean()
    elif isinstance(conditioning, kit.losses.ACGAN) and not conditioning.real_only:
        loss = -p.log().mean() - right_probability(conditioning, parts.fake).log().mean()
    else:
        loss = -p.log().mean()
    expected = conditioning.discriminator_loss(parts.real, parts.fake)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)


def test_a_head_without_classes_has_norms_alone():
    found, _ = look(players_after(1, None))
    assert set(found) == {
        "feature_norm_real", "feature_norm_fake", "feature_gradient_real", "feature_gradient_fake",
    }  # fmt: skip
    assert found["feature_gradient_real"] == 0


def test_longer_features_make_acgans_product_longer_and_leave_the_normalised_ones():
    products = {}
    for method in ("ACGAN", "ACGANNormalisedFeatures", "ACGANNormalised", "ReACGAN"):
        conditioning = METHODS[method]()
        conditioning.attach(5, 3)
        random = torch.Generator().manual_seed(0)
        features, labels = torch.randn(9, 5, generator=random), torch.arange(9) % 3
        lengths = []
        for scale in (1.0, 100.0):
            compared, _ = class_vectors(conditioning, scale * features)
            lengths.append(compared.norm(dim=1).mean().item())
        products[method] = lengths[1] / lengths[0]
        assert len(labels) == 9
    assert products.pop("ACGAN") == pytest.approx(100)
    assert all(ratio == pytest.approx(1) for ratio in products.values())


def test_angles_by_hand():
    vectors = torch.tensor([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]])
    classes = torch.tensor([[5.0, 0.0], [0.0, 0.1], [-1.0, 0.0]])
    own, other = angles(vectors, classes, torch.tensor([0, 0, 2]))
    assert own.tolist() == pytest.approx([0, 90, 135], abs=0.05)
    assert other.tolist() == pytest.approx([90, 0, 45], abs=0.05)
    assert angles(vectors, classes[:1], torch.zeros(3, dtype=torch.int64))[1].tolist() == [180] * 3


def test_negatives_count_by_their_share_of_the_push():
    labels = torch.tensor([0, 1, 1, 1])
    alike = torch.zeros(4, 4)
    assert effective_negatives(alike, labels).tolist() == pytest.approx([3, 1, 1, 1])
    one_pushes = torch.tensor([[0.0, 50.0, 0.0, 0.0]]).expand(4, 4)
    assert effective_negatives(one_pushes, labels)[0].item() == pytest.approx(1)
    assert effective_negatives(alike, torch.zeros(4, dtype=torch.int64)).tolist() == [0] * 4


@pytest.mark.parametrize(("margins", "expected"), [((-1.0, 1.0), 1), ((1.0, -1.0), 0)])
def test_margins_silence_all_or_nothing_at_their_ends(margins, expected):
    conditioning = kit.losses.ReACGAN(1.0, 0.5, *margins)
    found, _ = look(players_after(2, conditioning))
    assert found["silenced_positives"] == expected
    assert found["silenced_negatives"] == expected
    assert "silenced_positives" not in look(players_after(1, kit.losses.ContraGAN()))[0]


def test_one_class_has_no_negatives_to_silence():
    found, _ = look(players_after(1, kit.losses.ReACGAN(), data=noise(classes=1)))
    assert "silenced_negatives" not in found
    assert found["effective_negatives"] == 0
    assert all(map(math.isfinite, found.values()))
