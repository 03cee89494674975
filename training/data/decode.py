"""Decoding: fill the cache with the files that it lacks."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from deepaq.audio import fit, read
from deepaq.console import note
from deepaq.errors import UserError
from deepaq.files import committed
from manifests import jobs, schema
from manifests.dataset import Dataset
from manifests.jobs import Counts
from manifests.storage import sweep
from training.data.cache import Cache, Form, Item, cached_sizes, encoded, file_of
from training.data.table import Table
from training.settings import Data

_FREE = 0.95  # share of the free disk space that decoded audio may take
_MARK, _BETWEEN = "error: ", "\x1f"  # marks counts that carry an error


@dataclass(frozen=True)
class Decode:
    """Picklable job: decode a batch of files and commit each; files that cannot be read are counted and named."""

    root: Path
    folder: Path
    form: Form

    def __call__(self, batch: Sequence[Item]) -> Counts:
        dataset = Dataset(self.root)
        counts: Counts = Counter()
        for item in batch:
            try:
                samples = self.form.mixed(read(dataset.verified(item.path, item.sha256)))
                with committed(file_of(self.folder, self.form, item.key)) as partial:
                    partial.write_bytes(encoded(self.form, fit(samples, item.frames)))
                counts["ok"] += 1
            except UserError as error:
                counts["failed"] += 1
                counts[f"{_MARK}{item.path}{_BETWEEN}{error}"] += 1
        return counts


def fill(
    dataset: Dataset,
    wanted: Mapping[Form, Table],
    folder: Path,
    workers: int,
    quiet: bool = False,
    tolerated: float = 0.0,
) -> dict[str, str]:
    """Decode what `folder` lacks of the rows of each form's table, with `workers` processes.

    Returns path -> error of the files that cannot be read. UserError when the disk is too full, before anything is
    written, or when more than the share `tolerated` of the files cannot be read, after all others were decoded; run
    again, it does only what is left.
    """
    lacking = {form: Cache.of(table, form, folder).missing(table) for form, table in wanted.items()}
    if not any(lacking.values()):
        return {}
    _check_space(folder, lacking, quiet)
    sweep(folder)
    errors: dict[str, str] = {}
    for form, items in lacking.items():
        batches = jobs.shared_out(items, workers, largest=64)
        counts = jobs.run(
            Decode(dataset.root, folder, form), batches, jobs=workers, label="decode", unit="file", quiet=quiet
        )
        found = (name.removeprefix(_MARK).split(_BETWEEN, 1) for name in counts if name.startswith(_MARK))
        errors |= dict(found)
    if len(errors) > tolerated * sum(map(len, wanted.values())):
        first = next(iter(errors.values()))
        allowed = f"; data.damaged_share={tolerated:g} are allowed" if tolerated else ""
        raise UserError(f"{first} ({len(errors)} files of {dataset.root} cannot be used{allowed})")
    return errors


def sizes(table: Table, form: Form, folder: Path) -> tuple[int, int]:
    """Return the bytes of a table's decoded audio, and of the part that `folder` lacks."""
    cache = Cache.of(table, form, folder)
    each = {key: form.size(cache.frames(row)) for row, key in enumerate(cache.keys)}
    return sum(each.values()), sum(form.size(item.frames) for item in cache.missing(table))


def check_room(dataset: Dataset, data: Data, form: Form, folder: Path, on_disk: Callable[[float], int]) -> None:
    """UserError when the disk has clearly no room for the decoded audio of a data set and its fronts.

    A quick estimate from the lengths of the clean clips and the number of degraded ones, before any table is joined.
    on_disk: returns the bytes that the fronts of so many seconds take on the disk.
    """
    references = dataset.references(["split", "frames", "sample_rate"])
    wanted = pc.is_in(references["split"], value_set=pa.array(list(data.splits), pa.string()))
    references = references.filter(pc.and_(wanted, pc.equal(references["status"], schema.OK)))
    if not references.num_rows:
        return
    seconds = float((references["frames"].to_numpy() / references["sample_rate"].to_numpy()).sum())
    files = 1 + dataset.degraded([]).num_rows / max(1, dataset.references([]).num_rows)
    have = sum(cached_sizes(folder / form.folder).values())
    audio_s = data.share * seconds * files
    _check_free(folder, audio_s * form.rate * 2 * form.channels - have + on_disk(audio_s))


def _check_space(folder: Path, lacking: Mapping[Form, Sequence[Item]], quiet: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    needed = sum(form.size(item.frames) for form, items in lacking.items() for item in items)
    free = _check_free(folder, needed)
    if not quiet:
        files = sum(map(len, lacking.values()))
        note(f"decoding {files} files into {folder}: {needed / 1e9:.2f} GB of {free / 1e9:.1f} GB free")


def _check_free(folder: Path, needed: float) -> int:
    """Return the free bytes of the disk that holds `folder`; UserError when `needed` bytes are too many."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    if needed > _FREE * free:
        raise UserError(
            f"{folder}: decoded audio and fronts would take {needed / 1e9:.2f} GB, {free / 1e9:.2f} GB are free;"
            " name a folder on another disk with --cache"
        )
    return free
