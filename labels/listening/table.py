"""Reader of any listening test as a plain CSV file, such as the user's own or the USAC verification tests."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath

from deepaq.errors import UserError
from labels.listening.own import ABX, SHARE, Own
from labels.listening.reader import Reading, Spread, Stimulus, role_of
from labels.listening.rows import header, number, rows
from manifests import schema

ROLES = {name: name for name in (schema.REFERENCE, schema.ANCHOR, schema.CODED)} | {"system": schema.CODED}
COUNTS = {"n_correct": ABX, "n_chosen": SHARE}  # counts out of n_trials -> the scale of their ratio
SCALE = ("scale", "scale_low", "scale_high", "better")  # columns that are the same in every line
ALIASES = {"score_mean": "score"}
NUMBERS = ("score", "ci_low", "ci_high", "score_std", "n_listeners", "n_trials", "scale_low", "scale_high", *COUNTS)
Z = 1.959964  # bounds of a 95 % interval


class Table(Own):
    """Reads a table with the columns reference, degraded and score (or score_mean), and any of the following.

    listener: without it, a score is the listeners' mean. item: by default the reference's name. condition: by default
    the degraded file's name, with its folders if others share the name. role: reference, anchor, or coded (also
    `system`); by default derived from the condition's name, and reference if the degraded file is the reference.
    content: class of the item. group: stimuli of one group share one published score. ci_low and ci_high, or score_std
    and n_listeners: spread of a mean. n_correct (ABX) or n_chosen (choice shares) with n_trials: counts, which may
    replace the score. scale, scale_low, scale_high, better: the scale.

    File names are relative to the table.
    """

    def read(self, path: Path) -> Reading:
        self.call(path)
        if not path.is_file():
            raise UserError(f"{path}: is not a file; name the CSV file of the test")
        lines = list(rows(path, ("reference", "degraded", *_scored(path)), NUMBERS, ALIASES))
        self.settle(_scale(path, [row for _, row in lines]))
        reading = Reading(self.least, self.highest)
        kept = [(where, row) for where, row in lines if _usable(row, where, reading)]
        _name([row for _, row in kept])
        for where, row in kept:
            listener = row.get("listener", "").strip() or None
            score, spread = _score(row)
            reading.rate(_stimulus(path.parent, row), listener, score, where, spread)
        if not reading.ratings:
            raise UserError(f"{path}: holds no ratings")
        self.check_scale(path, reading)
        return reading


def _scored(path: Path) -> tuple[str, ...]:
    """The column that must hold the scores; none if counts replace it."""
    return () if any(name in header(path) for name in COUNTS) else ("score",)


def _scale(path: Path, lines: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The scale given in the table; raises UserError if lines differ."""
    found = {}
    for name in SCALE:
        several = sorted({text for row in lines if (text := row.get(name, "").strip())})
        if len(several) > 1:
            raise UserError(
                f"{path}: column {name} holds {several[0]} and {several[1]}; import ratings on different scales as "
                "separate tests"
            )
        if several:
            found[name] = several[0]
    counted = [scale for name, scale in COUNTS.items() if any(row.get(name, "").strip() for row in lines)]
    return {"scale": counted[0], **found} if counted else found


def _usable(row: dict[str, str], where: str, reading: Reading) -> bool:
    """Check that a line names its files and a known role; reports a problem if not."""
    if not row["reference"] or not row["degraded"]:
        reading.problems.append(f"{where}: names no reference or no degraded file; left out")
        return False
    role = row.get("role", "").strip().lower()
    if role and role not in ROLES:
        reading.problems.append(f"{where}: the role {role!r} is unknown ({', '.join(ROLES)}); left out")
        return False
    row["role"] = ROLES.get(role, "")
    return True


def _score(row: Mapping[str, str]) -> tuple[str, Spread]:
    """Score of a line as written, or the ratio of its counts, and its spread."""
    values = {name: number(row.get(name, "")) for name in NUMBERS}
    score, trials = row.get("score", ""), values["n_trials"]
    low, high = values["ci_low"], values["ci_high"]
    interval = (low, high) if low is not None and high is not None else None
    for name in COUNTS:
        if (count := values[name]) is not None and trials:
            score = score.strip() or str(count / trials)
            interval = interval or wilson(count, trials)
    return score, Spread(interval, values["score_std"], int(values["n_listeners"] or 0))


def wilson(count: float, trials: float) -> tuple[float, float]:
    """95 % confidence interval of a proportion.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.
    """
    share, spread = count / trials, Z * Z / trials
    centre = share + spread / 2
    half = Z * math.sqrt(max(share * (1 - share), 0.0) / trials + spread / (4 * trials))
    return (centre - half) / (1 + spread), (centre + half) / (1 + spread)


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


def _hidden(row: Mapping[str, str]) -> bool:
    """Tell if the degraded file is the reference itself."""
    return PurePath(row["degraded"]) == PurePath(row["reference"])


def _short(files: Iterable[str]) -> dict[str, str]:
    """The shortest unique name of each file: its stem, its path without the suffix, or its path."""
    forms = {file: ((path := PurePath(file)).stem, file.removesuffix(path.suffix), file) for file in files}
    count = Counter(form for several in forms.values() for form in set(several))
    return {file: next((form for form in several if count[form] == 1), file) for file, several in forms.items()}


def _stimulus(folder: Path, row: Mapping[str, str]) -> Stimulus:
    return Stimulus(
        row["item"],
        row["condition"],
        row["role"] or (schema.REFERENCE if _hidden(row) else role_of(row["condition"])),
        row.get("content", "").strip() or None,
        folder / row["reference"],
        folder / row["degraded"],
        group=row.get("group", "").strip() or None,
    )
