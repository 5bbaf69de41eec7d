"""BigGAN's pair: published sizes, z in chunks, attention where asked, orthogonal start."""

import inspect

import pytest
import torch
from residual_pairs import SHAPE, parameters, small_discriminator, small_generator
from torch import nn

import cgan_kit as kit
from cgan_kit.models import BigGANDiscriminator, BigGANGenerator, biggan, draw_latents
from cgan_kit.models.attention import SelfAttention

# Side of the images: classes, width, latent_dim, parameters of the generator, and of the
# discriminator together with a projection of the classes to its features.
PUBLISHED = {
    32: (10, 96, 80, 9_416_196, 2_415_170),
    64: (200, 80, 100, 17_335_204, 30_796_722),
    128: (1000, 96, 120, 70_433_988, 87_982_370),
}


@pytest.mark.parametrize("side", PUBLISHED)
def test_the_published_pairs_have_as_many_parameters(side):
    """As printed in PyTorch-StudioGAN's training logs of BigGAN on CIFAR-10, Tiny-ImageNet and
    ImageNet (commit 947b35e, logs/*/BigGAN-train-*.log, logs/IMAGENET/BigGAN2048-*.log).

    Counted is every parameter: attention (after the generator's second, third, fourth block,
    after the discriminator's first: always at half the image's side), the shared class vectors
    of 128 numbers, and in the discriminator the projection's class vectors, which here belong
    to the conditioning. Without them CIFAR-10's discriminator has 2,413,250.
    """
    classes, width, latent_dim, generator_has, discriminator_has = PUBLISHED[side]
    shape = (3, side, side)
    with torch.device("meta"):
        generator = BigGANGenerator(classes, shape, latent_dim, width, spectral_norm=False)
        judge = BigGANDiscriminator(shape, width, spectral_norm=False)
        projection = kit.losses.Projection()
        projection.attach(judge.feature_dim, classes)
    assert parameters(generator) == generator_has
    assert parameters(judge) + parameters(projection) == discriminator_has


@pytest.mark.parametrize(
    ("side", "projection_dim", "published"), [(32, 512, 2_517_186), (64, 768, 31_678_130)]
)
def test_with_a_head_on_the_sphere_too(side, projection_dim, published):
    """ContraGAN's logs of the same repository; ReACGAN's head has the same layers.

    The 2.52 million that are often quoted for CIFAR-10 are this number.
    """
    classes, width, *_ = PUBLISHED[side]
    with torch.device("meta"):
        judge = BigGANDiscriminator((3, side, side), width, spectral_norm=False)
        for head in (
            kit.losses.ContraGAN(projection_dim=projection_dim),
            kit.losses.ReACGAN(projection_dim=projection_dim),
        ):
            head.attach(judge.feature_dim, classes)
            assert parameters(judge) + parameters(head) == published


@pytest.mark.parametrize(("side", "published"), [(64, 19_747_521), (128, 39_443_137)])
def test_without_attention_the_discriminator_is_studiogans_resnet(side, published):
    """Whose logs of SNGAN count it with a projection of 200 and of 1000 classes."""
    with torch.device("meta"):
        judge = BigGANDiscriminator((3, side, side), 64, attention_side=0, spectral_norm=False)
    assert parameters(judge) + {64: 200, 128: 1000}[side] * 1024 == published


def test_spectral_norm_is_a_dial_of_both_and_adds_no_parameters():
    for make in (small_generator, small_discriminator):
        free, held = make("BigGAN", spectral_norm=False), make("BigGAN")
        assert parameters(free) == parameters(held)
        assert not any(hasattr(layer, "parametrizations") for layer in free.modules())
        for layer in held.modules():
            has = hasattr(layer, "parametrizations")
            assert has == isinstance(layer, (nn.Conv2d, nn.Linear)), layer


def test_each_chunk_of_z_enters_at_its_own_stage():
    torch.manual_seed(0)
    generator = small_generator("BigGAN", latent_dim=8, width=4).eval()
    nn.init.ones_(generator.attention.gain)
    seen: list[torch.Tensor] = []
    for stage in (generator.project, *generator.stages):
        stage.register_forward_hook(lambda *arguments: seen.append(arguments[-1]))

    def stages(latents):
        seen.clear()
        generator(latents, torch.tensor([1, 2]))
        return list(seen)

    latents = draw_latents(2, 8, torch.Generator().manual_seed(0))
    before = stages(latents)
    for chunk in range(4):
        other = latents.clone()
        other[:, 2 * chunk : 2 * chunk + 2] += 1
        changed = [not torch.equal(a, b) for a, b in zip(before, stages(other), strict=True)]
        assert changed == [stage >= chunk for stage in range(4)]


def test_one_class_vector_serves_all_stages():
    generator = small_generator("BigGAN")
    embeddings = [m for m in generator.modules() if isinstance(m, nn.Embedding)]
    assert embeddings == [generator.embedding]
    norms = [m for m in generator.modules() if type(m).__name__ == "LinearBatchNorm2d"]
    assert len(norms) == 6
    assert {norm.gain.in_features for norm in norms} == {5 + 15}


@pytest.mark.parametrize(("asked", "found"), [(None, 16), (8, 8), (32, 32), (0, None)])
def test_the_generator_attends_where_asked(asked, found):
    generator = small_generator("BigGAN", attention_side=asked)
    assert attended(generator, draw_latents(2, 60), torch.tensor([0, 1])) == found


@pytest.mark.parametrize(("asked", "found"), [(None, 16), (8, 8), (0, None)])
def test_the_discriminator_attends_once_where_asked(asked, found):
    judge = small_discriminator("BigGAN", attention_side=asked)
    assert attended(judge, torch.randn(2, *SHAPE)) == found


def attended(network, *inputs):
    """The side of the maps that attention saw; it is there once or not at all."""
    sides = []
    layers = [m for m in network.modules() if isinstance(m, SelfAttention)]
    for layer in layers:
        layer.register_forward_hook(lambda layer, given, out: sides.append(out.shape[2]))
    network(*inputs)
    assert len(sides) == len(layers) <= 1
    return sides[0] if sides else None


def test_weights_start_orthogonal():
    torch.manual_seed(0)
    for make in (small_generator, small_discriminator):
        network = make("BigGAN", width=8, spectral_norm=False)
        layers = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
        assert layers
        for layer in [*layers, *(m for m in network.modules() if isinstance(m, nn.Embedding))]:
            matrix = layer.weight.detach().flatten(1)
            small = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
            torch.testing.assert_close(small, torch.eye(len(small)), rtol=0, atol=1e-5)
            assert getattr(layer, "bias", None) is None or not layer.bias.any()


def test_what_cannot_be_shared_or_found_is_refused():
    with pytest.raises(ValueError, match=r"latent_dim is 81.*32 px.*4 equal chunks.*such as 80"):
        small_generator("BigGAN", latent_dim=81)
    with pytest.raises(ValueError, match=r"latent_dim is 80.*128 px.*multiple of 6, such as 120"):
        small_generator("BigGAN", (3, 128, 128), latent_dim=80)
    with pytest.raises(ValueError, match=r"attention_side is 4.*8, 16, 32;.*0 for no attention"):
        small_generator("BigGAN", attention_side=4)
    with pytest.raises(ValueError, match=r"attention_side is 32.*16, 8;.*0 for no attention"):
        small_discriminator("BigGAN", attention_side=32)
    with pytest.raises(ValueError, match=r"embedding_dim is 0"):
        small_generator("BigGAN", embedding_dim=0)


def test_the_lines_in_the_docstring_build_a_gan():
    """At width 2: the lines themselves would take seconds to start."""
    lines = [line for line in inspect.getdoc(biggan).splitlines() if line.startswith("    ")]
    code = "\n".join(line[4:] for line in lines).replace("(3, 32, 32)", "(3, 32, 32), width=2")
    names = {"kit": kit}
    exec(code, names)
    gan = names["gan"]
    assert (gan.num_classes, gan.latent_dim) == (10, 80)
    assert gan.adversarial is kit.losses.hinge
    assert kit.GAN.from_config(gan.config()).config() == gan.config()


def test_seeded_weights_repeat():
    def weights():
        torch.manual_seed(5)
        return [*small_generator("BigGAN").parameters(), *small_discriminator("BigGAN").buffers()]

    assert all(torch.equal(a, b) for a, b in zip(weights(), weights(), strict=True))
