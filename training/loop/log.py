"""The log of a run: tables of steps and epochs, TensorBoard events, a progress bar."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepaq.files import committed
from deepaq.progress import Progress

STEPS, EPOCHS = "steps.csv", "epochs.csv"

Row = Mapping[str, float | None]


class Log:
    """`steps.csv`, `epochs.csv` and `tensorboard/` in a run folder.

    run: None to write nothing. step: at which the run starts or resumes; later rows of an interrupted run are dropped.
    total: steps of the whole run.
    """

    def __init__(self, run: Path | None, step: int, total: int, quiet: bool) -> None:
        from tensorboardX import SummaryWriter

        self.run = run
        self._rows: dict[str, list[dict[str, Any]]] = {STEPS: [], EPOCHS: []}
        if run is not None:
            self._rows = {name: [row for row in read(run / name) if row["step"] <= step] for name in self._rows}
            self.flush()
        events = run and SummaryWriter(str(run / "tensorboard"), purge_step=step + 1)
        self._events: Any = events
        self._progress = Progress(total, "train", "step", quiet or run is None, done=step)

    def step(self, row: dict[str, float]) -> None:
        """Log an optimiser step."""
        self._add(STEPS, row)
        self._progress.advance(
            loss=f"{row['loss']:.3f}", lr=f"{row['lr']:.1e}", audio=f"{row['audio_s_per_s']:.0f} s/s"
        )

    def epoch(self, row: Row) -> None:
        """Log an evaluation."""
        self._add(EPOCHS, row)
        self.flush()

    def _add(self, name: str, row: Row) -> None:
        if self.run is None:
            return
        self._rows[name].append(dict(row))
        for key, value in row.items():
            if key != "step" and value is not None:
                self._events.add_scalar(f"{name.removesuffix('.csv')}/{key}", value, int(row["step"] or 0))

    def flush(self) -> None:
        """Write the tables to disk."""
        for name, rows in self._rows.items():
            if self.run is not None and rows:
                write(self.run / name, rows)

    def close(self) -> None:
        self.flush()
        if self._events:
            self._events.close()
        self._progress.close()


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write a table with the columns of its first row."""
    with committed(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def read(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a table that `write` wrote, as numbers; none when there is no such file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: (int(text) if name == "step" else float(text)) if text else None for name, text in row.items()}
            for row in csv.DictReader(file)
        ]
