"""`labels import`: make a data set of a listening test, or add ratings to a data set."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

import pyarrow.compute as pc

from deepaq.console import note_skipped
from deepaq.errors import UserError
from labels.importing.job import NO_REFERENCE, Import, Item, stimulus_id
from labels.importing.scores import LISTENERS, contradictions, listener_rows, write_ratings
from labels.length import short_line, too_short
from labels.listening.reader import READERS, Rating, Reader, Reading, Stimulus, reader
from labels.listening.rows import header, number, rows
from labels.listening.table import Table
from manifests import jobs, schema
from manifests.dataset import Dataset
from manifests.storage import sweep


@dataclass(frozen=True)
class ImportSettings:
    """Settings of an import.

    options: the user's description of a test (name, scale, ...). jobs: worker processes. outside: also accept audio
    from outside the test's folder.
    """

    options: tuple[tuple[str, str], ...] = ()
    jobs: int = field(default_factory=jobs.cpu_count)
    outside: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        jobs.workers(self.jobs)


def import_test(name: str, path: Path, out: Path, settings: ImportSettings) -> dict[str, Any]:
    """Read the test at `path` with the reader `name` into the data set `out`, which may exist.

    A CSV file of ratings by degraded_id only adds labels to an existing data set. A new data set is removed again if
    no stimulus could be stored. Keys: test, items, stimuli, ok, failed, skipped (of the
    stimuli's audio), ratings, listeners, notes and errors (one line each).
    """
    test = reader(name, **dict(settings.options))
    packages = READERS.packages([name])
    if _names_ids(test, path):
        dataset = Dataset(out)
        reading = _read_ids(test, path, dataset, settings)
        ratings = _grouped(reading, lambda stimulus: stimulus.item)
        counts = {"test": test.name, "stimuli": len(ratings)}
        return counts | write_ratings(dataset, test, ratings, packages) | {"notes": [], "errors": reading.problems}
    reading = _read(name, test, path)
    new = not out.exists() or not any(out.iterdir())
    dataset = Dataset(out, create=True)
    (dataset.root / "audio").mkdir(exist_ok=True)
    sweep(dataset.root)
    done = jobs.run(
        Import(out, _folder(reading, path), test.describe(), packages, settings.outside),
        jobs.shared_out(_items(reading), settings.jobs, per_worker=4),
        jobs=settings.jobs,
        label=f"import {test.name}",
        unit="item",
        quiet=settings.quiet,
    )
    ratings = _grouped(reading, lambda stimulus: stimulus_id(test.name, stimulus))
    contrary = contradictions(dataset, test, ratings)
    note_skipped(stimulus.absent for stimulus in reading.stimuli.values() if stimulus.absent)
    result = {
        **_counts(test, reading),
        **{status: done[status] for status in (schema.OK, schema.FAILED, schema.SKIPPED)},
        **write_ratings(dataset, test, ratings, packages),
        "notes": _short(dataset),
        "errors": [*reading.problems, *contrary, *_failures(dataset, ratings)],
    }
    if new and test.needs_audio and not done[schema.OK]:
        shutil.rmtree(out)
        result["errors"].append(f"{out}: not made, because no stimulus could be stored")
    return result


def plan(name: str, path: Path, out: Path, settings: ImportSettings) -> dict[str, Any]:
    """Report what `import_test` would read, without writing. Keys: test, items, stimuli, ratings, errors.

    The errors also name the audio files that do not exist.
    """
    test = reader(name, **dict(settings.options))
    if _names_ids(test, path):
        reading = _read_ids(test, path, Dataset(out), settings)
        missing = []
    else:
        reading = _read(name, test, path)
        folder = _folder(reading, path)
        files = [file for s in reading.stimuli.values() for file in (s.reference, s.degraded) if file is not None]
        absent = [file for file in dict.fromkeys(files) if not file.is_file()]
        missing = [f"{f.relative_to(folder) if f.is_relative_to(folder) else f}: no such file" for f in absent]
    counts = _counts(test, reading) | {"ratings": len(reading.ratings)}
    return counts | {"errors": [*reading.problems, *missing]}


def _short(dataset: Dataset) -> list[str]:
    """One line per stimulus that is too short, or whose reference is."""
    rows = dataset.degraded(["item", "condition", "common"]).to_pylist()
    return [
        short_line(f"{row['condition']} of {row['item']}", row["common"]) for row in rows if too_short(row["common"])
    ]


def _folder(reading: Reading, path: Path) -> Path:
    return reading.folder or (path if path.is_dir() else path.parent)


def _read(name: str, test: Reader, path: Path) -> Reading:
    with READERS.attributed(name):
        return test.read(path)


def _counts(test: Reader, reading: Reading) -> dict[str, Any]:
    return {"test": test.name, "items": len(_items(reading)), "stimuli": len(reading.stimuli)}


def _grouped(reading: Reading, name: Callable[[Stimulus], str]) -> dict[str, list[Rating]]:
    """Group the ratings by degraded_id, which `name` gives."""
    ratings: dict[str, list[Rating]] = defaultdict(list)
    for (item, condition, _), rating in reading.ratings.items():
        ratings[name(reading.stimuli[item, condition])].append(rating)
    return ratings


def _items(reading: Reading) -> list[Item]:
    groups: dict[str, list[Stimulus]] = defaultdict(list)
    for stimulus in reading.stimuli.values():
        groups[stimulus.item].append(stimulus)
    return [
        Item(name, next((s.reference for s in group if s.reference is not None), None), tuple(group))
        for name, group in sorted(groups.items())
    ]


def _failures(dataset: Dataset, ratings: Mapping[str, list[Rating]]) -> list[str]:
    """One line per stimulus whose audio failed, and one per item whose reference did."""
    table = dataset.degraded(["item", "condition", "error"])
    failed = table.filter(pc.equal(table["status"], schema.FAILED)).to_pylist()
    lines: Counter[str] = Counter()
    for row in failed:
        if row["degraded_id"] in ratings:
            shared = row["error"].startswith(NO_REFERENCE)
            what = row["item"] if shared else f"{row['condition']} of {row['item']}"
            lines[f"{what}: {row['error']}"] += 1
    return [f"{line} ({count} stimuli)" if count > 1 else line for line, count in sorted(lines.items())]


def _names_ids(test: Reader, path: Path) -> TypeGuard[Table]:
    """Tell if the file rates stimuli of an existing data set by their degraded_id."""
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    if not isinstance(test, Table) or not path.is_file():
        return False
    return "degraded_id" in header(path)


def _read_ids(test: Table, path: Path, dataset: Dataset, settings: ImportSettings) -> Reading:
    """Read the columns degraded_id, score and optionally listener; the degraded_id stands for the item."""
    test.call(path)
    lines = list(rows(path, ("degraded_id", "score"), ("score",)))
    _adopt_scale(test, dataset, {row["degraded_id"].strip() for _, row in lines}, dict(settings.options))
    known = set(dataset.degraded(["degraded_id"])["degraded_id"].to_pylist())
    held = {(row["degraded_id"], row["rater"]): row["value"] for row in listener_rows(dataset)}
    reading = Reading(test.lowest, test.highest)
    for where, row in lines:
        name, listener = row["degraded_id"].strip(), row.get("listener", "").strip() or None
        if name not in known:
            reading.problems.append(f"{where}: {dataset.root} holds no degraded file {name!r}; left out")
            continue
        before = held.get((name, f"{schema.LISTENER}{listener}"))
        if before is not None and number(row["score"]) != before:
            reading.problems.append(f"{where}: {listener} rated {name} {before:g} before; that rating is kept")
            continue
        reading.rate(Stimulus(name, "as it is", schema.CODED, None, None, None), listener, row["score"], where)
    if not reading.ratings:
        raise UserError(f"{path}: holds no ratings of degraded files in {dataset.root}")
    return reading


def _adopt_scale(test: Table, dataset: Dataset, names: set[str], given: Mapping[str, str]) -> None:
    """Set the scale to that of the ratings in the data set; UserError when the user names another, or with several."""
    means = dataset.labels(LISTENERS, ["scale", "extras"]).to_pylist()
    known = {
        (row["scale"], extras["scale_low"], extras["scale_high"])
        for row in means
        if row["degraded_id"] in names and "scale_low" in (extras := dict(row["extras"] or {}))
    }
    if len(known) > 1:
        raise UserError(f"{dataset.root}: its stimuli have ratings on several scales; rate one test at a time")
    for scale, low, high in known:
        there = {"scale": scale, "lowest": low, "highest": high}
        if other := [key for key, value in there.items() if key in given and getattr(test, key) != value]:
            raise UserError(
                f"--{other[0]} {given[other[0]]}: {dataset.root} holds ratings of scale {scale}, {low:g} to {high:g}; "
                "leave it out"
            )
        test.scale, test.lowest, test.highest = scale, low, high
