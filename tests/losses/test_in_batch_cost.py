"""What losses between images may cost: no N × N × d, no loop over classes, no host round trip."""

from __future__ import annotations

import pytest
import torch
from situations import METHODS, attached, judged
from torch.utils._python_dispatch import TorchDispatchMode

from cgan_kit.losses import Judged, conditional_contrastive, d2d_ce, d2d_ce_reference

LOSSES = {
    "d2d_ce": lambda f, v, y: d2d_ce(f, v, y, 0.5, 0.98, 0.02),
    "d2d_ce_reference": lambda f, v, y: d2d_ce_reference(f, v, y, 0.5, 0.98),
    "conditional_contrastive": lambda f, v, y: conditional_contrastive(f, v, y, 0.5),
}
HOST = ("item", "_local_scalar_dense", "nonzero", "_to_copy", "equal", "unique")


class Watch(TorchDispatchMode):
    """Writes down every operation and the size of all it makes."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.largest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        self.names.append(function.overloadpacket.__name__)
        for value in made if isinstance(made, (tuple, list)) else [made]:
            if isinstance(value, torch.Tensor):
                self.largest = max(self.largest, value.numel())
        return made


def watched(loss, n, k, d, device="cpu"):
    """Forward and backward of a loss on random unit vectors, under a watch."""
    random = torch.Generator().manual_seed(0)
    f, v = (torch.nn.functional.normalize(torch.randn(m, d, generator=random)) for m in (n, k))
    leaves = [f.to(device).requires_grad_(), v.to(device).requires_grad_()]
    labels = (torch.arange(n) % k).to(device)
    with Watch() as watch:
        torch.autograd.grad(loss(*leaves, labels), leaves)
    return watch


@pytest.mark.parametrize(("n", "k", "d"), [(64, 10, 48), (16, 100, 40), (32, 3, 200)])
@pytest.mark.parametrize("name", LOSSES)
def test_nothing_larger_than_its_inputs_and_one_matrix_of_similarities(name, n, k, d):
    assert watched(LOSSES[name], n, k, d).largest <= max(n * n, n * d, k * d)


@pytest.mark.parametrize("name", LOSSES)
def test_the_number_of_operations_depends_on_neither_images_nor_classes(name):
    counts = {len(watched(LOSSES[name], n, k, 8).names) for n, k in ((8, 2), (64, 2), (64, 60))}
    assert len(counts) == 1
    assert counts.pop() < 120


@pytest.mark.parametrize("name", LOSSES)
def test_no_value_comes_back_to_the_host(name):
    # A tensor on "meta" has a shape and no values: whoever asks for one raises.
    names = watched(LOSSES[name], 16, 5, 8, device="meta").names
    assert not [each for each in names if each in HOST]


@pytest.mark.parametrize("name", METHODS)
def test_no_method_asks_the_device_for_a_value(name):
    method = attached(METHODS[name](), torch.float32).to("meta")

    def part(seed):
        fields = judged(seed, None, torch.float32)
        return Judged(
            *(
                field.detach().to("meta").requires_grad_()
                if field.is_floating_point()
                else field.to("meta")
                for field in fields
            )
        )

    real, fake = part(1), part(2)
    with Watch() as watch:
        loss = method.discriminator_loss(real, fake) + method.generator_loss(fake)
        loss = loss + method.score(fake.features, fake.labels).sum()
        method.observe(real)
        if loss.requires_grad:
            loss.backward()
    assert not [each for each in watch.names if each in HOST and each != "_to_copy"]
    assert loss.is_meta


def test_the_watch_sees_what_it_should():
    def broadcast(f, v, y):
        return (f[:, None] * f).sum(dim=2).sum() + (v * v).sum()

    def host(f, v, y):
        return f.sum() * f.detach().sum().item() + v.sum()

    assert watched(broadcast, 8, 3, 20).largest == 8 * 8 * 20
    assert set(HOST) & set(watched(host, 8, 3, 4).names)
    with pytest.raises(RuntimeError, match=r"[Mm]eta"):
        watched(host, 8, 3, 4, device="meta")
