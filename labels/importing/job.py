"""The job behind `labels import`: store the audio of a batch of items and commit their rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepaq.audio import Audio, read
from deepaq.errors import UserError
from labels.importing.files import ConflictError, keep
from labels.listening.reader import Stimulus
from manifests import ids, schema
from manifests.dataset import Dataset
from manifests.fragment import write_fragment
from manifests.jobs import Counts
from manifests.provenance import provenance
from manifests.split import TEST

Rows = list[dict[str, Any]]
NO_REFERENCE = "reference: "  # starts the error of a stimulus whose reference failed


@dataclass(frozen=True)
class Item:
    """A trial: its reference and the stimuli rated against it."""

    name: str
    reference: Path | None
    stimuli: tuple[Stimulus, ...]


@dataclass(frozen=True)
class Import:
    """Picklable: stores a batch of items of a test.

    root: the data set. source: the test's folder, which names are relative to. test: the reader's description, for the
    footers. packages: versions of the installed package that the reader comes from, for the footers too. outside: take
    audio from outside the test's folder.
    """

    root: Path
    source: Path
    test: dict[str, Any]
    packages: Mapping[str, str]
    outside: bool = False

    def __call__(self, items: Sequence[Item]) -> Counts:
        dataset = Dataset(self.root, create=True)
        counts: Counts = Counter()
        references: Rows = []
        degraded: Rows = []
        for item in items:
            row, audio = self._reference(dataset, item)
            rows = [self._degraded(dataset, item, stimulus, row, audio) for stimulus in item.stimuli]
            references.append(row)
            degraded += rows
            counts.update(row["status"] for row in rows)
        conditions = {s.condition: settings(self.test["name"], s) for item in items for s in item.stimuli}
        found = {"test": self.test, "conditions": conditions}
        footer = provenance(f"labels import {self.test['name']}", found, self.packages, ("av", "soundfile"), self.root)
        new = {spec.name: _new(dataset, spec, rows) for spec, rows in _tables(references, degraded)}
        # References first: a kill between the two may leave a clip without degraded files, never the reverse.
        for spec, _ in _tables(references, degraded):
            if new[spec.name]:
                write_fragment(dataset.folder(spec), spec, new[spec.name], footer)
        return counts

    def _reference(self, dataset: Dataset, item: Item) -> tuple[dict[str, Any], Audio | None]:
        row: dict[str, Any] = {
            "reference_id": ids.joined_id(self.test["name"], item.name),
            "track_id": ids.joined_id(self.test["name"], item.name),
            "split": TEST,
            "track_path": item.name if item.reference is None else self._relative(item.reference),
            "status": schema.FAILED,
        }
        try:
            if item.reference is None:
                raise UserError(f"{item.name}: the test names no reference")
            audio = self._read(item.reference)
            name = ids.reference_id(audio.samples, audio.sample_rate)
            kept = keep(dataset, item.reference, audio, f"audio/references/{name[:2]}/{name}")
        except UserError as error:
            return row | {"error": self._shorter(error)}, None
        return row | {
            "reference_id": name,
            "track_id": ids.track_id(item.reference),
            "path": kept.path,
            "start_s": 0.0,
            "frames": audio.frames,
            "sample_rate": audio.sample_rate,
            "channels": audio.channels,
            "sha256": kept.sha256,
            "status": schema.OK,
            "error": None,
        }, audio

    def _degraded(
        self, dataset: Dataset, item: Item, stimulus: Stimulus, reference: dict[str, Any], audio: Audio | None
    ) -> dict[str, Any]:
        name = stimulus_id(self.test["name"], stimulus)
        row: dict[str, Any] = {
            "degraded_id": name,
            "reference_id": reference["reference_id"],
            "condition_id": ids.settings_id(settings(self.test["name"], stimulus)),
            "condition": stimulus.condition,
            "test": self.test["name"],
            "item": item.name,
            "content": stimulus.content,
            "role": stimulus.role,
            "group": stimulus.group,
            "status": schema.FAILED,
            "error": None,
        }
        if stimulus.degraded is None:
            return row | {"status": schema.SKIPPED, "error": stimulus.absent}
        if audio is None:
            return row | {"error": f"{NO_REFERENCE}{reference['error']}"}
        if stimulus.degraded == item.reference:  # the hidden reference is the clip itself, stored once
            degraded, path = audio, dataset.path(reference["path"])
            stored = {"path": reference["path"], "sha256": reference["sha256"], "bytes": path.stat().st_size}
        else:
            try:
                degraded = self._read(stimulus.degraded)
                folder = re.sub(r"[^A-Za-z0-9._-]+", "-", stimulus.condition).strip(".-") or "condition"
                kept = keep(dataset, stimulus.degraded, degraded, f"audio/degraded/{folder}/{name[:2]}/{name}")
            except ConflictError:
                raise
            except UserError as error:
                return row | {"error": self._shorter(error)}
            stored = {"path": kept.path, "sha256": kept.sha256, "bytes": kept.bytes}
        lengths = sorted(each.frames / each.sample_rate for each in (audio, degraded))
        measured = {"peak": float(np.abs(degraded.samples).max()), "common": lengths[0] / lengths[1]}
        return row | stored | measured | {"status": schema.OK}

    def _read(self, path: Path) -> Audio:
        """A file of the test; UserError when it lies outside the test's folder, also by a link."""
        try:
            inside = self.outside or path.resolve().is_relative_to(self.source.resolve())
        except (OSError, ValueError) as error:  # a name with a null, a circle of links
            raise UserError(f"{path}: cannot be opened ({error})") from None
        if not inside:
            raise UserError(f"{path}: lies outside the test's folder; move it there, or allow it with --outside")
        return read(path)

    def _relative(self, path: Path) -> str:
        return (path.relative_to(self.source) if path.is_relative_to(self.source) else path).as_posix()

    def _shorter(self, error: UserError) -> str:
        """The message without the folder that holds all files."""
        return str(error).removeprefix(f"{self.source}/")


def stimulus_id(test: str, stimulus: Stimulus) -> str:
    """The degraded_id of a stimulus, from its names in the test.

    Not from its audio, which may be completed later (other audio under the same names is refused), nor from its
    reference, which two trials may share.
    """
    return ids.joined_id(stimulus.item, ids.settings_id(settings(test, stimulus)))


def settings(test: str, stimulus: Stimulus) -> dict[str, str]:
    """The settings that identify a condition."""
    return {"test": test, "condition": stimulus.condition, "role": stimulus.role}


def _tables(references: Rows, degraded: Rows) -> tuple[tuple[schema.TableSpec, Rows], ...]:
    return (schema.REFERENCES, references), (schema.DEGRADED, degraded)


def _new(dataset: Dataset, spec: schema.TableSpec, rows: Rows) -> Rows:
    """The rows that the table lacks, or holds as failures with another reason.

    Raises ConflictError when a stimulus has another reference than before.
    """
    key = spec.key[0]
    known = {row[key]: row for row in dataset.table(spec).to_pylist()}
    new: dict[str, dict[str, Any]] = {}
    for row in rows:
        old = known.get(row[key])
        if old is None or (
            old["status"] != schema.OK and (row["status"], row["error"]) != (old["status"], old["error"])
        ):
            new[row[key]] = row
        elif row["status"] == schema.OK and row["reference_id"] != old["reference_id"]:
            raise ConflictError(
                f"{dataset.root}: the reference of {row['item']} differs from what was imported before; "
                "import into a new folder"
            )
    return list(new.values())
