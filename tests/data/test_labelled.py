import numpy as np
import pytest
import torch

from cgan_kit.data.imageset import ImageSet
from cgan_kit.data.labelled import LabelledSet

COUNTS = (50, 20, 3)


def make_set(seed: int = 0) -> ImageSet:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.repeat_interleave(torch.arange(3), torch.tensor(COUNTS))
    labels = labels[torch.randperm(len(labels), generator=generator)]
    images = torch.randint(0, 256, (len(labels), 1, 4, 4), generator=generator).to(torch.uint8)
    # Each image carries its index, so that a test can follow it.
    images[:, 0, 0, 0] = torch.arange(len(labels)).to(torch.uint8)
    factors = {"index": torch.arange(len(labels))}
    return ImageSet(images, labels, ["a", "b", "c"], factors=factors, name="toy")


def indices_of(data: ImageSet) -> list[int]:
    return data.images[:, 0, 0, 0].long().tolist()


def test_split_is_complete_and_disjoint():
    data = make_set()
    train, held = data.split(0.2)
    assert sorted(indices_of(train) + indices_of(held)) == list(range(len(data)))


def test_split_takes_the_share_of_each_class_and_leaves_no_side_empty():
    train, held = make_set().split(0.2)
    assert held.class_counts().tolist() == [10, 4, 1]
    assert train.class_counts().tolist() == [40, 16, 2]
    few, _ = make_set().split(0.99)
    assert few.class_counts().min() == 1


def test_split_carries_labels_and_factors_along():
    data = make_set()
    for part in data.split(0.3):
        whole = torch.tensor(indices_of(part))
        assert torch.equal(part.labels, data.labels[whole])
        assert torch.equal(part.factors["index"], whole)


def test_split_depends_on_the_seed_and_on_nothing_else():
    data = make_set()
    first = indices_of(data.split(0.2, seed=1)[1])
    torch.manual_seed(123)
    assert indices_of(data.split(0.2, seed=1)[1]) == first
    assert indices_of(data.split(0.2, seed=2)[1]) != first


def test_split_leaves_global_random_state_alone():
    before = torch.get_rng_state()
    make_set().split(0.2)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("held_out", [0.0, 1.0, -0.5, float("nan"), "0.2", None, True])
def test_split_refuses_a_share_that_is_none(held_out):
    with pytest.raises(ValueError, match="held_out is"):
        make_set().split(held_out)


@pytest.mark.parametrize("seed", [1.5, "0", None])
def test_split_refuses_a_seed_that_is_no_whole_number(seed):
    with pytest.raises(ValueError, match=f"seed is {seed!r}"):
        make_set().split(seed=seed)


def test_split_names_a_class_too_small_to_split():
    data = ImageSet(
        torch.zeros(3, 1, 2, 2, dtype=torch.uint8), torch.tensor([0, 0, 1]), ["many", "one"]
    )
    with pytest.raises(ValueError, match=r"class 'one' has 1 samples.*at least 2, or .*--all"):
        data.split()


def test_fingerprint_is_equal_for_equal_data():
    assert make_set().fingerprint() == make_set().fingerprint()
    assert len(make_set().fingerprint()) == 16


def test_fingerprint_changes_with_one_pixel_one_label_one_name_and_the_order():
    base = make_set()
    pixel = make_set()
    pixel.images[7, 0, 3, 3] ^= 1
    label = make_set()
    label.labels[7] = (label.labels[7] + 1) % 3
    name = ImageSet(base.images, base.labels, ["a", "b", "d"])
    order = base.subset(torch.arange(len(base)).flip(0))
    prints = [data.fingerprint() for data in (base, pixel, label, name, order)]
    assert len(set(prints)) == 5


def test_fingerprint_sees_shape_and_dtype_not_bytes_alone():
    wide = ImageSet(torch.zeros(1, 1, 2, 8, dtype=torch.uint8), torch.zeros(1).long(), ["a"])
    tall = ImageSet(torch.zeros(1, 1, 8, 2, dtype=torch.uint8), torch.zeros(1).long(), ["a"])
    assert wide.fingerprint() != tall.fingerprint()


def test_class_counts_name_classes_without_samples():
    data = make_set()
    only = data.subset(torch.nonzero(data.labels == 0).flatten())
    assert only.class_counts().tolist() == [50, 0, 0]
    assert only.num_classes == 3


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 1, 2]), "labels run from 0 to 2 but there are 2 class names"),
        (torch.tensor([0, -1, 1]), "labels run from -1 to 1"),
        (torch.tensor([0.0, 1.0, 1.0]), "labels have dtype torch.float32"),
        (torch.tensor([0, 1]), r"labels have shape \(2,\)"),
        (np.array([0, 1, 1]), r"labels are a ndarray; give a tensor: torch\.as_tensor\(labels\)"),
        ([0, 1, 1], "labels are a list"),
    ],
)
def test_bad_labels_are_named(labels, message):
    with pytest.raises(ValueError, match=message):
        LabelledSet(torch.zeros(3, 2), labels, ["a", "b"])


@pytest.mark.parametrize("class_names", [3, "ab", range(3), None])
def test_class_names_that_are_none_are_named(class_names):
    with pytest.raises(ValueError, match=r"class_names is .*one string a class"):
        LabelledSet(torch.zeros(3, 2), torch.tensor([0, 1, 1]), class_names)


def test_samples_and_factors_that_are_no_tensors_are_named():
    with pytest.raises(ValueError, match="samples are a ndarray"):
        LabelledSet(np.zeros((3, 2)), torch.zeros(3).long(), ["a"])
    with pytest.raises(ValueError, match="factors\\['size'\\] are a ndarray"):
        LabelledSet(torch.zeros(3, 2), torch.zeros(3).long(), ["a"], factors={"size": np.zeros(3)})


def test_an_empty_set_is_refused():
    with pytest.raises(ValueError, match="no samples"):
        LabelledSet(torch.zeros(0, 2), torch.zeros(0).long(), ["a"])


def test_a_factor_of_another_length_is_named():
    with pytest.raises(ValueError, match="factors\\['size'\\]"):
        LabelledSet(
            torch.zeros(3, 2), torch.zeros(3).long(), ["a"], factors={"size": torch.zeros(2).long()}
        )


def test_a_part_remembers_how_it_was_split_from_the_whole() -> None:
    whole = make_set()
    assert whole.origin == {}
    train, held_out = whole.split(held_out=0.25, seed=3)
    assert train.origin == {"held_out": 0.25, "seed": 3, "part": 0}
    assert held_out.origin == {"held_out": 0.25, "seed": 3, "part": 1}
    again = make_set().split(0.25, 3)[1]
    assert again.fingerprint() == held_out.fingerprint()
    # Nobody can make these again from a name, so they must not claim to be a plain split.
    assert train.subset(torch.arange(5)).origin is None
    assert train.split()[0].origin is None
