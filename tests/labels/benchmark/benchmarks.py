"""Listening tests made for tests of `labels benchmark`, and how its report is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from labels.benchmark.stage import BenchmarkSettings
from labels.importing.stage import ImportSettings, import_test
from tests.labels.listening.listening_layouts import table
from tests.sounds import music, write

ONE = BenchmarkSettings(jobs=1, quiet=True, resamples=200)
IMPORT = ImportSettings(jobs=1, quiet=True)
RATERS = ("lsd", "si-sdr")  # a distance and a similarity, both cheap
RATE = 24_000
HOSTILE = "<b>|codec & co"


def listening_test(folder: Path, name: str, seed: int, items: int = 6) -> Path:
    """A data set of one test with hidden references and anchors, five listeners; quality falls with noise."""
    rng = np.random.default_rng(seed)
    rows = []
    for item in range(items):
        sound = music(1.2, 100 * seed + item, RATE, 1)
        write(folder / "in" / name / f"{item}" / "ref.wav", sound, RATE)
        for condition, level in (("ref", 0.0), ("fine", 0.002), (HOSTILE, 0.01), ("poor", 0.05), ("anchor", 0.3)):
            noise = level * rng.uniform(0.5, 1.5) * rng.standard_normal(sound.shape).astype(np.float32)
            file = f"{name}/{item}/{level if level else 'ref'}.wav"
            if level:
                write(folder / "in" / file, np.clip(sound + noise, -1, 0.99), RATE)
            quality = 100 if level == 0 else np.clip(60 - 25 * np.log10(level / 0.01), 0, 95)
            for listener in "abcde":
                score = float(np.clip(quality + 8 * rng.standard_normal(), 0, 100)) if level else 100.0
                content = "speech" if item % 2 else "music"
                rows.append((f"{name}/{item}/ref.wav", file, score, f"{name} {item}", condition, listener, content))
    header = ("reference", "degraded", "score", "item", "condition", "listener", "content")
    path = table(folder / "in" / f"{name}.csv", header, rows)
    import_test("csv", path, folder / name, IMPORT)
    return folder / name


def result(report: dict[str, Any], test: int, protocol: str, rater: str) -> dict[str, Any]:
    part = next(part for part in report["tests"][test]["protocols"] if part["protocol"] == protocol)
    found: dict[str, Any] = next(row for row in part["results"] if row["rater"] == rater)
    return found
