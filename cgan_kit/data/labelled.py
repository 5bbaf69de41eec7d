"""What every data set of the kit is: real samples with class labels, on one device."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from typing_extensions import Self

from cgan_kit.checks import check_seed, is_number


class LabelledSet:
    """N samples with class labels on one device; subclasses say what a sample is.

    Arguments:
        samples: (N, ...), any dtype; kept as given, never copied.
        labels: int64 (N,), in [0, K).
        class_names: K names; K is their number, also when a class has no sample.
        factors: for sets that know them, name -> int64 (N,), the index of each sample's
            factor value. Class is not a factor.
        name, options: `cgan_kit.data.load(name, **options)` makes this set again; a run
            writes them down so that it can be opened elsewhere.

    Raises:
        ValueError: naming the argument, its value and the remedy.
    """

    def __init__(
        self,
        samples: Tensor,
        labels: Tensor,
        class_names: Sequence[str],
        *,
        factors: Mapping[str, Tensor] | None = None,
        name: str = "custom",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        check_tensor("samples", samples)
        check_tensor("labels", labels)
        names = _check_names(class_names)
        _check_labels(labels, len(samples), len(names))
        for factor, values in (factors or {}).items():
            check_tensor(f"factors[{factor!r}]", values)
            if values.shape != labels.shape:
                raise ValueError(
                    f"factors[{factor!r}] has shape {tuple(values.shape)}; "
                    f"give one index a sample: ({len(samples)},)"
                )
        self.samples = samples
        self.labels = labels.to(samples.device)
        self.class_names = names
        self.factors = {key: value.to(samples.device) for key, value in (factors or {}).items()}
        self.name = name
        self.options = dict(options or {})
        # How `split` made this set of the whole one: {} for the whole, None for other subsets.
        self.origin: dict[str, Any] | None = {}

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        shape = " × ".join(str(side) for side in self.sample_shape)
        return f"{self.name}: {len(self):,} samples of {shape}, {self.num_classes} classes"

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample: (C, H, W) for images, (D,) for points."""
        return tuple(self.samples.shape[1:])

    @property
    def device(self) -> torch.device:
        return self.samples.device

    def class_counts(self) -> Tensor:
        """int64 (K,): how many samples each class has."""
        return torch.bincount(self.labels, minlength=self.num_classes)

    def real(self, indices: Tensor) -> Tensor:
        """What a discriminator sees of the samples at `indices` (int64 (n,)): float32 (n, ...)."""
        raise NotImplementedError

    def subset(self, indices: Tensor) -> Self:
        """The samples at `indices` (int64 (n,)), with the same classes and factors.

        `name` and `options` stay those of the whole set; the fingerprint tells the two apart.
        """
        part: Self = object.__new__(type(self))
        part.__dict__.update(self.__dict__)
        part.origin = None
        part.samples = self.samples[indices]
        part.labels = self.labels[indices]
        part.factors = {key: value[indices] for key, value in self.factors.items()}
        return part

    def to(self, device: torch.device | str) -> Self:
        """The same set on another device."""
        moved: Self = object.__new__(type(self))
        moved.__dict__.update(self.__dict__)
        moved.samples = self.samples.to(device)
        moved.labels = self.labels.to(device)
        moved.factors = {key: value.to(device) for key, value in self.factors.items()}
        return moved

    def split(self, held_out: float = 0.2, seed: int = 0) -> tuple[Self, Self]:
        """(train, held-out), seeded and stratified: each class gives the same share.

        Every class keeps at least one sample on either side.

        Arguments:
            held_out: share of each class that is held out, in (0, 1).
            seed: of the shuffle; the same seed gives the same split on every machine.

        Raises:
            ValueError: held_out outside (0, 1), a seed that is no whole number, or a class
                with fewer than two samples.
        """
        if not is_number(held_out) or not 0 < held_out < 1:
            raise ValueError(f"held_out is {held_out!r}; give a share between 0 and 1, such as 0.2")
        seed = check_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        train, held = [], []
        labels = self.labels.cpu()
        for k, class_name in enumerate(self.class_names):
            members = torch.nonzero(labels == k).flatten()
            if len(members) < 2:
                raise ValueError(
                    f"class {class_name!r} has {len(members)} samples, too few to split; "
                    "give it at least 2, or train on the whole set (on the command line: --all)"
                )
            members = members[torch.randperm(len(members), generator=generator)]
            cut = min(max(round(held_out * len(members)), 1), len(members) - 1)
            held.append(members[:cut])
            train.append(members[cut:])
        parts = (
            self.subset(torch.cat(train).sort().values.to(self.device)),
            self.subset(torch.cat(held).sort().values.to(self.device)),
        )
        if self.origin == {}:
            for number, part in enumerate(parts):
                part.origin = {"held_out": held_out, "seed": seed, "part": number}
        return parts

    def fingerprint(self) -> str:
        """16 hexadecimal digits of a hash over samples, labels and class names.

        Two sets with one fingerprint hold the same data in the same order.
        """
        digest = hashlib.sha256()
        for tensor in (self.samples, self.labels):
            digest.update(str((tensor.dtype, tuple(tensor.shape))).encode())
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        digest.update("\0".join(self.class_names).encode())
        return digest.hexdigest()[:16]


def check_tensor(name: str, value: object) -> None:
    """Arrays and lists have other methods and dtypes than tensors.

    Raises:
        ValueError: a value that is no tensor.
    """
    if not isinstance(value, Tensor):
        raise ValueError(
            f"{name} are a {type(value).__name__}; give a tensor: torch.as_tensor({name})"
        )


def _check_names(class_names: object) -> tuple[str, ...]:
    # A string alone would be one class a letter.
    if isinstance(class_names, Iterable) and not isinstance(class_names, str):
        names = tuple(class_names)
        if all(isinstance(name, str) for name in names):
            return names
    raise ValueError(
        f"class_names is {class_names!r}; give one string a class, such as ['cats', 'dogs']"
    )


def _check_labels(labels: Tensor, num_samples: int, num_classes: int) -> None:
    if num_samples == 0:
        raise ValueError("the set has no samples; give at least one")
    if labels.dtype != torch.int64:
        raise ValueError(f"labels have dtype {labels.dtype}; convert them with labels.long()")
    if labels.shape != (num_samples,):
        raise ValueError(
            f"labels have shape {tuple(labels.shape)}; give one label a sample: ({num_samples},)"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"labels run from {low} to {high} but there are {num_classes} class names; "
            f"labels must lie in [0, {num_classes - 1}]: renumber them or name every class"
        )
