import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

import cgan_kit.data


@pytest.fixture(scope="module", params=[8, 16, 32])
def digits(request):
    return cgan_kit.data.load("digits", size=request.param)


def test_all_real_digits_are_there_with_their_labels(digits):
    _, expected = load_digits(return_X_y=True)
    assert torch.equal(digits.labels, torch.from_numpy(expected).long())
    assert digits.class_names == tuple("0123456789")
    size = digits.options["size"]
    assert digits.images.shape == (1797, 1, size, size)
    assert digits.images.dtype == torch.uint8


def test_pixels_are_the_originals_when_shrunk_back(digits):
    counts, _ = load_digits(return_X_y=True)
    original = torch.from_numpy(counts).float().view(-1, 1, 8, 8) * 255 / 16
    side = digits.options["size"] // 8
    shrunk = F.avg_pool2d(digits.images.float(), side)
    # Smoothing costs a little; an image out of place or a wrong scale costs far more.
    assert (shrunk - original).abs().mean() < 12
    if side == 1:
        assert (shrunk - original).abs().max() <= 0.5


def test_the_whole_range_is_used_and_the_ground_is_dark(digits):
    assert digits.images.min() == 0
    assert digits.images.max() == 255
    assert digits.images[:, :, :, 0].float().mean() < 5


def test_reload_is_the_same(digits):
    again = cgan_kit.data.load(digits.name, **digits.options)
    assert again.fingerprint() == digits.fingerprint()


@pytest.mark.parametrize("size", [28, 0, -8, 16.0, "16", None])
def test_other_sizes_are_refused(size):
    with pytest.raises(ValueError, match="digits comes at 8, 16, 32"):
        cgan_kit.data.load("digits", size=size)
