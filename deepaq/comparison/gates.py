"""Gates of a comparison: drops beyond which a build must not ship."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from deepaq.comparison.comparison import Comparison
from deepaq.errors import UserError


@dataclass(frozen=True)
class Gates:
    """Largest drops in MOS: of the mean, of the tail (worst file and 5th percentile), and of the worst window."""

    max_drop: float | None = None
    max_tail_drop: float | None = None
    max_worst_drop: float | None = None

    def __post_init__(self) -> None:
        for gate in fields(self):
            value = getattr(self, gate.name)
            if value is not None and not (math.isfinite(value) and 0 <= value <= 4):
                raise UserError(f"--{gate.name.replace('_', '-')} {value:g}: give a drop in MOS, 0 to 4")

    def failures(self, found: Comparison) -> list[str]:
        """Return a line for every gate that fails."""
        lines = []
        if self.max_drop is not None and (found.high is None or found.high < -self.max_drop):
            if found.high is None:
                lines.append(f"{found.b}: too few tracks for an interval, so --max-drop cannot be judged")
            else:
                lines.append(f"{found.b}: the mean falls by {-found.mean:.3f} MOS, surely more than {self.max_drop:g}")
        if self.max_tail_drop is not None:
            worst, tail = found.worst_file, found.tail[1] - found.tail[0]
            if worst.change < -self.max_tail_drop:
                at = f" (worst at {found.worst.second:g} s)" if found.worst.file == worst.file else ""
                drop = f"falls by {-worst.change:.3f} MOS, more than {self.max_tail_drop:g}"
                lines.append(f"{found.b}: {worst.file} {drop}{at}")
            elif tail < -self.max_tail_drop:
                drop = f"falls by {-tail:.3f} MOS, more than {self.max_tail_drop:g}"
                lines.append(f"{found.b}: the 5th percentile {drop}")
        if self.max_worst_drop is not None and found.worst.change < -self.max_worst_drop:
            drop = f"falls by {-found.worst.change:.3f} MOS, more than {self.max_worst_drop:g}"
            lines.append(f"{found.b}: {found.worst.file} at {found.worst.second:g} s {drop}")
        return lines

    def warnings(self, found: Comparison) -> list[str]:
        """Return a line where the mean may or may not have fallen too far."""
        if self.max_drop is None or found.low is None or found.high is None:
            return []
        if found.low < -self.max_drop <= found.high:
            bounds = f"[{found.low:.3f}, {found.high:.3f}]"
            return [
                f"{found.b}: the mean change lies in {bounds}; it may be below -{self.max_drop:g} MOS, with"
                f" {found.needed} files it would be clearer"
            ]
        return []
