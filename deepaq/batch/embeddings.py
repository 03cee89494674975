"""Files of embeddings, for other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from deepaq import extras
from deepaq.errors import UserError
from deepaq.files import check_writable, committed, printable

Row = tuple[str, float, float, npt.NDArray[np.float32]]  # path, start and length in seconds, (dims,)


def check(path: Path) -> None:
    """Raise UserError unless the suffix names a format that can be written."""
    if path.suffix.lower() not in (".parquet", ".npz"):
        raise UserError(f"--out {path}: end the name in .parquet or .npz")
    check_writable(path, "--out")
    if path.suffix.lower() == ".parquet":
        with extras.required(f"--out {path}"):
            import pyarrow.parquet  # noqa: F401


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write the columns path, start_s, seconds and embedding, as Parquet or as arrays of a NumPy archive."""
    paths, starts, seconds, points = zip(*rows, strict=True)
    names = list(map(printable, paths))
    if path.suffix.lower() == ".npz":
        with committed(path) as partial, partial.open("wb") as file:
            np.savez(file, path=np.array(names), start_s=starts, seconds=seconds, embedding=np.stack(points))
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"path": names, "start_s": starts, "seconds": seconds}
    table = pa.table({**columns, "embedding": pa.array([point.tolist() for point in points], pa.list_(pa.float32()))})
    with committed(path) as partial:
        pq.write_table(table, partial)
