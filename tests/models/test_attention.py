"""Self-attention against a slow version that goes from place to place."""

import torch
from torch import Tensor

from cgan_kit.models.attention import SelfAttention


def attention(channels: int = 16) -> SelfAttention:
    torch.manual_seed(0)
    layer = SelfAttention(channels).double()
    with torch.no_grad():
        layer.gain.fill_(0.7)
    return layer


def slowly(layer: SelfAttention, maps: Tensor) -> Tensor:
    """One image (C, H, W), one place after the other."""
    weights = {name: p[:, :, 0, 0] for name, p in layer.named_parameters() if p.ndim == 4}
    _, height, width = maps.shape
    windows = [
        [(2 * i + di, 2 * j + dj) for di in (0, 1) for dj in (0, 1)]
        for i in range(height // 2)
        for j in range(width // 2)
    ]

    def largest(name: str, window: list[tuple[int, int]]) -> Tensor:
        return torch.stack([weights[name] @ maps[:, i, j] for i, j in window]).amax(dim=0)

    keys = [largest("key.weight", window) for window in windows]
    values = [largest("value.weight", window) for window in windows]
    out = maps.clone()
    for i in range(height):
        for j in range(width):
            query = weights["query.weight"] @ maps[:, i, j]
            shares = torch.stack([query @ key for key in keys]).exp()
            shares = shares / shares.sum()
            gathered = sum(s * v for s, v in zip(shares, values, strict=True))
            out[:, i, j] += layer.gain * (weights["join.weight"] @ gathered)
    return out


def test_equals_the_slow_version():
    layer, maps = attention(), torch.randn(2, 16, 4, 6, dtype=torch.float64)
    slow = torch.stack([slowly(layer, one) for one in maps])
    assert (slow - maps).abs().max() > 0.1
    torch.testing.assert_close(layer(maps), slow, rtol=0, atol=1e-10)


def test_starts_as_nothing_and_can_learn_from_there():
    layer, maps = SelfAttention(8), torch.randn(2, 8, 4, 4)
    assert torch.equal(layer(maps), maps)
    layer(maps).square().sum().backward()
    assert layer.gain.grad.abs() > 0


def test_a_slope_can_be_differentiated_again():
    layer = attention(8)
    maps = torch.randn(1, 8, 2, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(layer, (maps,))
    for parameter in layer.parameters():
        (slope,) = torch.autograd.grad(layer(maps).square().sum(), maps, create_graph=True)
        (second,) = torch.autograd.grad(slope.square().sum(), parameter)
        assert second.abs().sum() > 0


def test_few_channels_and_every_layout():
    for channels in (1, 3, 8):
        layer, maps = attention(channels).float(), torch.randn(2, channels, 4, 4)
        ours = layer(maps.contiguous(memory_format=torch.channels_last))
        torch.testing.assert_close(ours, layer(maps))
