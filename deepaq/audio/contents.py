"""Audio from open files and from memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, TypeGuard

from deepaq.errors import UserError


@dataclass(frozen=True)
class Contents:
    """The bytes of an audio file. name: for messages."""

    data: bytes
    name: str

    @contextmanager
    def file(self) -> Iterator[Path]:
        """Yield the path of a temporary file with these bytes, which decoders can read as often as they need."""
        with TemporaryDirectory(prefix="deepaq-") as folder:
            path = Path(folder, "sound")
            path.write_bytes(self.data)  # closed: Windows lets no decoder open a file that is still written
            yield path


def is_open_file(sound: object) -> TypeGuard[IO[bytes]]:
    """Tell if an object can be read like a file, such as `open(path, "rb")` or `io.BytesIO`."""
    return callable(getattr(sound, "read", None))


def contents(file: IO[bytes]) -> Contents:
    """Read an open file completely, from its beginning if it is seekable; it stays open at its position.

    Raises UserError if it is closed, empty, or open as text.
    """
    named = getattr(file, "name", None)
    name = named if isinstance(named, str) else "the open file"
    try:
        place = file.tell() if _seekable(file) else None
        if place is not None:
            file.seek(0)
        data: Any = file.read()
        if place is not None:
            file.seek(place)
    except (OSError, ValueError) as error:
        raise UserError(f"{name}: cannot be read ({error})") from None
    if not isinstance(data, bytes | bytearray | memoryview):
        raise UserError(f"{name}: is open as text; open it in binary mode, 'rb'")
    if not data:
        raise UserError(f"{name}: the file is empty")
    return Contents(bytes(data), name)


def _seekable(file: IO[bytes]) -> bool:
    seekable = getattr(file, "seekable", None)
    return bool(seekable()) if callable(seekable) else hasattr(file, "seek")
