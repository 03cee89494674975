"""The codecs, as frozen settings. Adding one is one entry here.

ffmpeg's defaults miss the asked bitrate by up to 40 % (Opus VBR, mp3 and AAC at 16 kbps), so every codec says how it
meets it: constrained VBR for Opus, CBR for mp3, the two-loop coder for AAC, and a lower sample rate where a bitrate
is too small for 44.1 kHz.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deepaq.errors import UserError
from prep import ffmpeg
from prep.condition import Condition

BITRATES = (16, 32, 48, 64, 80, 96, 128)  # kbps, the paper's
_LOW_RATES = {16: 16_000, 32: 22_050, 48: 32_000}  # kbps -> Hz


@dataclass(frozen=True)
class Codec:
    """How ffmpeg makes a codec's files.

    name: as in condition names. encoder: ffmpeg's name. suffix: a container that declares the encoder delay, so that
    decoded audio has zero lag. options: ffmpeg output options besides bitrate, channels and rate.
    sample_rates: kbps -> Hz where it differs from `sample_rate`.
    """

    name: str
    encoder: str
    suffix: str
    sample_rate: int
    options: Mapping[str, str]
    sample_rates: Mapping[int, int] = field(default_factory=dict)
    lowest_kbps: int = 8
    highest_kbps: int = 320

    def condition(self, kbps: int) -> Condition:
        """This codec at `kbps`; UserError outside its range."""
        if not self.lowest_kbps <= kbps <= self.highest_kbps:
            raise UserError(f"--bitrates {kbps}: {self.name} takes {self.lowest_kbps} to {self.highest_kbps} kbps")
        rate = self.sample_rates.get(kbps, self.sample_rate)
        options = {**self.options, "c:a": self.encoder, "b:a": f"{kbps}k"}
        if "movie_timescale" in options:  # the encoder delay is stored in these units
            options["movie_timescale"] = str(rate)
        return Condition(self.name, kbps, self.encoder, self.suffix, rate, tuple(options.items()), ffmpeg.version())


CODECS = {
    codec.name: codec
    for codec in (
        Codec(
            "opus",
            "libopus",
            ".opus",
            48_000,
            {"vbr": "constrained", "application": "audio", "compression_level": "10", "frame_duration": "20"},
            lowest_kbps=6,
        ),
        Codec("mp3", "libmp3lame", ".mp3", 44_100, {"compression_level": "5", "joint_stereo": "1"}, _LOW_RATES),
        Codec("aac", "aac", ".m4a", 44_100, {"aac_coder": "twoloop", "movie_timescale": ""}, _LOW_RATES),
    )
}


def conditions(codecs: Iterable[str] = tuple(CODECS), bitrates: Iterable[int] = BITRATES) -> list[Condition]:
    """Every codec at every bitrate, in the given order; UserError for an unknown codec or a missing encoder."""
    chosen = []
    for name in dict.fromkeys(codecs):
        if name not in CODECS:
            raise UserError(f"--codecs {name}: unknown codec; known are {', '.join(CODECS)}")
        if CODECS[name].encoder not in ffmpeg.encoders():
            raise UserError(f"--codecs {name}: {ffmpeg.executable()} has no encoder {CODECS[name].encoder}")
        chosen.append(CODECS[name])
    return [codec.condition(kbps) for codec in chosen for kbps in dict.fromkeys(bitrates)]
