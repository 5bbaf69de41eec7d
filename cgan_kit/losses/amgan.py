"""AM-GAN: "fake" is one more class, and the real/fake game is played among the classes."""

from __future__ import annotations

from torch import Tensor

from cgan_kit.losses.acgan import ACGAN


class AMGAN(ACGAN):
    """A softmax over K classes and "fake"; no adversarial head beside it.

    Zhou et al. 2018, arXiv:1703.02000, section 3. With p over the K + 1 classes:

        D minimises  E_real[-log p_y] + E_fake[-log p_fake]
        G minimises  E_fake[-log p_y]

    The discriminator's own score, with its sign changed, is the logit of "fake". The log odds
    of real against fake are then

        score(x) = log Σ_k e^{l_k(x)} - l_fake(x)

    and each cross entropy falls into the real/fake game on that score and the cross entropy
    of the class given that the image is real: with `non_saturating` and weight 1 the sum of
    both is the paper's loss exactly. Other games and weights are its natural relatives.

    Arguments:
        weight: of the class given real, at least 0; 1 is the paper's.

    Raises:
        ValueError: a weight out of its range.
    """

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__(weight, real_only=True)

    def score(self, features: Tensor, labels: Tensor) -> Tensor:
        return self.logits(features).logsumexp(dim=1)
