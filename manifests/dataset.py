"""Read the tables of a data set folder and find its audio."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from deepaq.errors import UserError
from deepaq.files import file_sha256
from manifests import schema
from manifests.fragment import read_folder
from manifests.schema import TABLES, TableSpec
from manifests.storage import inside

_PLAIN = re.compile(r"[^\W_][\w.:@+ -]{0,199}")  # one component of a path, no link to the folder above


class Dataset:
    """A folder of tables and audio.

    root: the folder. create: make it if need be; otherwise a folder without tables raises UserError.
    """

    def __init__(self, root: str | Path, create: bool = False) -> None:
        self.root = Path(root)
        if create:
            if self.root.exists() and not self.root.is_dir():
                raise UserError(f"{self.root}: is a file, a folder is needed")
            self.root.mkdir(parents=True, exist_ok=True)
        elif not self.root.is_dir():
            raise UserError(f"{self.root}: no such data set; make one with `prep transcode MUSIC --out {self.root}`")
        elif not any((self.root / name).is_dir() for name in TABLES):
            raise UserError(f"{self.root}: holds no manifests; make them with `prep transcode MUSIC --out {self.root}`")

    def folder(self, spec: TableSpec, rater: str | None = None) -> Path:
        """Folder of a table's fragments; labels have one folder per rater.

        UserError for a rater whose name would lead elsewhere, and when the folder is a link out of the data set.
        """
        if rater and not _PLAIN.fullmatch(rater):
            raise UserError(f"{self.root}: {rater!r} cannot name a rater's folder; use letters, digits and -_.:@+")
        return inside(self.root, f"{spec.name}/rater={rater}" if rater else spec.name)

    def path(self, relative: str) -> Path:
        """File that a manifest's path names; UserError when it would lie outside the folder."""
        return inside(self.root, relative)

    def verified(self, relative: str, sha256: str) -> Path:
        """Return the path of a row's file after comparing its content with the row's checksum.

        UserError, naming the file as the row does, when it is missing, unreadable or differs.
        """
        path = self.path(relative)
        try:
            found = file_sha256(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise UserError(f"{relative}: is missing; make it again with --retry-failed, or restore it") from None
        except OSError as error:
            raise UserError(f"{relative}: cannot be read ({error.strerror})") from None
        if found != sha256:
            raise UserError(
                f"{relative}: differs from its checksum; delete it and make it again with --retry-failed, or restore it"
            )
        return path

    def table(self, spec: TableSpec, columns: Sequence[str] | None = None, rater: str | None = None) -> pa.Table:
        """All current rows, one per key: the latest `ok` row, else the latest row.

        columns: the wanted ones; key and status are always read. rater: read only this rater's labels.
        """
        wanted = list(dict.fromkeys([*spec.key, "status", *(spec.schema.names if columns is None else columns)]))
        layout = pa.schema([spec.schema.field(name) for name in wanted])
        return latest(read_folder(self.folder(spec, rater), layout), spec.key)

    def tracks(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Current rows of the table `tracks`; see `table`."""
        return self.table(schema.TRACKS, columns)

    def references(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Current rows of the table `references`; see `table`."""
        return self.table(schema.REFERENCES, columns)

    def degraded(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Current rows of the table `degraded`; see `table`."""
        return self.table(schema.DEGRADED, columns)

    def labels(self, rater: str | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """Current rows of the table `labels`; see `table`."""
        return self.table(schema.LABELS, columns, rater)

    def there(self, table: pa.Table) -> npt.NDArray[np.bool_]:
        """(rows,) mask: the row's file exists and has the size that `bytes` gives, if it gives one."""
        pairs = zip(table["path"].to_pylist(), table["bytes"].to_pylist(), strict=True)
        return np.array([path is not None and self._lies(path, size) for path, size in pairs], bool)

    def _lies(self, relative: str, size: int | None) -> bool:
        try:
            return size in (self.path(relative).stat().st_size, None)
        except FileNotFoundError:
            return False


def is_dataset(folder: Path) -> bool:
    """Return whether the folder holds rows in any table of this toolkit."""
    return any(next((folder / name).rglob("*.parquet"), None) for name in TABLES)


def standing(references: pa.Table) -> pa.Table:
    """Drop failures of whole tracks that have succeeded since, that is, have other rows at the same clip length.

    references: with the columns track_id, clip_s, start_s, status.
    """
    whole = pc.and_(pc.equal(references["status"], schema.FAILED), pc.is_null(references["start_s"]))
    keys = pc.binary_join_element_wise(references["track_id"], pc.cast(references["clip_s"], pa.string()), "\x1f")
    others = keys.filter(pc.invert(whole)).combine_chunks()
    cured = pc.and_(whole, pc.is_in(keys, value_set=others, skip_nulls=True))
    return references.filter(pc.invert(cured))


def latest(table: pa.Table, key: Sequence[str]) -> pa.Table:
    """Keep one row per key, the last `ok` row, else the last row, in their order."""
    rows = latest_rows(table, key)
    return table if len(rows) == table.num_rows else table.take(pa.array(rows))


def latest_rows(table: pa.Table, key: Sequence[str]) -> npt.NDArray[np.int64]:
    """Indices of the rows that `latest` keeps, ascending."""
    keys = table.select(list(key))
    # No threads: Arrow's may outlive the NumPy buffers that they borrow and abort when the interpreter shuts down.
    if keys.group_by(list(key), use_threads=False).aggregate([]).num_rows == table.num_rows:
        return np.arange(table.num_rows)
    order = np.arange(table.num_rows)
    rank = np.where(pc.equal(table["status"], schema.OK).to_numpy(), order + table.num_rows, order)
    ranked = keys.append_column("rank", pa.array(rank))
    best = ranked.group_by(list(key), use_threads=False).aggregate([("rank", "max")])["rank_max"].to_numpy()
    return np.sort(best % table.num_rows)
