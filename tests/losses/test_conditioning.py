"""What a conditioning method is, and the plain ones: projection, concatenation, AC-GAN, none."""

import pytest
import slow_losses as slow
import torch
from situations import METHODS, F, K, N, assert_agree, attached, judged

import cgan_kit as kit
from cgan_kit.losses import ACGAN, Concatenation, Conditioning, Judged, NoConditioning, Projection


def test_the_classifier_gradient_is_features_times_what_is_not_yet_believed():
    # dL/dw_k = -(1/N) sum_i F(x_i) (1[y_i = k] - p_ik)
    method, fake = attached(ACGAN()), judged(3)
    method.generator_loss(fake).backward()
    probabilities = method.logits(fake.features).softmax(dim=1)
    for k in range(K):
        expected = torch.zeros(F, dtype=torch.float64)
        for features, y, p in zip(fake.features, fake.labels, probabilities, strict=True):
            expected -= features.detach() * (float(y == k) - p[k].detach()) / len(fake.labels)
        assert torch.allclose(method.classifier.weight.grad[k], expected, atol=1e-12)


def test_the_class_loss_pulls_features_towards_the_right_row():
    method, fake = attached(ACGAN()), judged(4, [2, 2, 2])
    (slope,) = torch.autograd.grad(method.generator_loss(fake), fake.features)
    moved = fake._replace(features=fake.features.detach() - 0.1 * slope)
    before, after = (method.logits(part.features).softmax(dim=1)[:, 2] for part in (fake, moved))
    assert (after > before).all()


@pytest.mark.parametrize("real_only", [False, True])
def test_fake_features_feel_the_discriminators_class_loss_only_in_the_papers_variant(real_only):
    method, real, fake = attached(ACGAN(real_only=real_only)), judged(1), judged(2)
    method.discriminator_loss(real, fake).backward()
    assert real.features.grad.abs().sum() > 0
    assert (fake.features.grad is None) == real_only


def test_accuracy_is_the_share_of_right_classes():
    method, part = attached(ACGAN()), judged(5)
    best = method.logits(part.features).argmax(dim=1)
    labels = best.clone()
    labels[0] = (labels[0] + 1) % K
    seen = method.observe(part._replace(labels=labels))
    assert seen["accuracy"].item() == pytest.approx((N - 1) / N)


def weighted(scores: list[torch.Tensor] | torch.Tensor) -> torch.Tensor:
    """A scalar to which each score adds with another weight."""
    return sum((i + 1) * score for i, score in enumerate(scores))


def test_projection_adds_the_inner_product_with_the_class_vector():
    method, part = attached(Projection()), judged(6)
    own_vectors = slow.rows(method.proxies.weight[part.labels])
    pairs = zip(own_vectors, slow.rows(part.features), strict=True)
    expected = [slow.dot(vector, x) for vector, x in pairs]
    scores = method.score(part.features, part.labels)
    assert scores.shape == (N,)
    leaves = [part.features, method.proxies.weight]
    assert_agree(weighted(scores), weighted(expected), leaves, tolerance=1e-12)
    assert method.discriminator_loss(part, part) == 0
    assert method.generator_loss(part) == 0


def test_projection_starts_as_an_unconditional_game_that_can_learn():
    method = Projection()
    method.attach(F, K)
    features = torch.randn(N, F)
    scores = method.score(features, torch.arange(N) % K)
    assert torch.equal(scores, torch.zeros(N))
    scores.sum().backward()
    assert method.proxies.weight.grad.abs().sum() > 0


def test_projection_moves_only_the_vectors_of_the_classes_it_saw():
    method, part = attached(Projection()), judged(7, [1, 1, 3])
    method.score(part.features, part.labels).sum().backward()
    assert (method.proxies.weight.grad.abs().sum(dim=1) > 0).tolist() == [False, True, False, True]


def test_concatenation_scores_the_features_with_the_label_beside_them():
    method, part = attached(Concatenation(width=6)), judged(8)
    first, _, last = method.head
    vectors, expected = slow.rows(method.embedding.weight), []
    for x, y in zip(slow.rows(part.features), part.labels.tolist(), strict=True):
        hidden = slow.affine(first, x + vectors[y])
        expected += slow.affine(last, [unit if unit > 0 else 0.2 * unit for unit in hidden])
    scores = method.score(part.features, part.labels)
    assert scores.shape == (N,)
    leaves = [part.features, *method.parameters()]
    assert_agree(weighted(scores), weighted(expected), leaves, tolerance=1e-12)
    other = method.score(part.features, (part.labels + 1) % K)
    assert (scores != other).all()


def test_no_conditioning_adds_nothing():
    method, part = attached(NoConditioning()), judged(9)
    assert torch.equal(method.score(part.features, part.labels), torch.zeros(N).double())
    assert method.discriminator_loss(part, part) == 0
    assert method.generator_loss(part) == 0
    assert method.observe(part) == {}
    assert list(method.parameters()) == []


@pytest.mark.parametrize("name", [name for name in METHODS if name != "FrozenClassifier"])
def test_every_parameter_of_a_head_learns_in_the_discriminators_step(name):
    method = METHODS[name]()
    data = tiny_set()
    gan = kit.GAN.for_images(data, method, width=2, latent_dim=3)
    labels = data.labels[:8]
    real, fake = gan.judge_both(data.real(torch.arange(8)), torch.randn(8, 1, 8, 8), labels)
    loss = gan.adversarial.discriminator(real.scores, fake.scores)
    (loss + method.discriminator_loss(real, fake)).backward()
    for each, parameter in method.named_parameters():
        assert parameter.grad is not None, each
        assert torch.isfinite(parameter.grad).all(), each
    grown = [p.grad.abs().sum() > 0 for p in method.parameters()]
    assert any(grown) or not grown


def test_class_losses_stay_finite_for_huge_features():
    for scale in (1e4, 1e6):
        method = ACGAN()
        method.attach(F, K)
        features = (scale * torch.randn(N, F)).requires_grad_()
        part = Judged(torch.zeros(N), torch.arange(N) % K, torch.zeros(N), features)
        loss = method.discriminator_loss(part, part)
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(features.grad).all()


def tiny_set() -> kit.data.ImageSet:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (24, 1, 8, 8), dtype=torch.uint8, generator=random)
    return kit.data.ImageSet(images, torch.arange(24) % 3, ["a", "b", "c"])


class Margin(Conditioning):
    """A method that the kit does not have: distance to a learned centre of each class."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def attach(self, feature_dim: int, num_classes: int) -> None:
        self.centres = torch.nn.Parameter(torch.ones(num_classes, feature_dim))

    def distance(self, part: Judged) -> torch.Tensor:
        return self.weight * (part.features - self.centres[part.labels]).square().mean()

    def discriminator_loss(self, real: Judged, fake: Judged) -> torch.Tensor:
        return self.distance(real)

    def generator_loss(self, fake: Judged) -> torch.Tensor:
        return self.distance(fake)

    def observe(self, part: Judged) -> dict[str, torch.Tensor]:
        return {"distance": self.distance(part).detach()}


def test_a_new_method_is_one_class(tmp_path):
    method = Margin(weight=0.5)
    data = tiny_set()
    gan = kit.GAN.for_images(data, method, width=2, latent_dim=3)
    run = kit.train(
        gan,
        data,
        steps=3,
        recipe=kit.Recipe(batch_size=8),
        folder=tmp_path / "run",
        log_every=1,
        precision=kit.Precision(),
    )
    assert (method.centres != 1).any()
    last = run.history()[-1]
    assert {"distance_real", "distance_fake"} <= set(last)
    assert last["d_conditioning"] == pytest.approx(last["distance_real"])
    assert run.config["gan"]["conditioning"] == {"class": "Margin", "weight": 0.5}
    assert run.sample(torch.zeros(3, 3), torch.arange(3)).shape == (3, 1, 8, 8)
    assert "conditioning.centres" in run.tensors()
