"""Pipes, and the header of a WAV stream in one, which may state a length that is none."""

from __future__ import annotations

from typing import IO

from deepaq.audio.container import is_unknown_length
from deepaq.errors import UserError

_LARGEST_HEADER = 1 << 20  # bytes before the samples


class Pipe:
    """A pipe as a file that can be read once. plain: it holds samples without a header."""

    def __init__(self, file: IO[bytes], name: str, plain: bool = False) -> None:
        self._file, self._name = file, name
        self._count = 0  # bytes read from the pipe
        self._promised: int | None = None  # bytes from the beginning to the end of the samples, by the header
        self._wave = False
        self._waiting = b"" if plain else self._header()

    def read(self, size: int = -1) -> bytes:
        """Return what is there, at most `size` bytes; nothing at the end."""
        if self._waiting:
            found, self._waiting = self._waiting[:size], self._waiting[size:]
            return found
        return self._next(size)

    def options(self) -> dict[str, str]:
        """FFmpeg's options for what the header says."""
        return {"ignore_length": "1"} if self._wave and self._promised is None else {}

    def missing(self) -> int:
        """Bytes of audio that the header promises beyond the end."""
        return max(0, (self._promised or 0) - self._count)

    def _next(self, size: int) -> bytes:
        found = self._file.read(size) or b""
        self._count += len(found)
        return found

    def _whole(self, size: int) -> bytes:
        """Read as many bytes, fewer at the end."""
        parts = b""
        while len(parts) < size and (part := self._next(size - len(parts))):
            parts += part
        return parts

    def _header(self) -> bytes:
        """Read up to the samples of a WAV stream; of another format, its first bytes."""
        header = self._whole(12)
        if not header:
            raise UserError(f"{self._name}: ended before any audio")
        if header[:4] not in (b"RIFF", b"RF64") or header[8:] != b"WAVE":
            return header
        self._wave = True
        while len(head := self._whole(8)) == 8:
            header += head
            length = int.from_bytes(head[4:], "little")
            if head[:4] == b"data":
                self._promised = None if is_unknown_length(length) else self._count + length
                return header
            if len(header) + length > _LARGEST_HEADER:
                break
            header += self._whole(length + length % 2)
        raise UserError(f"{self._name}: has a WAV header without samples")
