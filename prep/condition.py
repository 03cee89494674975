"""A condition: one way of degrading a clip, with everything that decides its bits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from manifests.ids import settings_id


@dataclass(frozen=True)
class Condition:
    """A codec at a bitrate.

    codec: registered name. kbps: what the encoder is asked for. encoder: its name in ffmpeg. suffix: of the file.
    sample_rate: Hz at which the signal is coded. options: ffmpeg's output options, exactly, as pairs.
    version: of the program that encodes.
    """

    codec: str
    kbps: int
    encoder: str
    suffix: str
    sample_rate: int
    options: tuple[tuple[str, str], ...]
    version: str

    @property
    def name(self) -> str:
        """Readable: opus-016."""
        return f"{self.codec}-{self.kbps:03d}"

    @property
    def encoder_version(self) -> str:
        return f"{self.encoder} (ffmpeg {self.version})"

    @cached_property
    def id(self) -> str:
        """Of the exact settings: another option or another program is another condition."""
        return settings_id(self.settings())

    def settings(self) -> dict[str, Any]:
        """For the manifest's footer."""
        return {
            "codec": self.codec,
            "bitrate_kbps": self.kbps,
            "encoder": self.encoder,
            "sample_rate": self.sample_rate,
            "options": dict(self.options),
            "ffmpeg": self.version,
        }
