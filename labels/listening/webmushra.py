"""Reader of webMUSHRA: the results written by its server, and the configuration that names the audio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepaq.errors import UserError
from labels.listening.own import Own
from labels.listening.reader import Reading, Stimulus, find, located, role_of
from labels.listening.rows import rows
from manifests import schema

COLUMNS = ("session_test_id", "trial_id", "rating_stimulus", "rating_score")
GENERATED = {"anchor35": "low-pass at 3.5 kHz", "anchor70": "low-pass at 7 kHz"}


@dataclass(frozen=True)
class Trial:
    """A page of the test: its reference, and the files of its stimuli by name."""

    reference: Path
    stimuli: dict[str, Path]


class WebMushra(Own):
    """Reads `mushra.csv` and the YAML configuration of the test, both anywhere below one folder.

    The configuration names files relative to webMUSHRA's own folder; they are looked up below the given folder
    (`located`). Without a configuration, the layout is `<trial_id>/<rating_stimulus>.wav` with `reference.wav`.
    """

    def read(self, path: Path) -> Reading:
        self.call(path)
        table = find(path, "mushra.csv")
        root = path if path.is_dir() else path.parent
        reading = Reading(self.lowest, self.highest)
        trials: dict[str, dict[str, Trial]] = {}
        for where, row in rows(table, COLUMNS, ("rating_score",)):
            test, item, condition = row["session_test_id"], row["trial_id"], row["rating_stimulus"]
            if test not in trials:
                trials[test] = _trials(root, test)
            stimulus = _stimulus(root, trials[test], item, condition)
            if stimulus is None:
                reading.problems.append(f"{where}: the configuration knows no condition {condition!r} of {item!r}")
                continue
            reading.rate(stimulus, _listener(row), row["rating_score"], where)
        if not reading.ratings:
            raise UserError(f"{table}: holds no ratings")
        return reading


def _listener(row: dict[str, str]) -> str:
    """The session's id, or in older versions the participant's entries between the ids of test and trial."""
    if row.get("session_uuid"):
        return row["session_uuid"]
    names = list(row)
    between = names[names.index("session_test_id") + 1 : names.index("trial_id")]
    return " ".join(row[name] for name in between) or "one session"


def _stimulus(root: Path, trials: dict[str, Trial], item: str, condition: str) -> Stimulus | None:
    if trials and item not in trials:
        return None
    trial = trials.get(item) or Trial(root / item / "reference.wav", {condition: root / item / f"{condition}.wav"})
    role = role_of(condition)
    if role == schema.REFERENCE:
        return Stimulus(item, condition, role, None, trial.reference, trial.reference)
    if condition in trial.stimuli:
        return Stimulus(item, condition, role, None, trial.reference, trial.stimuli[condition])
    if condition in GENERATED:
        absent = f"webMUSHRA makes {condition} ({GENERATED[condition]}) in the browser and keeps no file of it"
        return Stimulus(item, condition, role, None, trial.reference, None, absent)
    return None


def _trials(root: Path, test: str) -> dict[str, Trial]:
    """The pages of the configuration whose testId is `test`; empty if there is none."""
    import yaml

    for path in sorted([*root.rglob("*.yaml"), *root.rglob("*.yml")]):
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: cannot be read as YAML ({str(error).splitlines()[0]})") from None
        if isinstance(content, dict) and str(content.get("testId")) == test:
            return dict(_pages(root, content.get("pages") or []))
    return {}


def _pages(root: Path, pages: Any) -> Iterator[tuple[str, Trial]]:
    """Yield the pages, also from the nested lists that webMUSHRA shuffles."""
    for page in pages:
        if isinstance(page, list):
            yield from _pages(root, page)
        elif isinstance(page, dict) and page.get("type") == "mushra" and page.get("reference"):
            stimuli = {str(name): located(root, str(file)) for name, file in (page.get("stimuli") or {}).items()}
            yield str(page.get("id")), Trial(located(root, str(page["reference"])), stimuli)
