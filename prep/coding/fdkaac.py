"""The fdkaac program, if installed: AAC-LC, HE-AAC and HE-AACv2 of the Fraunhofer FDK library."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from deepaq.audio import Samples, read, resample
from prep.coding import ffmpeg
from prep.coding.coding import Coding
from prep.coding.lossless import file_bytes
from prep.coding.program import Encoded, Program, encoded, run

# The decoder's SBR filter bank delays by 481 samples at half the rate, which fdkaac does not declare in the file.
SBR_DELAY = 962
_SBR_PROFILES = ("5", "29")


@cache
def _version() -> str:
    output = subprocess.run(["fdkaac", "--help"], capture_output=True, text=True, check=False, timeout=30)
    match = re.search(r"fdkaac (\d\S*)", output.stdout + output.stderr)
    return match[1] if match else "unknown"


class Fdkaac(Program):
    """Runs one process per coding, and one of ffmpeg to declare the delay."""

    name = "fdkaac"

    def version(self) -> str:
        return _version()

    def missing(self, encoder: str) -> str | None:
        return None if shutil.which("fdkaac") else "needs the program fdkaac; install it, or choose aac"

    def options(self, encoder: str, kbps: int, sample_rate: int, more: Mapping[str, str]) -> dict[str, str]:
        delay = SBR_DELAY / sample_rate if more["p"] in _SBR_PROFILES else 0.0
        return {**more, "b": f"{kbps}000", "G": "1", "itsoffset": f"{-delay:.9f}"}

    def encode(
        self, clip: Path, codings: Sequence[Coding], folder: Path, timeout: float
    ) -> dict[Coding, Encoded | str]:
        audio = read(clip)
        return {coding: self._encode(audio.samples, audio.sample_rate, coding, folder, timeout) for coding in codings}

    def _encode(self, samples: Samples, rate: int, coding: Coding, folder: Path, timeout: float) -> Encoded | str:
        wav, made, path = (folder / f"{coding.name}{suffix}" for suffix in (".wav", ".fdk.m4a", coding.suffix))
        wav.write_bytes(file_bytes(resample(samples, rate, coding.sample_rate), coding.sample_rate))
        options = dict(coding.options)
        offset = options.pop("itsoffset")
        flags = [part for key, value in options.items() for part in (f"-{key}", value)]
        if error := run(["fdkaac", "-S", *flags, "-o", str(made), str(wav)], timeout):
            return error
        # Copying with a negative start makes the container tell every player to skip the delay.
        copy = ["-itsoffset", offset, "-i", ffmpeg.file_url(made), "-c", "copy"]
        copy += ["-movie_timescale", str(coding.sample_rate), "-fflags", "+bitexact", "-map_metadata", "-1"]
        return ffmpeg.run([*copy, ffmpeg.file_url(path)], timeout) or encoded(path)


PROGRAM = Fdkaac()
