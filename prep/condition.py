"""Conditions: ways of degrading a clip, with everything that decides the result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

from manifests.ids import settings_id


class Condition(ABC):
    """A codec at a bitrate or a distortion at a severity."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Readable name, unique among the conditions of a run: opus-016, lowpass-3."""

    @property
    @abstractmethod
    def family(self) -> str:
        """The codec or distortion, between which sampling balances."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Everything that decides the degraded samples, for the id and the manifest's footer."""

    @abstractmethod
    def columns(self) -> dict[str, Any]:
        """Columns of the degraded table besides names: codec, bitrate_kbps, encoder, arguments, ..."""

    @cached_property
    def id(self) -> str:
        """Hash of the exact settings; another option or program is another condition."""
        return settings_id(self.settings())
