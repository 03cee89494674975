"""Text files of a test: found in its folder and read, as untrusted input."""

from __future__ import annotations

from pathlib import Path

from deepaq.audio.container import reason
from deepaq.errors import UserError

LARGEST_BYTES = 1 << 26


def below(folder: Path, *patterns: str) -> list[Path]:
    """List the files anywhere below `folder` that one of the patterns names, sorted; pipes and devices are none.

    Raises UserError for a link that leads out of `folder`.
    """
    found = sorted({path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()})
    home = folder.resolve()
    for path in found:
        if not path.resolve().is_relative_to(home):
            raise UserError(f"{path}: is a link out of {folder}; put the file itself there or remove the link")
    return found


def find(path: Path, pattern: str) -> Path:
    """Find the only file called `pattern` at or below `path`; raises UserError if there is none or several."""
    if path.is_file() and path.match(pattern):
        return path
    if not path.is_dir():
        raise UserError(f"{path}: no such folder, or not a {pattern}")
    found = below(path, pattern)
    if len(found) != 1:
        what = "holds no" if not found else f"holds {len(found)} files called"
        raise UserError(f"{path}: {what} {pattern}; name the folder of one test")
    return found[0]


def content(path: Path, largest: int = LARGEST_BYTES) -> bytes:
    """Read a file; raises UserError if it is no regular one, has more than `largest` bytes, or cannot be read."""
    try:
        if not path.is_file():
            raise UserError(f"{path}: is not a file")
        if (size := path.stat().st_size) > largest:
            raise UserError(f"{path}: has {size:,} bytes; at most {largest:,} are read")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({reason(error)})") from None
