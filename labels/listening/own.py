"""Reader of a test whose name, scale and licence are given by the user."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deepaq.errors import UserError
from labels.listening.reader import HIGHER, LOWER, Reader, Reading, is_name
from labels.listening.rows import number

MUSHRA, MOS, ABX, SHARE = "MUSHRA", "MOS", "ABX", "choice share"
FEWEST, NARROW = 4, 0.1  # ratings, and the share of a scale, that show that another scale was meant
BOUNDS = {MUSHRA: (0.0, 100.0), ABX: (0.5, 1.0), SHARE: (0.0, 1.0)}  # other scales: 1 to 5


class Own(Reader):
    """Base of readers whose user describes the test.

    The default scale is MUSHRA, or the one that the bounds suggest. Default bounds are 0 and 100 for MUSHRA, .5 and 1
    for ABX (the proportion of correct answers), 0 and 1 for a choice share, and 1 and 5 for any other scale. better:
    `higher` or `lower`; lower for ABX, whose scores rise with the audibility of a difference.
    """

    def __init__(
        self,
        name: str = "",
        scale: str = "",
        lowest: str = "",
        highest: str = "",
        better: str = "",
        licence: str = "not stated by whoever imported it",
        citation: str = "not stated by whoever imported it",
    ) -> None:
        self.name, self.title, self.licence, self.citation = name, name, licence, citation
        self._given = {"scale": scale, "scale_low": lowest, "scale_high": highest, "better": better}
        self.settle({})

    def settle(self, table: Mapping[str, str]) -> None:
        """Set the scale from the user's options, else from the table of ratings.

        table: any of scale, scale_low, scale_high and better.
        """
        said = {**table, **{key: text for key, text in self._given.items() if text}}
        low, high = (_bound(name, said.get(name, "")) for name in ("scale_low", "scale_high"))
        self.scale = said.get("scale") or _scale_of(low, high)
        lowest, highest = next((b for name, b in BOUNDS.items() if self._is(name)), (1.0, 5.0))
        self.lowest, self.highest = lowest if low is None else low, highest if high is None else high
        self.better = said.get("better") or (LOWER if self._is(ABX) else HIGHER)
        if not is_name(self.scale):
            raise UserError(f"--scale {self.scale[:40]!r}: a name of 1 to 200 plain characters is needed")
        if self.better not in (HIGHER, LOWER):
            raise UserError(f"--better {self.better}: write {HIGHER} or {LOWER}")
        if self.lowest >= self.highest:
            raise UserError(
                f"--lowest {self.lowest:g} --highest {self.highest:g}: the lowest must be below the highest"
            )

    @property
    def least(self) -> float:
        """The lowest possible rating: an ABX score can fall below .5 by chance."""
        return 0.0 if self._is(ABX) else self.lowest

    def check_scale(self, path: Path, reading: Reading) -> None:
        """Raise UserError if all ratings lie in a tenth of a scale whose bounds the user has not stated."""
        values = [rating.value for rating in reading.ratings.values() if rating.value is not None]
        span = self.highest - self.lowest
        stated = self._given["scale_low"] or self._given["scale_high"] or self._given["scale"]
        if len(values) >= FEWEST and not stated and max(values) - self.lowest <= NARROW * span:
            raise UserError(
                f"{path}: all ratings lie between {min(values):g} and {max(values):g} of a scale from {self.lowest:g} "
                f"to {self.highest:g}; state the scale with --lowest and --highest"
            )

    def call(self, path: Path) -> None:
        """Name an unnamed test after its file or folder."""
        self.name = self.name or path.stem
        self.title = self.title or self.name
        if not is_name(self.name):
            raise UserError(f"{path}: {self.name[:40]!r} cannot name the test; give a name with --name")

    def _is(self, scale: str) -> bool:
        return self.scale.upper().startswith(scale.upper())


def _scale_of(low: float | None, high: float | None) -> str:
    """Name a scale by its bounds."""
    if (low, high) == BOUNDS[ABX]:
        return ABX
    return MOS if (low, high) == (1.0, 5.0) else MUSHRA


def _bound(name: str, text: str) -> float | None:
    if not text:
        return None
    value = number(text)
    if value is None:
        flag = {"scale_low": "--lowest", "scale_high": "--highest"}[name]
        raise UserError(f"{flag} {text}: a number is needed")
    return value
