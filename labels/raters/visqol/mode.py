"""Constants of ViSQOL's modes, from the C++ program."""

from __future__ import annotations

from dataclasses import dataclass

LOWEST_HZ = 50.0
WINDOW_S = 0.08
HOPS_PER_WINDOW = 4
SEARCH_RADIUS = 60  # in patches


@dataclass(frozen=True)
class Mode:
    """A mode of visqol-python: rate in Hz, gammatone bands up to `highest_hz`, frames per patch, and the mapping from
    similarity to MOS (`svr`, `lattice` or `exponential`)."""

    name: str
    sample_rate: int
    bands: int
    highest_hz: float
    patch_frames: int
    mapping: str

    @property
    def window(self) -> int:
        """Samples per frame."""
        return round(self.sample_rate * WINDOW_S)

    @property
    def hop(self) -> int:
        """Samples from frame to frame."""
        return self.window // HOPS_PER_WINDOW

    @property
    def hop_s(self) -> float:
        """Seconds from frame to frame."""
        return self.hop / self.sample_rate

    @property
    def patch_s(self) -> float:
        """Seconds from patch to patch."""
        return self.hop_s * self.patch_frames


AUDIO = Mode("audio", 48_000, 32, 24_000.0, 30, "svr")
SPEECH = Mode("speech", 16_000, 21, 8_000.0, 20, "lattice")
EXPONENTIAL_SPEECH = Mode("speech", 16_000, 21, 8_000.0, 20, "exponential")
