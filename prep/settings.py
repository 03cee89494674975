"""The settings of `prep transcode`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from deepaq.errors import UserError
from manifests import jobs
from manifests.split import TRAIN, VALID_SHARE
from prep.coding.codecs import DEFAULT, codings
from prep.condition import Condition
from prep.distortions.condition import distortion_conditions
from prep.tracks.sources import AUTO


@dataclass(frozen=True)
class Settings:
    """Settings of `prep transcode`.

    codecs, bitrates (kbps), distortions (as `distortion_conditions` reads them): the conditions.
    clip_s: clip length in seconds, 2 to 600. valid_share: validation's share of the tracks whose corpus has no split.
    per_clip: conditions per clip, for training and validation or one for both, fractions allowed; empty is all.
    hours: clean music to take, for training and validation or one for both; empty is all. seed: decides both choices.
    corpus: how to read folders. exclude: lists and recordings that stay out. allow_lossy: take lossy tracks too.
    jobs: worker processes. shard: (index from 0, count). dask: scheduler address instead of processes.
    """

    codecs: tuple[str, ...] = DEFAULT
    bitrates: tuple[int, ...] | None = None
    clip_s: float = 10.0
    distortions: str = ""
    valid_share: float = VALID_SHARE
    per_clip: tuple[float, ...] = ()
    hours: tuple[float, ...] = ()
    seed: int = 0
    corpus: str = AUTO
    exclude: tuple[Path, ...] = ()
    allow_lossy: bool = False
    jobs: int = field(default_factory=jobs.cpu_count)
    shard: tuple[int, int] = (0, 1)
    dask: str | None = None
    retry_failed: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.clip_s <= 600:
            raise UserError(f"--clip {self.clip_s:g}: clips are 2 to 600 seconds long")
        jobs.workers(self.jobs)
        if not 0 <= self.valid_share < 1:
            raise UserError(f"--valid-share {self.valid_share:g}: a share from 0 to below 1 is needed")
        for option, values in (("--conditions-per-clip", self.per_clip), ("--hours", self.hours)):
            if len(values) > 2 or any(not 0 < value < math.inf for value in values):
                text = ",".join(f"{value:g}" for value in values)
                raise UserError(f"{option} {text}: write one number above 0, or two for training and validation")

    def conditions(self) -> list[Condition]:
        """Every condition asked for; UserError when there is none."""
        chosen: list[Condition] = [*codings(self.codecs, self.bitrates), *distortion_conditions(self.distortions)]
        if not chosen:
            raise UserError("no conditions: name some with --codecs or --distortions")
        return chosen

    def per_clip_of(self, split: str) -> float | None:
        """Conditions per clip of a split; None for all. Splits other than training count as validation."""
        return _of(self.per_clip, split)

    def hours_of(self, split: str) -> float | None:
        """Clean hours of a split; None for all."""
        return _of(self.hours, split)


def _of(values: tuple[float, ...], split: str) -> float | None:
    if not values:
        return None
    return values[0] if split == TRAIN else values[-1]
