"""What sets ViSQOL's two modes apart: the constants of the C++ program."""

from __future__ import annotations

from dataclasses import dataclass

LOWEST_HZ = 50.0
WINDOW_S = 0.08
HOPS_PER_WINDOW = 4
SEARCH_RADIUS = 60  # in patches


@dataclass(frozen=True)
class Mode:
    """A mode: rate in Hz, gammatone bands up to `highest_hz`, frames per patch."""

    name: str
    sample_rate: int
    bands: int
    highest_hz: float
    patch_frames: int

    @property
    def window(self) -> int:
        """Samples per frame."""
        return round(self.sample_rate * WINDOW_S)

    @property
    def hop(self) -> int:
        """Samples from frame to frame."""
        return self.window // HOPS_PER_WINDOW


AUDIO = Mode("audio", 48_000, 32, 24_000.0, 30)
