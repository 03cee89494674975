"""Reader of SEBASS-DB: four tests of blind and informed source separation."""

from __future__ import annotations

from pathlib import Path

from deepaq.errors import UserError
from labels.listening.reader import Reader, Reading, Stimulus, role_of
from labels.listening.rows import rows
from manifests import schema

REFERENCES = "orig"
FOLDERS = {"anchor": "anker_mix", "hidden_ref": REFERENCES}  # folders not called like the condition
SILENT = {"SAOC"}  # rated conditions whose audio is not published


class Sebass(Reader):
    """Reads `<Set>_anonymized.csv` with `Signals/<Condition>/<Trial>.wav`; references are in `Signals/orig`."""

    scale, lowest, highest = "MUSHRA", 0.0, 100.0
    licence = "ratings CC BY-NC-SA 4.0; signals under the licences of their sources"
    citation = (
        "Kastner, Herre (2022), The SEBASS-DB: A Consolidated Public Data Base of Listening Test Results for "
        "Perceptual Evaluation of BSS Quality Measures, IWAENC"
    )
    parts: tuple[str, ...] = ("",)  # tests in several parts number their tables and folders
    stem: str

    def read(self, path: Path) -> Reading:
        reading = Reading(self.lowest, self.highest)
        folder = path if path.is_dir() else path.parent
        for part in self.parts:
            table = folder / f"{self.stem}{part}_anonymized.csv"
            if table.is_file():
                self._read_part(table, folder / f"Signals{part}", part.removeprefix("_"), reading)
            elif len(self.parts) > 1:
                reading.problems.append(f"{table.name}: is missing; that part of the test is left out")
        if not reading.ratings:
            raise UserError(f"{path}: holds no {self.stem}{self.parts[0]}_anonymized.csv with ratings")
        return reading

    def _read_part(self, table: Path, signals: Path, part: str, reading: Reading) -> None:
        for where, row in rows(table, ("Testname", "Listener", "Trial", "Condition", "Ratingscore")):
            stimulus = _stimulus(signals, row["Trial"], row["Condition"], part)
            reading.rate(stimulus, row["Listener"], row["Ratingscore"], where)


class Sassec(Sebass):
    name, title, stem = "sassec", "SEBASS-DB SASSEC", "SASSEC"


class Sisec08(Sebass):
    name, title, stem = "sisec08", "SEBASS-DB SiSEC08", "SiSEC08"


class Saoc(Sebass):
    name, title, stem = "saoc", "SEBASS-DB SAOC", "SAOC"
    parts = ("_1", "_2", "_3")


class Peass(Sebass):
    name, title, stem = "peass", "SEBASS-DB PEASS", "PEASS"


def _stimulus(signals: Path, trial: str, condition: str, part: str) -> Stimulus:
    role = role_of(condition)
    reference = signals / REFERENCES / f"{trial}.wav"
    degraded: Path | None = signals / FOLDERS.get(condition, condition) / f"{trial}.wav"
    absent = None
    if condition in SILENT:
        degraded, absent = None, f"the test publishes no audio of the condition {condition}"
    elif role == schema.REFERENCE:
        degraded = reference
    item = f"{part}/{trial}" if part else trial  # the parts of a test reuse the trials' names
    return Stimulus(item, condition, role, trial.partition("_")[0], reference, degraded, absent)
