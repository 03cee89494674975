"""Settings of the compact network, and what holds for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deepaq.core.filterbank import SAMPLE_RATE
from deepaq.errors import UserError

LARGEST = 1024  # bound of every size


class CompactTraits:
    """Attributes of `Comparator`, the same with NumPy and with torch."""

    name: ClassVar[str] = "compact"
    sample_rate: ClassVar[int] = SAMPLE_RATE
    segment_s: ClassVar[float] = 10.0
    shortest_s: ClassVar[float] = 0.25
    channels: ClassVar[int] = 2
    hears_level: ClassVar[bool] = True
    clip_head: ClassVar[bool] = True


@dataclass(frozen=True)
class CompactSettings:
    """width: channels of the convolutions. blocks: how many. projected: dimensions kept of every layer.

    clip_dims: dimensions of the clip embedding. clip_dropout: share of a clip's statistics left out in training. Raises
    UserError for impossible values.
    """

    width: int = 96
    blocks: int = 3
    projected: int = 32
    clip_dims: int = 16
    clip_dropout: float = 0.4

    def __post_init__(self) -> None:
        for name in ("width", "blocks", "projected", "clip_dims"):
            size = getattr(self, name)
            if type(size) is not int or not 1 <= size <= LARGEST:
                raise UserError(f"backbone compact: {name} is a whole number from 1 to {LARGEST}")
        if not isinstance(self.clip_dropout, int | float) or not 0 <= self.clip_dropout < 1:
            raise UserError("backbone compact: clip_dropout is a number from 0 to below 1")
