"""Any listening test as a plain CSV file: the USAC verification tests for those who hold them, or one's own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

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
    the degraded file's, with its folders where others are called the same; without a role the condition's name tells
    it, and a degraded file that is the reference itself is the hidden reference. Without a listener a score is the
    listeners' mean.
    """

    def read(self, path: Path) -> Reading:
        self.call(path)
        reading = Reading(self.lowest, self.highest)
        if not path.is_file():
            raise UserError(f"{path}: is no file; name the CSV file of the test")
        lines: list[tuple[str, dict[str, str]]] = []
        for where, row in rows(path, ("reference", "degraded", "score")):
            if not row["reference"] or not row["degraded"]:
                reading.problems.append(f"{where}: names no reference or no degraded file; left out")
                continue
            row["role"] = role = row.get("role", "").strip().lower()
            if role and role not in ROLES:
                reading.problems.append(f"{where}: the role {role!r} is unknown ({', '.join(ROLES)}); left out")
                continue
            lines.append((where, row))
        _name([row for _, row in lines])
        for where, row in lines:
            bounds = [number(row.get(name, "")) for name in ("ci_low", "ci_high")]
            interval = (bounds[0], bounds[1]) if bounds[0] is not None and bounds[1] is not None else None
            listener = row.get("listener", "").strip() or None
            reading.rate(_stimulus(path.parent, row), listener, row["score"], where, interval)
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


def _name(lines: Sequence[dict[str, str]]) -> None:
    """Give every line an item and a condition."""
    names = _short(row["reference"] for row in lines)
    items: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in lines:
        row["item"] = row.get("item", "").strip() or names[row["reference"]]
        items[row["item"]].append(row)
    for group in items.values():
        names = _short(row["degraded"] for row in group if not _hidden(row))
        for row in group:
            own = "reference" if _hidden(row) else names[row["degraded"]]
            row["condition"] = row.get("condition", "").strip() or own


def _hidden(row: dict[str, str]) -> bool:
    """Whether the degraded file is the reference itself."""
    return PurePath(row["degraded"]) == PurePath(row["reference"])


def _short(files: Iterable[str]) -> dict[str, str]:
    """For each file the shortest that no other shares: its stem, its path without the suffix, its path."""
    forms = {file: ((path := PurePath(file)).stem, file.removesuffix(path.suffix), file) for file in files}
    count = Counter(form for several in forms.values() for form in set(several))
    return {file: next((form for form in several if count[form] == 1), file) for file, several in forms.items()}


def _stimulus(folder: Path, row: dict[str, str]) -> Stimulus:
    reference, degraded = folder / row["reference"], folder / row["degraded"]
    return Stimulus(
        row["item"],
        row["condition"],
        row["role"] or (schema.REFERENCE if _hidden(row) else role_of(row["condition"])),
        row.get("content", "").strip() or None,
        reference,
        degraded,
    )
