"""The kit's version, written into every run."""

VERSION = "0.1.0"
