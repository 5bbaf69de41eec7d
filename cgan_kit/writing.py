"""Files are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write text whole or not at all.

    Raises:
        OSError: a disk that is full, or a folder that may not be written.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """As `write_text`."""
    aside = path.with_name(path.name + ".partial")
    try:
        aside.write_bytes(content)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise unwritten(path, error) from error
    os.replace(aside, path)


def unwritten(path: Path, error: OSError) -> OSError:
    """What a person is told of a file that could not be written."""
    return OSError(
        f"{path} could not be written ({error}); what was saved before is whole: make room "
        "or check the folder's permissions, then try again"
    )
