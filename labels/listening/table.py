"""Any listening test as a plain CSV file: the USAC verification tests for those who hold them, or one's own."""

from __future__ import annotations

from pathlib import Path

from deepaq.errors import UserError
from labels.listening.reader import Reader, Reading, Stimulus, number, role_of, rows
from manifests import schema

ROLES = (schema.REFERENCE, schema.ANCHOR, schema.CODED)


class Own(Reader):
    """A reader whose test its user names. highest of a scale called MUSHRA is 100, of any other 5, unless given."""

    def __init__(
        self,
        name: str = "",
        scale: str = "MUSHRA",
        lowest: str = "",
        highest: str = "",
        licence: str = "not stated by whoever imported it",
        citation: str = "not stated by whoever imported it",
    ) -> None:
        self.name, self.title, self.scale, self.licence, self.citation = name, name, scale, licence, citation
        mushra = scale.upper().startswith("MUSHRA")
        self.lowest = _bound("--lowest", lowest, 0.0 if mushra else 1.0)
        self.highest = _bound("--highest", highest, 100.0 if mushra else 5.0)
        if self.lowest >= self.highest:
            raise UserError(
                f"--lowest {self.lowest:g} --highest {self.highest:g}: the lowest must be below the highest"
            )

    def call(self, path: Path) -> None:
        """Name a test that has no name yet after its file or folder."""
        self.name = self.name or path.stem
        self.title = self.title or self.name


class Table(Own):
    """Columns reference, degraded, score and, where there are such, listener, item, condition, ci_low, ci_high, role,
    content. Files are named relative to the table. Without an item it is the reference's name, without a condition
    the degraded file's; without a role the condition's name tells it, and a degraded file that is the reference
    itself is the hidden reference. Without a listener a score is the listeners' mean.
    """

    def read(self, path: Path) -> Reading:
        self.call(path)
        reading = Reading(self.lowest, self.highest)
        if not path.is_file():
            raise UserError(f"{path}: is no file; name the CSV file of the test")
        for where, row in rows(path, ("reference", "degraded", "score")):
            if not row["reference"] or not row["degraded"]:
                reading.problems.append(f"{where}: names no reference or no degraded file; left out")
                continue
            role = row.get("role", "").strip().lower()
            if role and role not in ROLES:
                reading.problems.append(f"{where}: the role {role!r} is unknown ({', '.join(ROLES)}); left out")
                continue
            bounds = [number(row.get(name, "")) for name in ("ci_low", "ci_high")]
            interval = (bounds[0], bounds[1]) if bounds[0] is not None and bounds[1] is not None else None
            listener = row.get("listener", "").strip() or None
            reading.rate(_stimulus(path.parent, row, role), listener, row["score"], where, interval)
        if not reading.ratings:
            raise UserError(f"{path}: holds no ratings")
        return reading


def _bound(flag: str, text: str, default: float) -> float:
    if not text:
        return default
    value = number(text)
    if value is None:
        raise UserError(f"{flag} {text}: a number is needed")
    return value


def _stimulus(folder: Path, row: dict[str, str], role: str) -> Stimulus:
    reference, degraded = folder / row["reference"], folder / row["degraded"]
    condition = row.get("condition", "").strip() or ("reference" if degraded == reference else degraded.stem)
    return Stimulus(
        row.get("item", "").strip() or reference.stem,
        condition,
        role or (schema.REFERENCE if degraded == reference else role_of(condition)),
        row.get("content", "").strip() or None,
        reference,
        degraded,
    )
