"""Labelled sets as tensors on one device: procedural, bundled, torchvision's, your folder."""

from cgan_kit.data.batches import Batches
from cgan_kit.data.imageset import ImageSet, to_float, to_uint8
from cgan_kit.data.label_noise import with_label_noise
from cgan_kit.data.labelled import LabelledSet
from cgan_kit.data.load import load, names
from cgan_kit.data.oracle import Oracle, Reading
from cgan_kit.data.pointset import PointSet
from cgan_kit.data.rendered import RenderedSet

__all__ = [
    "Batches",
    "ImageSet",
    "LabelledSet",
    "Oracle",
    "PointSet",
    "Reading",
    "RenderedSet",
    "load",
    "names",
    "to_float",
    "to_uint8",
    "with_label_noise",
]
