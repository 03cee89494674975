"""Constants of ViSQOL's modes, from the C++ program."""

from __future__ import annotations

from dataclasses import dataclass, replace

LOWEST_HZ = 50.0
HOP_S = 0.02  # from frame to frame
HOPS_PER_WINDOW = 4
SEARCH_RADIUS = 60  # in patches


@dataclass(frozen=True)
class Mode:
    """A mode of visqol-python.

    sample_rate: in Hz. window, hop: samples per frame and from frame to frame. bands: gammatone bands, up to
    `highest_hz`. patch_frames, patch_s: frames per patch and seconds from patch to patch. mapping: from similarity to
    MOS, by `svr`, `lattice` or `exponential`.
    """

    name: str
    sample_rate: int
    window: int
    hop: int
    bands: int
    highest_hz: float
    patch_frames: int
    patch_s: float
    mapping: str


AUDIO = Mode("audio", 48_000, 3840, 960, 32, 24_000.0, 30, 0.6, "svr")
SPEECH = Mode("speech", 16_000, 1280, 320, 21, 8_000.0, 20, 0.4, "lattice")
EXPONENTIAL_SPEECH = replace(SPEECH, mapping="exponential")
