"""A condition: one way of degrading a clip, with everything that decides its bits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

from manifests.ids import settings_id


class Condition(ABC):
    """What every condition says about itself; a codec at a bitrate and a distortion at a severity are conditions."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Readable, unique among the conditions of a run: opus-016, lowpass-3."""

    @property
    @abstractmethod
    def family(self) -> str:
        """The codec or distortion: what sampling balances."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Everything that decides the bits, for the id and for the manifest's footer."""

    @abstractmethod
    def columns(self) -> dict[str, Any]:
        """Its columns of the degraded table besides names: codec, bitrate_kbps, encoder, arguments, ..."""

    @cached_property
    def id(self) -> str:
        """Of the exact settings: another option or another program is another condition."""
        return settings_id(self.settings())
