"""Readers of ODAQ, the Open Dataset of Audio Quality, of its later cohorts of listeners, and of its later subsets."""

from __future__ import annotations

from dataclasses import dataclass
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
    sessions: str | None = "ODAQ_*.xml"
    subset = "2024-icassp"  # folder in the collection of all subsets

    def read(self, path: Path) -> Reading:
        reading = Reading(self.lowest, self.highest)
        path = path / self.subset if (path / self.subset).is_dir() else path
        folders = self._folders(path)
        tables = below(path, self.results) if path.is_dir() else [path]
        if tables:
            self._read_table(find(path, self.results), folders, reading)
        elif self.sessions:
            self._read_sessions(path, self.sessions, folders, reading)
        if not reading.ratings:
            wanted = " or ".join(filter(None, (self.results, self.sessions)))
            raise UserError(f"{path}: holds no {wanted} with ratings")
        return reading

    def _folders(self, path: Path) -> _Folders:
        """The items' folders, in ODAQ_listening_test at, below or above `path`."""
        start = path if path.is_dir() else path.parent
        folders = sorted(folder for folder in start.rglob(AUDIO) if folder.is_dir())
        return _Folders(folders[0] if folders else start, {})

    def _read_table(self, path: Path, folders: _Folders, reading: Reading) -> None:
        for where, row in rows(path, ("score", "method", "condition", "process", "item", "subject")):
            listener = row["subject"].rpartition(": ")[2]
            reading.rate(_stimulus(folders, row["item"], row["process"]), listener, row["score"], where)

    def _read_sessions(self, path: Path, pattern: str, folders: _Folders, reading: Reading) -> None:
        for session in below(path, pattern):
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
                    stimulus = _stimulus(folders, trial.get("trialName", ""), name)
                    reading.rate(stimulus, listener, file.get("score", ""), session.name)


class OdaqB1(Odaq):
    name = "odaq-b1"
    title = "ODAQ, listeners of cohort B1"
    results = "Cohort_B1_results.csv"
    sessions = None  # they look like those of the first listeners


class OdaqB2(OdaqB1):
    name = "odaq-b2"
    title = "ODAQ, listeners of cohort B2"
    results = "Cohort_B2_results.csv"


class OdaqStereo(Odaq):
    """Reads ODAQ's stereo subset of 2025 (methods QNLR, QNMS, QNmix, SHLR, SHMS, SHmix).

    The collection's guide asks subsets for the folders of the first, `<METHOD>_<item>/` with reference.wav; it names
    no file of results. Read are a table `*results*.csv` with ODAQ's columns, else the XML files of its listening-test
    app, and items in folders at any depth.
    """

    name = "odaq-stereo"
    title = "ODAQ 2025, stereo processing"
    citation = "Investigating the impact of stereo processing (2025, arXiv:2512.14259), AES"
    results, sessions, subset = "*results*.csv", "*.xml", "2025-aes"

    def _folders(self, path: Path) -> _Folders:
        start = path if path.is_dir() else path.parent
        found: dict[str, Path] = {}
        for reference in below(start, "reference.wav"):
            folder = reference.parent
            if found.setdefault(folder.name, folder) != folder:
                raise UserError(
                    f"{path}: holds several items {folder.name}; name the folder of one variant of the test"
                )
        return _Folders(start, found)


class OdaqNeural(OdaqStereo):
    """Reads a variant, speech or combined, of the neural-codec test that was derived from ODAQ; see OdaqStereo."""

    name = "odaq-neural"
    title = "Neural audio codecs on items of ODAQ"
    citation = (
        "Lanzendörfer et al. (2025), Evaluating Objective Speech Quality Metrics for Neural Audio Codecs "
        "(arXiv:2511.19734)"
    )
    subset = "2025-lanzendorfer"


@dataclass(frozen=True)
class _Folders:
    """Folders of the items: `known` ones by name, else below `home`."""

    home: Path
    known: dict[str, Path]

    def of(self, item: str) -> Path:
        return self.known.get(item, self.home / item)


def _stimulus(folders: _Folders, item: str, condition: str) -> Stimulus:
    folder = folders.of(item)
    return Stimulus(
        item,
        condition,
        role_of(condition),
        item.partition("_")[0],
        folder / "reference.wav",
        folder / f"{condition}.wav",
    )
