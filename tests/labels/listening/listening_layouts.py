"""Small listening tests in exactly the layouts in which the real ones are distributed.

Every builder writes one test below `root` and returns what `labels import` is given. The ratings follow the quality of
the conditions, so that what is read can be checked.
"""

from __future__ import annotations

import csv
import html
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from tests.sounds import music, write

RATE = 24_000
LISTENERS = ("ann", "ben", "cleo")


def audio(path: Path, seed: int, damage: float = 0.0, channels: int = 2) -> Path:
    """Half a second of music with noise of the level `damage`; the same seed is the same music."""
    sound = music(0.5, seed, RATE, channels)
    noise = np.random.default_rng(seed + 1).standard_normal(sound.shape).astype(np.float32)
    return write(path, np.clip(sound + damage * noise, -1, 0.99), RATE)


def table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def ratings(best: float, worst: float, conditions: Sequence[str]) -> Iterable[tuple[str, str, float]]:
    """(listener, condition, rating): falls from the first condition to the last, listeners differ by a point."""
    for number, listener in enumerate(LISTENERS):
        for condition, level in zip(conditions, np.linspace(best - 3, worst, len(conditions)), strict=True):
            yield listener, condition, float(round(level + number, 1))


ODAQ = ("reference", "LP70", "TM10.5k", "TM7k", "LP35")


def odaq(root: Path, results: str = "ODAQ/ODAQ_listening_test/ODAQ_results.csv") -> Path:
    rows = []
    for seed, item in enumerate(("TM_02_violin", "LP_11_guitar")):
        for i, process in enumerate(ODAQ):
            audio(root / "ODAQ" / "ODAQ_listening_test" / item / f"{process}.wav", seed, 0.02 * i)
        for number, (listener, process, score) in enumerate(ratings(100, 10, ODAQ)):
            rows.append((score, item[:2], "Q1", process, item, f"Subject {number // 5 + 1}: {listener}"))
    table(root / results, ("score", "method", "condition", "process", "item", "subject"), rows)
    return root


def odaq_xml(root: Path) -> Path:
    odaq(root)
    folder = root / "ODAQ" / "ODAQ_listening_test"
    (folder / "ODAQ_results.csv").unlink()
    for listener in LISTENERS:
        scores = {condition: score for who, condition, score in ratings(100, 10, ODAQ) if who == listener}
        files = "".join(f'<testFile fileName="{name}.wav" plays="0" score="{s}"/>' for name, s in scores.items())
        trials = "".join(
            f'<trial trialName="{item}" trialSeconds="263.0" referencePlays="12">{files}</trial>'
            for item in ("TM_02_violin", "LP_11_guitar")
        )
        (folder / f"ODAQ_2023-08-01_125454_{listener}.xml").write_text(
            f'<?xml version="1.0" encoding="UTF-8"?>\n<MUSHRA><info subjectName="{listener}" testName="ODAQ" '
            f'trialsPerSession="10" testStatus="complete"/><trials>{trials}</trials></MUSHRA>'
        )
    return root


def odaq_later(root: Path, subset: str) -> Path:
    """A later subset, in its folder of ODAQ's collection and beside the first one; its table has a name of its own."""
    odaq(root / "2024-icassp")
    folder = root / subset / "audio" / "QNLR_07_trio"
    for i, process in enumerate(ODAQ):
        audio(folder / f"{process}.wav", 7, 0.02 * i)
    rows = [
        (score, "QNLR", "Q1", process, folder.name, f"Subject 1: {who}")
        for who, process, score in ratings(100, 10, ODAQ)
    ]
    header = ("score", "method", "condition", "process", "item", "subject")
    table(root / subset / "all_results_2025.csv", header, rows)
    return root


def sebass(root: Path, stem: str, part: str = "", hidden: str = "orig") -> Path:
    conditions = (hidden, "Algo8", "SAOC", "Algo21", "anchor")
    folders = {"hidden_ref": "orig", "anchor": "anker_mix"}
    rows = []
    for seed, trial in enumerate(("female_inst_sim_1", "wdrums_inst_sim_2")):
        for i, condition in enumerate((hidden, "Algo8", "Algo21", "anchor")):
            folder = root / f"Signals{part}" / folders.get(condition, condition)
            audio(folder / f"{trial}.wav", seed + 7 * len(part), 0.02 * i, 1 if condition == "Algo8" else 2)
        rows += [(stem, who, trial, condition, score) for who, condition, score in ratings(100, 10, conditions)]
    table(root / f"{stem}{part}_anonymized.csv", ("Testname", "Listener", "Trial", "Condition", "Ratingscore"), rows)
    return root


def saoc(root: Path) -> Path:
    for part in ("_1", "_2", "_3"):
        sebass(root, "SAOC", part, "hidden_ref")
    return root


def stahl2024(root: Path) -> Path:
    names = {"Reference": "ref", "AudioDec": "audiodec_8", "Proposed 1.38 16kHz": "prop_13_16k", "Anchor": ""}
    rows = []
    for seed, signal in enumerate(("VCTK_p229_293", "TSP_FA01_10")):
        stimulus = f"stim_{seed + 1:02d}"
        for i, name in enumerate(filter(None, names.values())):
            audio(root / "audio" / stimulus / f"{name}.wav", seed, 0.02 * i, 1)
        for condition, name in names.items():
            given = [score for _, which, score in ratings(100, 10, tuple(names)) if which == condition]
            rows.append((signal, condition, given, [2, 3, 5], f"{stimulus}/{name}.wav" if name else ""))
    table(root / "ratings_formated_filtered.csv", ("signal", "condition", "ratings", "participant_ids", "file"), rows)
    return root


def igorc96(root: Path) -> Path:
    codecs = ("opus", "aac", "ogg", "mp3", "faac96", "faac52")
    rows = []
    for seed, item in enumerate(("01 Have a break", "02")):
        audio(root / "tracks" / "set1" / f"{item}.wav", seed)
        cells = [f'<td><a href="tracks/set1/{html.escape(item).replace(" ", "%20")}.wav">{item}</a></td><td>1411</td>']
        for i, codec in enumerate(codecs):
            name = f"tracks/set1/{item}_{codec}.wav"
            audio(root / name, seed, 0.01 * (i + 1))
            cells.append(f'<td><a href="{name.replace(" ", "%20")}">{4.6 - 0.5 * i:.2f}</a></td>')
        rows.append(f"<tr>{''.join(cells)}</tr>")
    means = f"<tr><td>Mean</td>{'<td>4</td>' * 7}</tr><tr><td>and a line of text</td></tr>"
    other = '<table class="table"><tbody><tr><td>another</td><td>table</td></tr></tbody></table>'
    page = (
        f'<html><body><h2 id="list1">Summary</h2><div>{other}</div>'
        f'<h2 id="list3">All sets of tracks (5 sets, each 8 tracks)</h2><div><table class="table"><thead><tr>'
        f"{'<th>x</th>' * 8}</tr></thead><tbody>{rows[0]}</tbody></table><h3>Second set</h3><table class='table'>"
        f"<tbody>{rows[1]}{means}</tbody></table></div><h2>Bitrates</h2>{other}</body></html>"
    )
    (root / "results.htm").write_text(page)
    return root


def webmushra(root: Path) -> Path:
    conditions = ("reference", "C1", "C2", "anchor35")
    pages, rows = "", []
    for seed, trial in enumerate(("trial1", "trial_random_1")):
        for i, name in enumerate(("ref", "c1", "c2")):
            audio(root / "configs" / "resources" / "audio" / f"{trial}_{name}.wav", seed, 0.02 * i)
        page = (
            f"type: mushra\n          id: {trial}\n          createAnchor35: true\n"
            f"          reference: configs/resources/audio/{trial}_ref.wav\n          stimuli:\n"
            f"              C1: configs/resources/audio/{trial}_c1.wav\n"
            f"              C2: configs/resources/audio/{trial}_c2.wav\n"
        )
        pages += f"    -\n        - random\n        - {page}"
        rows += [
            ("codecs", "a@b", 30, f"uuid-{who}", trial, condition, score, 1234, "")
            for who, condition, score in ratings(100, 10, conditions)
        ]
    (root / "configs" / "codecs.yaml").write_text(
        f"testname: Codecs\ntestId: codecs\npages:\n    - type: generic\n      id: first\n{pages}"
    )
    header = ("session_test_id", "email", "age", "session_uuid", "trial_id", "rating_stimulus", "rating_score")
    table(root / "results" / "codecs" / "mushra.csv", (*header, "rating_time", "rating_comment"), rows)
    return root


def own(root: Path) -> Path:
    """The generic CSV with every column that it knows."""
    conditions = ("reference", "new codec", "old codec", "anchor 3.5 kHz")
    rows = []
    for seed, item in enumerate(("harp", "speech")):
        for i, condition in enumerate(conditions):
            audio(root / item / f"{condition}.wav", seed, 0.02 * i)
        rows += [
            (f"{item}/reference.wav", f"{item}/{condition}.wav", score, who, item, condition, "music" if seed else "")
            for who, condition, score in ratings(100, 10, conditions)
        ]
    header = ("reference", "degraded", "score", "listener", "item", "condition", "content")
    return table(root / "own.csv", header, rows)


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "csv": own,
    "igorc96": igorc96,
    "odaq": odaq,
    "odaq-b1": lambda root: odaq(root, "ODAQ_v1_BSU/Cohort_B1_results.csv"),
    "odaq-b2": lambda root: odaq(root, "ODAQ_v1_BSU/Cohort_B2_results.csv"),
    "odaq-neural": lambda root: odaq_later(root, "2025-lanzendorfer"),
    "odaq-stereo": lambda root: odaq_later(root, "2025-aes"),
    "peass": lambda root: sebass(root, "PEASS"),
    "saoc": saoc,
    "sassec": lambda root: sebass(root, "SASSEC"),
    "sisec08": lambda root: sebass(root, "SiSEC08"),
    "stahl2024": stahl2024,
    "webmushra": webmushra,
}
