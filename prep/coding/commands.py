"""Run a codec of one's own: its commands in a scratch folder, without a shell, within a time limit."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from deepaq.audio import Samples, fit, read, resample, to_mono, to_stereo
from deepaq.errors import UserError
from prep.coding import delay
from prep.coding.coding import Coding
from prep.coding.execute import run_in
from prep.coding.lossless import file_bytes, packed
from prep.coding.own import BITS, Command, OwnCodec
from prep.coding.program import Encoded, Program

_VERSION_S = 30
_SAME_DELAY, _NO_DELAY = 2, 5  # samples


@dataclass(frozen=True)
class Decoded:
    """A clip encoded and decoded. stream: the encoded file. bitstream_bytes: its size, or what `bitstream` says.

    samples: decoded, float32 (frames, channels), at `sample_rate` Hz.
    """

    stream: Path
    bitstream_bytes: int
    samples: Samples
    sample_rate: int


@dataclass(frozen=True)
class Commands(Program):
    """The program of a codec of one's own."""

    codec: OwnCodec
    name = "commands"

    def version(self) -> str:
        return version(self.codec)

    def missing(self, encoder: str) -> str | None:
        return None  # reading the TOML file looked for the programs

    def options(self, encoder: str, kbps: int, sample_rate: int, more: Mapping[str, str]) -> dict[str, str]:
        return dict(more)

    def encode(
        self, clip: Path, codings: Sequence[Coding], folder: Path, timeout: float
    ) -> dict[Coding, Encoded | str]:
        audio = read(clip)
        results: dict[Coding, Encoded | str] = {}
        for coding in codings:
            try:
                results[coding] = self._encode(audio.samples, audio.sample_rate, coding, folder, timeout)
            except UserError as error:
                results[coding] = f"{self.codec.name}: {error}"
        return results

    def _encode(self, samples: Samples, rate: int, coding: Coding, folder: Path, timeout: float) -> Encoded:
        scratch = folder / f"{coding.name}-scratch"
        scratch.mkdir()
        decoded = both_ways(self.codec, coding.kbps, samples, rate, scratch, timeout)
        late = dict(coding.options).get("delay", "0")
        if self.codec.decode is None and late == "0":
            path = decoded.stream.replace(folder / f"{coding.name}{coding.suffix}")
            return Encoded(path, decoded.bitstream_bytes)
        expected = round(len(samples) * decoded.sample_rate / rate)
        trimmed = delay.trimmed(decoded.samples, round(int(late) * decoded.sample_rate / self.codec.sample_rate))
        trimmed = trimmed if len(trimmed) < expected else fit(trimmed, expected)
        if not len(trimmed):
            raise UserError("decoding gives no samples beyond its delay")
        suffix, content = packed(to_stereo(trimmed), decoded.sample_rate)
        path = folder / f"{coding.name}{suffix}"
        path.write_bytes(content)
        return Encoded(path, decoded.bitstream_bytes)


@dataclass(frozen=True)
class OwnCoding(Coding):
    """A codec of one's own at a bitrate; its settings hold the command lines and the checksums of their files."""

    runner: Commands | None = None

    @classmethod
    def make(cls, codec: OwnCodec, kbps: int) -> OwnCoding:
        """Make the condition, its delay declared or measured; UserError when the version command fails."""
        late = measured_delay(codec, kbps) if codec.delay is None else codec.delay
        options = (("kbps", str(kbps)), *((("delay", str(late)),) if late is not None else ()))
        program = Path(codec.encode.arguments[0]).name
        return cls(
            codec.name, kbps, program, program, codec.suffix, codec.sample_rate, options, version(codec),
            codec.constant, Commands(codec),
        )  # fmt: skip

    def settings(self) -> dict[str, Any]:
        codec = self._codec
        commands = {"encode": codec.encode, "decode": codec.decode, "bitstream": codec.bitstream}
        return {
            "codec": codec.name,
            "bitrate_kbps": self.kbps,
            "suffix": codec.suffix,
            "sample_rate": codec.sample_rate,
            "channels": codec.channels,
            "bits": codec.bits,
            "options": dict(self.options),
            "commands": {name: list(command.shown) for name, command in commands.items() if command},
            "files": {f"{name} {Path(path).name}": sha256 for name, command in commands.items() if command
                      for path, sha256 in command.files},
            "version": self.version,
        }  # fmt: skip

    def columns(self) -> dict[str, Any]:
        values = _values(self._codec, self.kbps)
        shown = Command(self._codec.encode.shown[1:], ()).filled(values)
        encoder = f"{self.encoder} ({self.version})"
        return super().columns() | {"encoder": encoder, "arguments": shlex.join(shown)}

    @property
    def _codec(self) -> OwnCodec:
        assert self.runner is not None
        return self.runner.codec


@cache
def version(codec: OwnCodec) -> str:
    """The first line of the version command and the start of the encoder's SHA-256; UserError when it fails."""
    digest = codec.encode.files[0][1][:12]
    if codec.version is None:
        return digest
    with tempfile.TemporaryDirectory() as folder:
        printed = run_in(codec.version.filled({}), Path(folder), _VERSION_S)
    line = next((line.strip() for line in printed.splitlines() if line.strip()), "")
    return f"{line[:100]}, {digest}" if line else digest


@cache
def measured_delay(codec: OwnCodec, kbps: int) -> int | None:
    """Samples by which decoded signals are late, at the codec's sample rate; None when it cannot be found.

    Found once, on two signals. A codec that fails or whose delay varies gets None, and its rows say what is wrong.
    """
    found = []
    for seed in range(2):
        probe = delay.probe(codec.sample_rate, seed)
        with tempfile.TemporaryDirectory() as folder:
            try:
                made = both_ways(codec, kbps, probe, codec.sample_rate, Path(folder), 60)
            except UserError:
                return None
        heard = resample(to_mono(made.samples), made.sample_rate, codec.sample_rate)
        found.append(delay.between(to_mono(probe), heard, codec.sample_rate))
    if abs(found[0] - found[1]) > _SAME_DELAY:
        return None
    # At low bitrates the correlation may be a few samples off; so little is allowed anyway.
    return 0 if abs(found[0]) <= _NO_DELAY else found[0]


def both_ways(codec: OwnCodec, kbps: int, samples: Samples, rate: int, folder: Path, timeout: float) -> Decoded:
    """Encode and decode float32 (frames, channels) samples in `folder`; UserError says which command failed and how.

    Files have fixed names, so that nothing in a user's file name reaches a command line. timeout: seconds, where the
    codec names none.
    """
    limit = codec.timeout or timeout
    there = resample(samples, rate, codec.sample_rate)
    there = to_mono(there)[:, None] if codec.channels == 1 else to_stereo(there)
    subtype = BITS[codec.bits]
    content = file_bytes(there if subtype == "FLOAT" else np.clip(there, -1, 1), codec.sample_rate, "WAV", subtype)
    (folder / "input.wav").write_bytes(content)
    stream, back = folder / f"encoded{codec.suffix}", folder / "decoded.wav"
    values = _values(codec, kbps)
    run_in(codec.encode.filled({**values, "input": "input.wav", "output": stream.name}), folder, limit)
    if not stream.is_file() or not stream.stat().st_size:
        raise UserError("encode ended well but wrote nothing to {output}")
    size = stream.stat().st_size
    if codec.bitstream is not None:
        printed = run_in(codec.bitstream.filled({**values, "input": stream.name}), folder, limit).strip()
        if not printed.isascii() or not printed.isdecimal() or not int(printed):
            raise UserError(f"bitstream printed {printed[:60]!r}; it must print a number of bytes")
        size = int(printed)
    if codec.decode is not None:
        run_in(codec.decode.filled({**values, "input": stream.name, "output": back.name}), folder, limit)
        if not back.is_file():
            raise UserError("decode ended well but wrote nothing to {output}")
        try:
            decoded, decoded_rate = soundfile.read(back, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise UserError(f"decode wrote a file that is not a WAV file ({error.error_string})") from None
    else:
        audio = read(stream)
        decoded, decoded_rate = audio.samples, audio.sample_rate
    if not len(decoded) or not np.isfinite(decoded).all():
        raise UserError("decoding gives no samples, or NaN or infinite ones")
    return Decoded(stream, size, decoded, decoded_rate)


def _values(codec: OwnCodec, kbps: int) -> dict[str, object]:
    return {"kbps": kbps, "bps": 1000 * kbps, "sample_rate": codec.sample_rate, "channels": codec.channels}
