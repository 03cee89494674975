"""LC3, the Low Complexity Communication Codec of Bluetooth LE Audio, by liblc3's elc3 and dlc3, if installed.

Common containers and decoders do not support LC3, so the decoded signal is stored losslessly; kbps are those of the
bitstream.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile

from deepaq.audio import Samples, read, resample, to_stereo
from prep.coding.coding import Coding
from prep.coding.lossless import file_bytes
from prep.coding.program import Encoded, Program, digest, run

_BITS = "PCM_24"  # the only format besides 16 bits that elc3 reads


class Lc3(Program):
    """Runs two processes per coding: encoder and decoder."""

    name = "lc3"

    def version(self) -> str:
        return digest("elc3")

    def missing(self, encoder: str) -> str | None:
        found = shutil.which("elc3") and shutil.which("dlc3")
        return None if found else "needs the programs elc3 and dlc3; install liblc3's tools"

    def options(self, encoder: str, kbps: int, sample_rate: int, more: Mapping[str, str]) -> dict[str, str]:
        return {**more, "b": f"{kbps}000"}

    def encode(
        self, clip: Path, codings: Sequence[Coding], folder: Path, timeout: float
    ) -> dict[Coding, Encoded | str]:
        audio = read(clip)
        return {coding: self._encode(audio.samples, audio.sample_rate, coding, folder, timeout) for coding in codings}

    def _encode(self, samples: Samples, rate: int, coding: Coding, folder: Path, timeout: float) -> Encoded | str:
        wav, stream, back = (folder / f"{coding.name}{suffix}" for suffix in (".wav", ".lc3", ".back.wav"))
        there = resample(to_stereo(samples), rate, coding.sample_rate)
        wav.write_bytes(file_bytes(np.clip(there, -1, 1), coding.sample_rate, "WAV", _BITS))
        flags = [part for key, value in coding.options for part in (f"-{key}", value)]
        error = run(["elc3", *flags, str(wav), str(stream)], timeout) or run(
            ["dlc3", "-b", "24", str(stream), str(back)], timeout
        )
        if error:
            return error
        decoded, decoded_rate = soundfile.read(back, dtype="float32")
        path = folder / f"{coding.name}{coding.suffix}"
        path.write_bytes(file_bytes(decoded, decoded_rate, "FLAC", _BITS))
        return Encoded(path, stream.stat().st_size)


PROGRAM = Lc3()
