"""Who moves the weights: the game of real and fake, or the conditioning?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from cgan_kit.diagnostics.look import Look, scene, untouched
from cgan_kit.diagnostics.split import each_norm, slope, split
from cgan_kit.training.loop import Record
from cgan_kit.training.step import Players

PREFIX = "share"


@dataclass(frozen=True)
class GradientShare(Look):
    """Both players' gradients, split into what the head and what the score sends back.

    See `Split` for the two. Recorded, each under "share/", for three places: the weights of the
    discriminator's trunk ("trunk"), the generator's images ("image") and its weights
    ("generator"):

        trunk_head, trunk_score    ‖∂L_D/∂θ‖ of either part; penalties not counted
        image_head, image_score    mean n ‖∂L_G/∂x_i‖
        generator_head, .._score   ‖∂L_G/∂θ‖
        trunk_cosine, image_cosine, generator_cosine
                                   between the two parts (at the images: the mean over them);
                                   left out where one of the two is zero

    Arguments and errors: those of `Look`.
    """

    def __call__(self, players: Players, step: int) -> Record:
        gan = players.gan
        trunk, generator = list(gan.discriminator.parameters()), list(gan.generator.parameters())
        with untouched(gan):
            parts = split(gan, scene(players, self.n))
            images, n = parts.fake.images, len(parts.fake.labels)
            found = _sizes(
                "trunk", *(slope(part, *trunk) for part in (parts.d_head, parts.d_score))
            )
            # One backward pass gives both: the gradient at the images lies on the way.
            at_images, at_weights = zip(
                *(
                    slope(part, images, *generator).split([images.numel(), count(generator)])
                    for part in (parts.g_head, parts.g_score)
                ),
                strict=True,
            )
            found |= _sizes("generator", *at_weights)
            found |= _sizes("image", *(each.view(n, -1) for each in at_images))
        return {f"{PREFIX}/{name}": value.item() for name, value in found.items()}


def count(weights: Iterable[Tensor]) -> int:
    """How many numbers they hold together."""
    return sum(weight.numel() for weight in weights)


def _sizes(place: str, head: Tensor, score: Tensor) -> dict[str, Tensor]:
    """Norms of two gradients and their cosine; of rows (n, d): means over the rows."""
    if head.ndim == 1:
        head, score = head[None], score[None]
    n = len(head)
    # A mean over n images leaves each with an n-th of its gradient.
    found = {
        f"{place}_head": each_norm(head, n).mean(),
        f"{place}_score": each_norm(score, n).mean(),
    }
    if all(value > 0 for value in found.values()):
        found[f"{place}_cosine"] = F.cosine_similarity(head, score).mean()
    return found
