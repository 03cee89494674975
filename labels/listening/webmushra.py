"""Reader of webMUSHRA: the results written by its server, and the configuration that names the audio."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from deepaq.errors import UserError
from labels.listening.configuration import Page, configurations, pages
from labels.listening.files import below
from labels.listening.locate import locate
from labels.listening.own import Own
from labels.listening.reader import Reading, Stimulus, role_of
from labels.listening.rows import rows
from manifests import schema

TABLE, CONFIGS = "mushra.csv", "configs"
COLUMNS = ("session_test_id", "trial_id", "rating_stimulus", "rating_score")
GENERATED = {"anchor35": "low-pass at 3.5 kHz", "anchor70": "low-pass at 7 kHz"}
UPWARDS = 3  # folders above PATH that may hold `configs`


@dataclass(frozen=True)
class Trial:
    """A page of the test: its reference, and the files of its stimuli by name."""

    reference: Path
    stimuli: dict[str, Path]


class WebMushra(Own):
    """Reads `mushra.csv` and the YAML configuration of the test.

    PATH is webMUSHRA's own folder, a folder with both files below it, or `results/<test>` beside `configs`; of several
    results, --name chooses one by its folder. The configuration names files relative to webMUSHRA's own folder; they
    are looked up below the folder that holds it (`locate`). Without a configuration, the layout is
    `<trial_id>/<rating_stimulus>.wav` with `reference.wav`.
    """

    needs_audio = True

    def read(self, path: Path) -> Reading:
        table = _table(path, self.name)
        self.call(path)
        sessions = _Sessions()
        folder = path if path.is_dir() else path.parent
        reading = Reading(self.lowest, self.highest, folder=folder)
        trials: dict[str, dict[str, Trial]] = {}
        for where, row in rows(table, COLUMNS, ("rating_score",)):
            test, item, condition = row["session_test_id"], row["trial_id"], row["rating_stimulus"]
            if test not in trials:
                reading.folder, trials[test] = _trials(folder, test)
            stimulus = _stimulus(reading.folder or folder, trials[test], item, condition)
            if stimulus is None:
                reading.problems.append(f"{where}: the configuration knows no condition {condition!r} of {item!r}")
                continue
            reading.rate(stimulus, sessions.listener(row), row["rating_score"], where)
        if not reading.ratings:
            raise UserError(f"{table}: holds no ratings")
        self.check_scale(table, reading)
        return reading


@dataclass
class _Sessions:
    """Tells sessions apart in results of older versions, which give them no id."""

    number: Counter[str] = field(default_factory=Counter)
    rated: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    def listener(self, row: dict[str, str]) -> str:
        """The session's id; without one, what the participant entered, numbered when a stimulus comes again."""
        if row.get("session_uuid"):
            return row["session_uuid"]
        names = list(row)
        between = names[names.index("session_test_id") + 1 : names.index("trial_id")]
        who = " ".join(row[name] for name in between)
        who = who if who.strip() else "one session"
        rated, stimulus = self.rated.setdefault(who, set()), (row["trial_id"], row["rating_stimulus"])
        if stimulus in rated:
            self.number[who] += 1
            rated.clear()
        rated.add(stimulus)
        return f"{who} ({self.number[who] + 1})" if self.number[who] else who


def _table(path: Path, name: str) -> Path:
    """The results; of several those in the folder called `name`."""
    if path.is_file() and path.name == TABLE:
        return path
    if not path.is_dir():
        raise UserError(f"{path}: no such folder, or not a {TABLE}")
    found = below(path, TABLE)
    if not found:
        raise UserError(f"{path}: holds no {TABLE}")
    named = [table for table in found if table.parent.name == name]
    if len(found) > 1 and len(named) != 1:
        folders = ", ".join(table.parent.name for table in found)
        raise UserError(f"{path}: holds {len(found)} results ({folders}); choose one by its folder with --name")
    return found[0] if len(found) == 1 else named[0]


def _trials(folder: Path, test: str) -> tuple[Path, dict[str, Trial]]:
    """The folder of the audio and the pages of the configuration whose testId is `test`; no pages without one.

    The configuration lies below `folder`, or in `configs` in one of the folders above it.
    """
    above = [*folder.absolute().parents][:UPWARDS]
    for root, configs in [(folder, folder), *((parent, parent / CONFIGS) for parent in above)]:
        for path in configurations(configs) if configs.is_dir() else ():
            found = pages(path, test)
            if found is not None:
                return root, _located(root, found)
    return folder, {}


def _located(root: Path, found: list[Page]) -> dict[str, Trial]:
    files = locate(root, [file for page in found for file in (page.reference, *page.stimuli.values())])
    return {
        page.name: Trial(files[page.reference], {name: files[file] for name, file in page.stimuli.items()})
        for page in found
    }


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
