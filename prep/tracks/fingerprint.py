"""Acoustic fingerprints (Chromaprint, by ffmpeg): the same recording is found again whatever its file, codec or level.

A fingerprint is one 32-bit word for every 0.14 s or so; similar sound gives words that differ in few bits.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from deepaq.audio import Audio, Samples, audible_channel, one_channel
from prep.coding import ffmpeg

Words = npt.NDArray[np.uint32]

RATE = 11_025  # what Chromaprint works at
_FEW = 1 << 22  # words that are all looked up; of more, every fourth value
_COMMON = 64  # a value that comes so often says nothing
_VOTES = 2  # words that must agree on an offset before two recordings are compared in full
_LEAST_WORDS, _LEAST_SHARE = 5, 0.5  # that must overlap, of the shorter recording
_LARGEST_ERROR = 0.15  # share of bits that differ: 0.08 after coding, gain and shift, 0.5 between unrelated music
_LONGEST = 1 << 20  # words; a day and a half


@cache
def available() -> bool:
    """Whether this ffmpeg was built with Chromaprint."""
    command = [ffmpeg.executable(), "-hide_banner", "-h", "muxer=chromaprint"]
    return b"fp_format" in subprocess.run(command, capture_output=True, check=False).stdout


class Fingerprinter:
    """Takes a recording piece by piece and gives its fingerprint at the end."""

    def __init__(self) -> None:
        self._pieces: list[npt.NDArray[np.int16]] = []
        self._converter: Any = None

    def add(self, audio: Audio) -> None:
        """The next piece of the recording, stereo."""
        import soxr

        if self._converter is None:
            self._converter = soxr.ResampleStream(audio.sample_rate, RATE, 1, dtype="float32", quality="LQ")
        mono = one_channel(audio.samples, audible_channel(audio.samples))
        self._keep(self._converter.resample_chunk(mono))

    def words(self) -> Words:
        """The fingerprint; empty for a recording of less than about 2.7 s."""
        if self._converter is not None:
            self._keep(self._converter.resample_chunk(np.empty(0, np.float32), last=True))
        command = [ffmpeg.executable(), "-nostdin", "-hide_banner", "-loglevel", "error", "-f", "s16le"]
        command += ["-ar", str(RATE), "-ac", "1", "-i", "pipe:0", "-f", "chromaprint", "-fp_format", "raw", "pipe:1"]
        sound = b"".join(piece.tobytes() for piece in self._pieces)
        result = subprocess.run(command, input=sound, capture_output=True, check=False)
        return np.frombuffer(result.stdout[: len(result.stdout) // 4 * 4], "<u4")

    def _keep(self, samples: Samples) -> None:
        self._pieces.append((np.clip(samples, -1, 1) * 32767).astype("<i2"))


def same_recordings(prints: Sequence[Words]) -> set[tuple[int, int]]:
    """Pairs of indices (smaller first) whose recordings are the same, wholly or one within the other.

    Words that two recordings share propose an offset; at that offset at least half of the shorter one must overlap
    and at most 15 % of the bits may differ. Recordings of less than about 3.3 s are not compared.
    """
    return {(a, b) for a, b, offset in _candidates(prints) if _alike(prints[a], prints[b], offset)}


def _candidates(prints: Sequence[Words]) -> Iterator[tuple[int, int, int]]:
    """(a, b, offset) such that several words of a come `offset` later than the same words in b."""
    bits = 0 if sum(map(len, prints)) <= _FEW else 2
    places = [np.flatnonzero(_mixed(words[:_LONGEST]) >> np.uint64(32 - bits) == 0).astype("<i4") for words in prints]
    values = np.concatenate([np.empty(0, "<u4"), *(words[where] for words, where in zip(prints, places, strict=True))])
    owner = np.repeat(np.arange(len(prints)), [len(where) for where in places])
    place = np.concatenate([np.empty(0, "<i4"), *places])
    order = np.argsort(values, kind="stable")
    values, owner, place = values[order], owner[order], place[order]
    starts = np.flatnonzero(np.diff(values, prepend=~values[:1]))
    sizes = np.diff(starts, append=len(values))
    rare = np.repeat(sizes <= _COMMON, sizes)
    values, owner, place = values[rare], owner[rare], place[rare]
    found = []
    for step in range(1, _COMMON):
        same = np.flatnonzero((values[step:] == values[:-step]) & (owner[step:] != owner[:-step]))
        # Sorted stably, so that of equal words the smaller owner comes first.
        pair = owner[same] * len(prints) + owner[same + step]
        found.append(pair * 2 * _LONGEST + place[same] - place[same + step] + _LONGEST)
        if not (values[step:] == values[:-step]).any():
            break
    proposals, votes = np.unique(np.concatenate([np.empty(0, np.int64), *found]), return_counts=True)
    for proposal in proposals[votes >= _VOTES].tolist():
        pair, offset = divmod(proposal, 2 * _LONGEST)
        yield *divmod(pair, len(prints)), offset - _LONGEST


def _mixed(words: Words) -> npt.NDArray[np.uint64]:
    """Words with their bits stirred (Knuth's multiplicative hash), 32 bits wide."""
    return (words.astype(np.uint64) * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)


def _alike(one: Words, other: Words, offset: int) -> bool:
    shorter = min(len(one), len(other))
    one, other = (one[offset:], other) if offset >= 0 else (one, other[-offset:])
    shared = min(len(one), len(other))
    if shared < max(_LEAST_WORDS, _LEAST_SHARE * shorter):
        return False
    return float(np.bitwise_count(one[:shared] ^ other[:shared]).mean()) / 32 <= _LARGEST_ERROR
