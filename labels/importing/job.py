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
from manifests.provenance import package_version, provenance
from manifests.split import TEST

Rows = list[dict[str, Any]]
NO_REFERENCE = "reference: "  # prefix of the error of a stimulus whose reference failed


@dataclass(frozen=True)
class Item:
    """A trial: its reference and the stimuli rated relative to it."""

    name: str
    reference: Path | None
    stimuli: tuple[Stimulus, ...]


@dataclass(frozen=True)
class Import:
    """Stores a batch of items of a test; picklable. root: the data set. source: folder that names are relative to.
    test: the reader's description, for the footers. packages: versions of the installed package that provides the
    reader, for the footers."""

    root: Path
    source: Path
    test: dict[str, Any]
    packages: Mapping[str, str]

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
        tools = {**{name: package_version(name) for name in ("av", "soundfile")}, **self.packages}
        footer = provenance(f"labels import {self.test['name']}", {"test": self.test, "conditions": conditions}, tools)
        new = {spec.name: _new(dataset, spec, rows) for spec, rows in _tables(references, degraded)}
        # References first: a kill in between leaves a clip without stimuli, never a stimulus without its clip.
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
            audio = read(item.reference)
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
            path = dataset.path(reference["path"])
            stored = {"path": reference["path"], "sha256": reference["sha256"], "bytes": path.stat().st_size}
        else:
            try:
                audio = read(stimulus.degraded)
                folder = re.sub(r"[^A-Za-z0-9._-]+", "-", stimulus.condition).strip(".-") or "condition"
                kept = keep(dataset, stimulus.degraded, audio, f"audio/degraded/{folder}/{name[:2]}/{name}")
            except ConflictError:
                raise
            except UserError as error:
                return row | {"error": self._shorter(error)}
            stored = {"path": kept.path, "sha256": kept.sha256, "bytes": kept.bytes}
        return row | stored | {"peak": float(np.abs(audio.samples).max()), "status": schema.OK}

    def _relative(self, path: Path) -> str:
        return (path.relative_to(self.source) if path.is_relative_to(self.source) else path).as_posix()

    def _shorter(self, error: UserError) -> str:
        """The message without the folder that contains all files."""
        return str(error).replace(f"{self.source}/", "")


def stimulus_id(test: str, stimulus: Stimulus) -> str:
    """The degraded_id of a stimulus. It depends on the names in the test, not on the audio, which may be added later
    (other audio under the same names is refused), and not on the reference, which two trials may share."""
    return ids.joined_id(stimulus.item, ids.settings_id(settings(test, stimulus)))


def settings(test: str, stimulus: Stimulus) -> dict[str, str]:
    """Settings that define the condition of a stimulus."""
    return {"test": test, "condition": stimulus.condition, "role": stimulus.role}


def _tables(references: Rows, degraded: Rows) -> tuple[tuple[schema.TableSpec, Rows], ...]:
    return (schema.REFERENCES, references), (schema.DEGRADED, degraded)


def _new(dataset: Dataset, spec: schema.TableSpec, rows: Rows) -> Rows:
    """Select the rows that the table lacks or has as failures with another reason.

    Raises ConflictError if a stimulus has a new reference.
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
