"""BigGAN's pair for images of 32, 64 and 128 px.

Brock et al. 2019, arXiv:1809.11096, table 4 of appendix B for 128 px. For 32 and 64 px the
widths are those of the published runs of ReACGAN and its rivals (PyTorch-StudioGAN). There
`width` and `latent_dim` are 96 and 80 for CIFAR-10, 80 and 100 for Tiny-ImageNet, 96 and 120
for ImageNet at 128 px.

    gan = kit.GAN(
        kit.models.BigGANGenerator(num_classes=10, sample_shape=(3, 32, 32), latent_dim=80),
        kit.models.BigGANDiscriminator(sample_shape=(3, 32, 32)),
        kit.losses.ReACGAN(weight=0.5),
        kit.losses.hinge,
    )

Weights are drawn from torch's global chance: `torch.manual_seed(0)` before makes them repeat.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cgan_kit.checks import check_counts, check_flags, is_whole
from cgan_kit.models.attention import SelfAttention
from cgan_kit.models.conditional_norm import LinearBatchNorm2d
from cgan_kit.models.interfaces import Discriminator, Generator, Judgement
from cgan_kit.models.residual import (
    DISCRIMINATOR_CHANNELS,
    GENERATOR_CHANNELS,
    HALVINGS,
    check_side,
    down_stages,
    up_stages,
)
from cgan_kit.spectral import add_spectral_norm


class BigGANGenerator(Generator):
    """z in chunks: the first makes a 4×4 map, each other one steers a stage of residual blocks.

    A stage's batch norms scale and shift by what its chunk of z and the class's vector, which
    all stages share, ask for together (section 3 of the paper).

    Arguments:
        num_classes: K.
        sample_shape: (C, H, W), square, H one of 32, 64, 128.
        latent_dim: Z, a multiple of the number of chunks: 4, 5, 6 for 32, 64, 128 px.
        width: 4 times as many channels at 32 px; 16 times to once as many above.
        depth: residual blocks at each size of the maps; 1 as published.
        embedding_dim: length of a class's vector.
        attention_side: maps of this side attend to themselves; None is half the images' side,
            as published, and 0 is no attention.
        spectral_norm: whether each layer's largest singular value is held at 1: see `spectral`.

    Raises:
        ValueError: a sample shape the pair is not made for; a latent_dim that the chunks cannot
            share; a side that no maps have; a count below 1.
    """

    def __init__(
        self,
        num_classes: int,
        sample_shape: tuple[int, ...],
        latent_dim: int = 120,
        width: int = 96,
        depth: int = 1,
        embedding_dim: int = 128,
        attention_side: int | None = None,
        spectral_norm: bool = True,
    ) -> None:
        super().__init__()
        channels, side = check_side(sample_shape, "BigGAN")
        check_counts(
            num_classes=num_classes,
            latent_dim=latent_dim,
            width=width,
            depth=depth,
            embedding_dim=embedding_dim,
        )
        check_flags(spectral_norm=spectral_norm)
        widths = [width * times for times in GENERATOR_CHANNELS[side]]
        chunk_dim = check_chunks(latent_dim, len(widths), side)
        sides = [4 * 2**stage for stage in range(1, len(widths))]
        self.num_classes = num_classes
        self.sample_shape = tuple(sample_shape)
        self.latent_dim = latent_dim
        self.width = width
        self.depth = depth
        self.embedding_dim = embedding_dim
        self.attention_side = check_attention(attention_side, side, sides)
        self.spectral_norm = spectral_norm

        condition_dim = embedding_dim + chunk_dim
        self.embedding = nn.Embedding(num_classes, embedding_dim)
        self.project = nn.Linear(chunk_dim, widths[0] * 16)
        self.stages = up_stages(
            widths, depth, lambda channels: LinearBatchNorm2d(channels, condition_dim)
        )
        if self.attention_side:
            attending = widths[1 + sides.index(self.attention_side)]
            self.attention = SelfAttention(attending)
        self.norm = nn.BatchNorm2d(widths[-1])
        self.to_image = nn.Conv2d(widths[-1], channels, 3, padding=1)
        start_orthogonal(self)
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """latents (n, Z), labels int64 (n,) -> images (n, C, H, W) in [-1, 1]."""
        first, *chunks = latents.chunk(1 + len(self.stages), dim=1)
        embedded = self.embedding(labels)
        maps = self.project(first).unflatten(1, (-1, 4, 4))
        for stage, chunk in zip(self.stages, chunks, strict=True):
            condition = torch.cat([embedded, chunk], dim=1)
            maps = stage(maps, condition)
            if maps.shape[2] == self.attention_side:
                maps = self.attention(maps)
        return torch.tanh(self.to_image(F.relu(self.norm(maps))))


class BigGANDiscriminator(Discriminator):
    """Halved by residual blocks to 4×4 (8×8 for 32 px), then summed over places.

    Arguments:
        sample_shape: (C, H, W), square, H one of 32, 64, 128.
        width: twice as many channels at 32 px; once to 16 times as many above.
        depth: residual blocks in each stage; 1 as published.
        attention_side: the first maps of this side attend to themselves; None is half the
            images' side, as published, and 0 is no attention.
        spectral_norm: whether each layer's largest singular value is held at 1: see `spectral`.

    Raises:
        ValueError: a sample shape the pair is not made for; a side that no maps have; a count
            below 1.
    """

    def __init__(
        self,
        sample_shape: tuple[int, ...],
        width: int = 96,
        depth: int = 1,
        attention_side: int | None = None,
        spectral_norm: bool = True,
    ) -> None:
        super().__init__()
        channels, side = check_side(sample_shape, "BigGAN")
        check_counts(width=width, depth=depth)
        check_flags(spectral_norm=spectral_norm)
        sides = [side // 2**stage for stage in range(1, HALVINGS[side] + 1)]
        self.sample_shape = tuple(sample_shape)
        self.width = width
        self.depth = depth
        self.attention_side = check_attention(attention_side, side, sides)
        self.spectral_norm = spectral_norm

        widths = [channels] + [width * times for times in DISCRIMINATOR_CHANNELS[side]]
        stages = down_stages(widths, HALVINGS[side], depth, wide=True)
        if self.attention_side:
            after = 1 + sides.index(self.attention_side)
            stages[after - 1].append(SelfAttention(widths[after]))
        self.stages = nn.Sequential(*stages)
        self.feature_dim = widths[-1]
        self.to_score = nn.Linear(self.feature_dim, 1)
        start_orthogonal(self)
        if spectral_norm:
            add_spectral_norm(self)

    def forward(self, samples: Tensor) -> Judgement:
        """images (n, C, H, W) -> adversarial (n,), features (n, F)."""
        features = F.relu(self.stages(samples)).sum(dim=(2, 3))
        return Judgement(self.to_score(features).squeeze(1), features)


def start_orthogonal(network: nn.Module) -> None:
    """Orthogonal weights in convolutions, linear layers and embeddings; no biases.

    Saxe et al. 2014, arXiv:1312.6120; section 3 of BigGAN's paper.
    """
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear, nn.Embedding)):
            nn.init.orthogonal_(layer.weight)
        if isinstance(layer, (nn.Conv2d, nn.Linear)) and layer.bias is not None:
            nn.init.zeros_(layer.bias)


def check_chunks(latent_dim: int, chunks: int, side: int) -> int:
    """The length of each of z's equal chunks, or a clear error."""
    if latent_dim % chunks:
        raise ValueError(
            f"latent_dim is {latent_dim}, but images of {side} px take z in {chunks} equal "
            f"chunks; give a multiple of {chunks}, such as {20 * chunks}"
        )
    return latent_dim // chunks


def check_attention(asked: int | None, side: int, sides: list[int]) -> int:
    """The side of the maps that attend, 0 for none; or a clear error."""
    chosen = side // 2 if asked is None else asked
    if not is_whole(chosen, 0) or chosen not in (0, *sides):
        raise ValueError(
            f"attention_side is {asked!r}, but the maps have sides {', '.join(map(str, sides))}; "
            "choose one of these, or 0 for no attention"
        )
    return chosen
