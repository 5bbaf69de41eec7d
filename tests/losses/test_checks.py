"""Wrong arguments of the losses, and what each is answered."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from situations import METHODS, ON_THE_SPHERE, WITH_LOSSES, K, N, attached, judged

from cgan_kit import losses, metrics
from cgan_kit.losses import conditional_contrastive, d2d_ce, d2d_ce_reference

BETWEEN_IMAGES = {
    "d2d_ce": lambda f, v, y, tau=0.5: d2d_ce(f, v, y, tau, 0.98, 0.02),
    "d2d_ce_reference": lambda f, v, y, tau=0.5: d2d_ce_reference(f, v, y, tau, 0.98),
    "conditional_contrastive": lambda f, v, y, tau=0.5: conditional_contrastive(f, v, y, tau),
}
between_images = pytest.mark.parametrize("loss", BETWEEN_IMAGES.values(), ids=BETWEEN_IMAGES)

FEATURES = F.normalize(torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), dim=1)
PROXIES = FEATURES[:3].clone()
LABELS = torch.tensor([0, 1, 2, 2, 1, 0])


@between_images
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"f": FEATURES[0]}, r"embeddings have shape \(4,\); give \(N, d\)"),
        ({"f": FEATURES[:0], "y": LABELS[:0]}, r"embeddings have shape \(0, 4\); give \(N, d\)"),
        ({"v": PROXIES[:, :1]}, r"proxies have shape \(3, 1\); give \(K, 4\), one row a class"),
        ({"v": PROXIES[0]}, r"proxies have shape \(4,\); give \(K, 4\)"),
        ({"y": LABELS[:1]}, r"labels have shape \(1,\); give one class an image: \(6,\)"),
        ({"y": LABELS[:, None]}, r"labels have shape \(6, 1\)"),
        ({"y": F.one_hot(LABELS)}, r"labels have shape \(6, 3\)"),
        ({"y": LABELS.float()}, r"labels have dtype torch.float32; give labels.long\(\)"),
        ({"y": LABELS > 0}, r"labels have dtype torch.bool; give labels.long\(\)"),
        ({"y": LABELS + 5}, r"labels run from 5 to 7, but proxies has 3 rows; give .* 0 to 2"),
        ({"y": LABELS - 1}, r"labels run from -1 to 1, but proxies has 3 rows; give .* 0 to 2"),
        ({"tau": 0.0}, r"temperature is 0.0; give a number above 0"),
        ({"tau": -0.5}, r"temperature is -0.5; give a number above 0"),
        ({"tau": "0.5"}, r"temperature is '0.5'; give a number above 0"),
    ],
)
def test_a_loss_between_images_says_what_does_not_fit(loss, change, told):
    given = {"f": FEATURES, "v": PROXIES, "y": LABELS}
    assert torch.isfinite(loss(**given))
    with pytest.raises(ValueError, match=told):
        loss(**given | change)


def test_margins_of_a_loss_are_cosines():
    for name, margins in (("margin_positive", (5.0, 0.0)), ("margin_negative", (0.9, None))):
        with pytest.raises(ValueError, match=rf"{name} is (5.0|None), but .* give -1 to 1"):
            d2d_ce(FEATURES, PROXIES, LABELS, 0.5, *margins)
    with pytest.raises(ValueError, match=r"margin_positive is 5.0.* give 0 to 1"):
        d2d_ce_reference(FEATURES, PROXIES, LABELS, 0.5, 5.0)


@pytest.mark.parametrize("value", [-0.5, 1.5, "0.98"])
def test_the_reference_names_the_margin_that_it_was_given(value):
    told = rf"margin_positive is {value!r}, and 1 - margin_positive .*; give 0 to 1"
    with pytest.raises(ValueError, match=told):
        losses.ReACGANReference(margin_positive=value)


@pytest.mark.parametrize("value", ["1", None, True, [1.0], torch.tensor(1.0)])
@pytest.mark.parametrize("name", WITH_LOSSES)
def test_a_weight_that_is_no_number_is_refused(name, value):
    with pytest.raises(ValueError, match=r"weight is .*; give a number from 0"):
        METHODS[name](weight=value)


@pytest.mark.parametrize("value", ["0.5", None])
@pytest.mark.parametrize("name", [*ON_THE_SPHERE, "ACGANNormalised"])
def test_a_temperature_that_is_no_number_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"temperature is {value!r}; give a number above 0"):
        METHODS[name](temperature=value)


@pytest.mark.parametrize("margin", ["margin_positive", "margin_negative"])
def test_a_margin_that_is_no_number_is_refused(margin):
    with pytest.raises(ValueError, match=rf"{margin} is '0.5', but it is compared with cosines"):
        losses.ReACGAN(**{margin: "0.5"})


@pytest.mark.parametrize("value", [0, -1, 2.5, "128", True])
def test_sizes_of_heads_are_whole_numbers(value):
    for make in (losses.ContraGAN, losses.ReACGAN, losses.ReACGANReference):
        with pytest.raises(ValueError, match=rf"projection_dim is {value!r}; give a whole number"):
            make(projection_dim=value)
    with pytest.raises(ValueError, match=rf"width is {value!r}; give a whole number, 1 or more"):
        losses.Concatenation(width=value)


@pytest.mark.parametrize("value", ["no", 1, None])
def test_switches_are_true_or_false(value):
    heads = (losses.ACGAN, losses.ADCGAN, losses.Projection)
    for make in (*heads, losses.ContraGAN, losses.ReACGAN, losses.ReACGANReference):
        with pytest.raises(ValueError, match=rf"spectral_norm is {value!r}; give True or False"):
            make(spectral_norm=value)
    for make in (losses.ACGAN, losses.ACGANNormalised, losses.ACGANNormalisedFeatures):
        with pytest.raises(ValueError, match=rf"real_only is {value!r}; give True or False"):
            make(real_only=value)


def test_a_frozen_classifier_of_other_images_is_refused():
    method = attached(losses.FrozenClassifier(metrics.Classifier((1, 16, 16), K)), torch.float32)
    part = judged(1)._replace(images=torch.zeros(N, 1, 8, 8))
    told = r"classifier reads images of \(1, 16, 16\) but is shown \(1, 8, 8\); train it"
    for look in (method.generator_loss, method.observe):
        with pytest.raises(ValueError, match=told):
            look(part)


def test_numbers_of_numpy_are_numbers():
    method = losses.ReACGAN(weight=np.float32(0.5), projection_dim=np.int64(8))
    assert (method.weight, method.projection_dim) == (0.5, 8)
