"""The condition that is a codec at a bitrate."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from prep.condition import Condition


@dataclass(frozen=True)
class Coding(Condition):
    """A codec at a bitrate.

    codec: registered name. kbps: what the encoder is asked for. program: what runs it. encoder: its name there.
    suffix: of the file. sample_rate: Hz at which the signal is coded. options: the program's, exactly, as pairs.
    version: of the program.
    """

    codec: str
    kbps: int
    program: str
    encoder: str
    suffix: str
    sample_rate: int
    options: tuple[tuple[str, str], ...]
    version: str

    @property
    def name(self) -> str:
        return f"{self.codec}-{self.kbps:03d}"

    @property
    def family(self) -> str:
        return self.codec

    def settings(self) -> dict[str, Any]:
        return {
            "codec": self.codec,
            "bitrate_kbps": self.kbps,
            "encoder": self.encoder,
            "sample_rate": self.sample_rate,
            "options": dict(self.options),
            self.program: self.version,
        }

    def columns(self) -> dict[str, Any]:
        return {
            "codec": self.codec,
            "bitrate_kbps": float(self.kbps),
            "encoder": f"{self.encoder} ({self.program} {self.version})",
            "arguments": shlex.join(part for key, value in self.options for part in (f"-{key}", value)),
            "coded_sample_rate": self.sample_rate,
        }
