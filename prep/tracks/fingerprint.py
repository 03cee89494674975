"""Acoustic fingerprints (Chromaprint, by ffmpeg), which identify a recording despite other files, codecs or levels.

A fingerprint is one 32-bit word per 0.14 s or so; similar audio gives words that differ in few bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deepaq.audio import Samples, audible_channel, one_channel
from prep.coding import ffmpeg

Words = npt.NDArray[np.uint32]

RATE = 11_025  # sample rate of Chromaprint
_FEW = 1 << 22  # look up all words up to this number; beyond it, every fourth value
_COMMON = 64  # more frequent values are ignored
_VOTES = 2  # words that must agree on an offset before a full comparison
_LEAST_WORDS, _LEAST_SHARE = 5, 0.5  # share of the shorter recording that must overlap
_LARGEST_ERROR = 0.15  # share of bits that differ: 0.08 after coding, gain and shift, 0.5 between unrelated music
_LONGEST = 1 << 20  # words; a day and a half


@cache
def available() -> bool:
    """Tell if this ffmpeg was built with Chromaprint."""
    return b"fp_format" in ffmpeg.output(["-h", "muxer=chromaprint"], timeout=30)


class Fingerprinter:
    """Takes a recording at `sample_rate` Hz block by block and returns its fingerprint at the end."""

    def __init__(self, sample_rate: int) -> None:
        import soxr

        self._blocks: list[npt.NDArray[np.int16]] = []
        self._converter = soxr.ResampleStream(sample_rate, RATE, 1, dtype="float32", quality="LQ")

    def add(self, samples: Samples) -> None:
        """Add the next (frames, 2) samples of the recording."""
        self._keep(self._converter.resample_chunk(one_channel(samples, audible_channel(samples))))

    def words(self) -> Words:
        """The fingerprint; empty for a recording of less than about 2.7 s.

        Raises UserError if ffmpeg fails or takes longer than the recording lasts (at least a minute).
        """
        self._keep(self._converter.resample_chunk(np.empty(0, np.float32), last=True))
        sound = b"".join(block.tobytes() for block in self._blocks)
        arguments = ["-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:0"]
        arguments += ["-f", "chromaprint", "-fp_format", "raw", "pipe:1"]
        printed = ffmpeg.output(arguments, timeout=60 + len(sound) / (2 * RATE), stdin=sound)
        return np.frombuffer(printed[: len(printed) // 4 * 4], "<u4")

    def _keep(self, samples: Samples) -> None:
        self._blocks.append((np.clip(samples, -1, 1) * 32767).astype("<i2"))


def same_recordings(prints: Sequence[Words]) -> set[tuple[int, int]]:
    """Find pairs of indices (smaller first) whose recordings are the same, wholly or one within the other.

    Words shared by two recordings propose an offset. At that offset, at least half of the shorter recording must
    overlap and at most 15 % of the bits may differ. Recordings shorter than about 3.3 s are not compared.
    """
    return {
        (found.one, found.other)
        for found in _proposals(prints)
        if _alike(prints[found.one], prints[found.other], found.offset)
    }


class _Proposal(NamedTuple):
    """Two recordings, by index, that may be the same: words of `one` come `offset` words later than in `other`."""

    one: int
    other: int
    offset: int


def _proposals(prints: Sequence[Words]) -> Iterator[_Proposal]:
    """Yield pairs of recordings and offsets at which several rare words agree."""
    bits = 0 if sum(map(len, prints)) <= _FEW else 2
    places = [np.flatnonzero(_mixed(words[:_LONGEST]) >> np.uint64(32 - bits) == 0).astype("<i4") for words in prints]
    values = np.concatenate([np.empty(0, "<u4"), *(words[where] for words, where in zip(prints, places, strict=True))])
    owner = np.repeat(np.arange(len(prints), dtype="<i4"), [len(where) for where in places])
    place = np.concatenate([np.empty(0, "<i4"), *places])
    order = np.argsort(values, kind="stable")
    values, owner, place = values[order], owner[order], place[order]
    starts = np.flatnonzero(np.diff(values, prepend=~values[:1]))
    sizes = np.diff(starts, append=len(values))
    rare = np.repeat(sizes <= _COMMON, sizes)
    values, owner, place = values[rare], owner[rare], place[rare]
    found = [np.empty((3, 0), "<i4")]
    for step in range(1, _COMMON):
        equal = values[step:] == values[:-step]
        if not equal.any():
            break
        same = np.flatnonzero(equal & (owner[step:] != owner[:-step]))
        # The sort is stable: equal words are ordered by owner.
        found.append(np.stack([owner[same], owner[same + step], place[same] - place[same + step]]))
    votes = np.concatenate(found, axis=1)
    votes = votes[:, np.lexsort(votes[::-1])]
    starts = np.flatnonzero(np.any(np.diff(votes, axis=1, prepend=-1), axis=0))
    counts = np.diff(starts, append=votes.shape[1])
    yield from (_Proposal(*column) for column in votes[:, starts[counts >= _VOTES]].T.tolist())


def _mixed(words: Words) -> npt.NDArray[np.uint64]:
    """Mix the bits of words (Knuth's multiplicative hash), 32 bits wide."""
    return (words.astype(np.uint64) * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)


def _alike(one: Words, other: Words, offset: int) -> bool:
    shorter = min(len(one), len(other))
    one, other = (one[offset:], other) if offset >= 0 else (one, other[-offset:])
    shared = min(len(one), len(other))
    if shared < max(_LEAST_WORDS, _LEAST_SHARE * shorter):
        return False
    return float(np.bitwise_count(one[:shared] ^ other[:shared]).mean()) / 32 <= _LARGEST_ERROR
