"""Reader of ODAQ, the Open Dataset of Audio Quality, and of its later cohorts of listeners."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from deepaq.errors import UserError
from labels.listening.files import below, content, find
from labels.listening.reader import Reader, Reading, Stimulus, role_of
from labels.listening.rows import rows

AUDIO = "ODAQ_listening_test"


class Odaq(Reader):
    """Reads ODAQ_results.csv, or the listeners' XML files if there is no CSV.

    Folders `<METHOD>_<item>/` hold reference.wav, LP35.wav and LP70.wav (the anchors) and five conditions.
    """

    name = "odaq"
    title = "ODAQ"
    scale, lowest, highest = "MUSHRA", 0.0, 100.0
    licence = "per item CC BY 4.0, CC0 1.0 or CC BY-NC 4.0, see _detailed_license.csv"
    citation = (
        "Torcoli, Wu, Dick, Williams, Halimeh, Wolcott, Habets (2024), ODAQ: Open Dataset of Audio Quality, ICASSP"
    )
    results = "ODAQ_results.csv"

    def read(self, path: Path) -> Reading:
        reading = Reading(self.lowest, self.highest)
        folder = _audio(path)
        tables = below(path, self.results) if path.is_dir() else [path]
        if tables:
            self._read_table(find(path, self.results), folder, reading)
        elif self.name == "odaq":
            self._read_sessions(path, folder, reading)
        if not reading.ratings:
            raise UserError(f"{path}: holds neither {self.results} nor ODAQ_*.xml with ratings")
        return reading

    def _read_table(self, path: Path, folder: Path, reading: Reading) -> None:
        for where, row in rows(path, ("score", "method", "condition", "process", "item", "subject")):
            listener = row["subject"].rpartition(": ")[2]
            reading.rate(_stimulus(folder, row["item"], row["process"]), listener, row["score"], where)

    def _read_sessions(self, path: Path, folder: Path, reading: Reading) -> None:
        for session in below(path, "ODAQ_*.xml"):
            try:
                root = ElementTree.fromstring(content(session))
            except ElementTree.ParseError as error:
                reading.problems.append(f"{session.name}: cannot be read as XML ({error}); left out")
                continue
            info = root.find("info")
            listener = session.stem if info is None else info.get("subjectName", session.stem)
            for trial in root.iter("trial"):
                for file in trial.iter("testFile"):
                    name = file.get("fileName", "").removesuffix(".wav")  # conditions contain dots: TM10.5k
                    stimulus = _stimulus(folder, trial.get("trialName", ""), name)
                    reading.rate(stimulus, listener, file.get("score", ""), session.name)


class OdaqB1(Odaq):
    name = "odaq-b1"
    title = "ODAQ, listeners of cohort B1"
    results = "Cohort_B1_results.csv"


class OdaqB2(Odaq):
    name = "odaq-b2"
    title = "ODAQ, listeners of cohort B2"
    results = "Cohort_B2_results.csv"


def _audio(path: Path) -> Path:
    """Find the folder of the items, ODAQ_listening_test, at, below or above `path`."""
    start = path if path.is_dir() else path.parent
    folders = sorted(folder for folder in start.rglob(AUDIO) if folder.is_dir())
    return folders[0] if folders else start


def _stimulus(folder: Path, item: str, condition: str) -> Stimulus:
    return Stimulus(
        item,
        condition,
        role_of(condition),
        item.partition("_")[0],
        folder / item / "reference.wav",
        folder / item / f"{condition}.wav",
    )
