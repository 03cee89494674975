"""Codec conditions: a codec at a bitrate."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from deepaq.errors import UserError
from prep.condition import Condition

_SLACK, _CONTAINER_BYTES = 0.15, 2048  # tolerance for constant bitrates


@dataclass(frozen=True)
class Coding(Condition):
    """A codec at a bitrate.

    codec: registered name. kbps: requested bitrate. program: the program that encodes. encoder: name of the encoder
    there. suffix: that of the file. sample_rate: Hz at which the signal is coded. options: exact options of the
    program, as pairs. version: that of the program. constant: True if a file must have the requested bitrate.
    """

    codec: str
    kbps: int
    program: str
    encoder: str
    suffix: str
    sample_rate: int
    options: tuple[tuple[str, str], ...]
    version: str
    constant: bool = False

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

    def actual_kbps(self, size: int, seconds: float) -> float:
        """Bitrate of a file of `size` bytes and that length; raises UserError if a constant bitrate is missed."""
        kbps, container = 8 * size / seconds / 1000, 8 * _CONTAINER_BYTES / seconds / 1000
        if self.constant and not (1 - _SLACK) * self.kbps <= kbps <= (1 + _SLACK) * self.kbps + container:
            raise UserError(
                f"{self.name}: has {kbps:.1f} kbps instead of the requested {self.kbps}; choose another bitrate"
            )
        return kbps
