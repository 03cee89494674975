"""Distortion conditions: a distortion at a severity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deepaq.audio import Samples
from deepaq.errors import UserError
from prep.coding import ffmpeg
from prep.condition import Condition
from prep.distortions import ALL, DISTORTIONS, distort


@dataclass(frozen=True)
class DistortionCondition(Condition):
    """distortion: registered name. severity: 1 to 5."""

    distortion: str
    severity: int

    @property
    def name(self) -> str:
        return f"{self.distortion}-{self.severity}"

    @property
    def family(self) -> str:
        return self.distortion

    def apply(self, samples: Samples, sample_rate: int, degraded_id: str) -> Samples:
        """Distort the samples; `degraded_id` seeds everything random."""
        return distort(samples, sample_rate, self.distortion, self.severity, int(degraded_id, 16))

    def settings(self) -> dict[str, Any]:
        distortion = DISTORTIONS[self.distortion]
        return {
            "distortion": self.distortion,
            "severity": self.severity,
            "version": distortion.version,
            "grade": dict(distortion.parameters[self.severity - 1]),
            **({"ffmpeg": ffmpeg.version()} if distortion.codecs else {}),
        }

    def columns(self) -> dict[str, Any]:
        parameters = DISTORTIONS[self.distortion].parameters[self.severity - 1]
        return {"arguments": " ".join(f"{key}={value:g}" for key, value in parameters.items())}


def distortion_conditions(text: str) -> list[DistortionCondition]:
    """Parse comma-separated distortions: `noise` is all its severities, `noise-3` one, `all` all built-in ones.

    Raises UserError for unknown names.
    """
    chosen: dict[DistortionCondition, None] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, severity = part.rpartition("-") if part[-1].isdecimal() else (part, "", "")
        for distortion in DISTORTIONS.own if part == ALL else [name]:
            if distortion not in DISTORTIONS:
                raise UserError(f"--distortions {part}: unknown distortion; known are all, {', '.join(DISTORTIONS)}")
            known = DISTORTIONS[distortion].severities
            if severity and int(severity) not in known:
                raise UserError(f"--distortions {part}: the severity of {name} is {known[0]} to {known[-1]}")
            chosen |= dict.fromkeys(
                DistortionCondition(distortion, n) for n in ([int(severity)] if severity else known)
            )
    return list(chosen)
