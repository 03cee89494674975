"""The codecs, as frozen settings; those of installed packages come through the entry points `deepaq.codecs`.

ffmpeg's defaults miss the asked bitrate by up to 40 % (Opus VBR, mp3 and AAC at 16 kbps), so every codec says how it
meets it: constrained VBR for Opus, CBR for mp3, the two-loop coder for AAC, and a lower sample rate where a bitrate
is too small for 44.1 kHz. ffmpeg's own AAC is poor at 16-48 kbps: a true condition of that encoder, not of AAC at its
best, which `he-aac` is where the fdkaac program is installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepaq.console import note
from deepaq.errors import UserError
from deepaq.registry import Registry, check_class
from prep.coding import fdkaac, ffmpeg, lc3, own
from prep.coding.arrays import ArrayCodec, Arrays
from prep.coding.coding import Coding
from prep.coding.commands import OwnCoding, version
from prep.coding.own import OwnCodec
from prep.coding.program import Program

BITRATES = (16, 32, 48, 64, 80, 96, 128)  # kbps, the paper's
DEFAULT = ("opus", "mp3", "aac")  # the paper's
_LOW_RATES = {16: 16_000, 32: 22_050, 48: 32_000}  # kbps -> Hz
_MP3_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # all that the format has
_AAC_RATES = dict.fromkeys(range(17, 24), 16_000) | _LOW_RATES


@dataclass(frozen=True)
class Codec:
    """How a codec's files are made.

    name: as in condition names. encoder: the program's name for it. suffix: a container that declares the encoder
    delay, so that decoded audio has zero lag. options: the program's besides bitrate, channels and rate.
    sample_rates: kbps -> Hz where it differs from `sample_rate`. kbps: what the encoder can be asked for.
    program: what runs it. constant: every file has the bitrate it was asked for, and fails else.
    """

    name: str
    encoder: str
    suffix: str
    sample_rate: int
    options: Mapping[str, str]
    sample_rates: Mapping[int, int] = field(default_factory=dict)
    kbps: Sequence[int] = range(8, 321)
    program: Program = ffmpeg.PROGRAM
    constant: bool = False

    def condition(self, kbps: int) -> Coding:
        """This codec at `kbps`; UserError where it cannot be asked for that or its program is missing."""
        if kbps not in self.kbps:
            raise UserError(f"--bitrates {kbps}: {self.name} takes {described(self.kbps)} kbps")
        rate = self.sample_rates.get(kbps, self.sample_rate)
        program = self.program
        options = program.options(self.encoder, kbps, rate, self.options)
        version, exact = program.version(), tuple(options.items())
        return Coding(
            self.name, kbps, program.name, self.encoder, self.suffix, rate, exact, version, self.constant
        )  # fmt: skip


def _opus(name: str, vbr: str) -> Codec:
    options = {"vbr": vbr, "application": "audio", "compression_level": "10", "frame_duration": "20"}
    # At lower bitrates it changes its mode and with it the delay, by more than a degraded clip may lag.
    kbps = range(10 if vbr == "off" else 9, 257)
    return Codec(name, "libopus", ".opus", 48_000, options, kbps=kbps, constant=vbr == "off")


_AC3_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448)

_BUILT_IN = {
    codec.name: codec
    for codec in (
        _opus("opus", "constrained"),
        _opus("opus-vbr", "on"),  # may take half as much again as it is asked for
        _opus("opus-cbr", "off"),
        Codec("mp3", "libmp3lame", ".mp3", 44_100, {"compression_level": "5", "joint_stereo": "1"},
              {8: 8_000, 24: 16_000, **_LOW_RATES}, _MP3_KBPS, constant=True),
        Codec("aac", "aac", ".m4a", 44_100, {"aac_coder": "twoloop", "movie_timescale": ""}, _AAC_RATES,
              range(16, 321)),
        # Variable by nature: at low bitrates it may miss what it is asked for by two fifths.
        Codec("vorbis", "libvorbis", ".ogg", 44_100, {}, {16: 8_000, 24: 16_000, 32: 22_050, 40: 32_000},
              (16, 24, 32, 40, *range(48, 321))),
        Codec("ac3", "ac3", ".mp4", 44_100, {"movie_timescale": ""}, {32: 32_000, 40: 32_000, 48: 32_000}, _AC3_KBPS,
              constant=True),
        Codec("eac3", "eac3", ".mp4", 44_100, {"movie_timescale": ""}, {24: 32_000, 32: 32_000, 40: 32_000},
              (24, *_AC3_KBPS), constant=True),
        Codec("aac-fdk", "AAC-LC", ".m4a", 44_100, {"p": "2"}, _LOW_RATES, range(8, 321), fdkaac.PROGRAM),
        Codec("he-aac", "HE-AAC", ".m4a", 44_100, {"p": "5"}, {}, range(16, 129), fdkaac.PROGRAM),
        Codec("he-aac-v2", "HE-AACv2", ".m4a", 44_100, {"p": "29"}, {}, range(12, 57), fdkaac.PROGRAM),
        Codec("lc3", "LC3", ".flac", 48_000, {}, {32: 16_000, 48: 24_000, 64: 32_000}, range(32, 321), lc3.PROGRAM,
              constant=True),
    )
}  # fmt: skip


def _accepted(name: str, part: Any) -> Codec:
    if isinstance(part, type) and issubclass(part, ArrayCodec):
        check_class(part, ArrayCodec, ("name", "sample_rate", "kbps", "version"))
        kbps = tuple(part.kbps)
        return Codec(name, part.__name__, ".flac", part.sample_rate, {}, {}, kbps, Arrays(part), part.constant)
    if not isinstance(part, Codec):
        raise ValueError(f"is neither a {__name__}.Codec nor a subclass of {ArrayCodec.__module__}.ArrayCodec")
    return part


CODECS: Registry[Codec] = Registry("codec", "deepaq.codecs", _BUILT_IN, _accepted, "prep")


def codings(codecs: Iterable[str] = DEFAULT, bitrates: Iterable[int] | None = None) -> list[Coding]:
    """Every codec at every bitrate, in the given order; a bitrate that a codec does not have is left out with a note.

    codecs: names, and TOML files that describe codecs of one's own. bitrates: kbps; None for the paper's, and for all
    that a TOML file names.
    UserError for an unknown codec, a missing program or encoder, and a codec that has none of the bitrates.
    """
    chosen: list[Coding] = []
    asked = None if bitrates is None else list(dict.fromkeys(bitrates))
    for name in dict.fromkeys(codecs):
        codec = _named(name)
        if any(coding.codec == codec.name for coding in chosen):
            raise UserError(f"--codecs {name}: there is another codec called {codec.name}; give it another name")
        wanted = (codec.kbps if isinstance(codec, OwnCodec) else BITRATES) if asked is None else asked
        known = [kbps for kbps in wanted if kbps in codec.kbps]
        if not known and wanted:
            raise UserError(f"--bitrates {wanted[0]}: {codec.name} takes {described(codec.kbps)} kbps")
        if len(known) < len(wanted):
            left_out = ", ".join(str(kbps) for kbps in wanted if kbps not in known)
            note(f"{codec.name}: not at {left_out} kbps, it takes {described(codec.kbps)}")
        chosen += [
            OwnCoding.make(codec, kbps) if isinstance(codec, OwnCodec) else codec.condition(kbps) for kbps in known
        ]
    return chosen


def described_by(path: Path) -> OwnCodec:
    """The codec of a TOML file; UserError when it cannot be used or has the name of another."""
    codec = OwnCodec.read(path)
    if codec.name in CODECS:
        raise UserError(f"{path}: name = {codec.name!r} is taken ({CODECS.origin(codec.name)}); choose another")
    try:
        version(codec)
    except UserError as error:
        raise UserError(f"{path}: version: {error}") from None
    return codec


def _named(name: str) -> Codec | OwnCodec:
    if name.endswith(own.SUFFIX):
        return described_by(Path(name))
    if name not in CODECS:
        raise UserError(f"--codecs {name}: unknown codec; known are {', '.join(CODECS)}, and files that end in .toml")
    if missing := CODECS[name].program.missing(CODECS[name].encoder):
        raise UserError(f"--codecs {name}: {missing}")
    return CODECS[name]


def described(kbps: Sequence[int]) -> str:
    """Ascending bitrates in words, runs of more than two as `a to b`."""
    runs: list[list[int]] = []
    for value in kbps:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)
