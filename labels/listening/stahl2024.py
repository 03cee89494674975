"""Reader of Stahl 2024: neural speech codecs, a complete test with audio under CC BY."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from deepaq.errors import UserError
from labels.listening.files import find
from labels.listening.reader import Reader, Reading, Stimulus, role_of
from labels.listening.rows import rows


class Stahl2024(Reader):
    """Reads `ratings_formated_filtered.csv`: one line per stimulus with lists of ratings and listeners.

    The file omits listeners who rated the hidden reference below 90 more than once; the anchor has no audio.
    """

    name = "stahl2024"
    title = "Stahl 2024, neural speech codecs"
    scale, lowest, highest = "MUSHRA", 0.0, 100.0
    licence = "CC BY 4.0"
    citation = (
        "Stahl, Windtner, Sontacchi (2024), A Bitrate-Scalable Variational Recurrent Mel-Spectrogram Coder for "
        "Real-Time Resynthesis-Based Speech Coding, IEEE Access 12"
    )
    results = "ratings_formated_filtered.csv"

    def read(self, path: Path) -> Reading:
        reading = Reading(self.lowest, self.highest)
        table = path if path.is_file() else find(path, self.results)
        audio = table.parent / "audio"
        for where, row in rows(table, ("signal", "condition", "ratings", "participant_ids", "file")):
            ratings, listeners = _list(row["ratings"]), _list(row["participant_ids"])
            if len(ratings) != len(listeners):
                reading.problems.append(f"{where}: {len(ratings)} ratings of {len(listeners)} listeners; left out")
                continue
            stimulus = _stimulus(audio, row)
            for value, listener in zip(ratings, listeners, strict=True):
                reading.rate(stimulus, listener, value, where)
        if not reading.ratings:
            raise UserError(f"{table}: holds no ratings")
        _add_references(reading)
        return reading


def _list(text: str) -> list[str]:
    """Parse a list as printed by Python."""
    return [part.strip() for part in text.strip().strip("[]").split(",") if part.strip()]


def _stimulus(audio: Path, row: dict[str, str]) -> Stimulus:
    file = row["file"].strip()
    role = role_of(row["condition"])
    absent = None if file else f"the test publishes no audio of the condition {row['condition']}"
    reference = audio / Path(file).parent / "ref.wav" if file else None
    content = row["signal"].partition("_")[0]
    return Stimulus(row["signal"], row["condition"], role, content, reference, audio / file if file else None, absent)


def _add_references(reading: Reading) -> None:
    """Give stimuli without audio the reference of their item."""
    for key, s in reading.stimuli.items():
        if s.reference is None:
            reading.stimuli[key] = replace(s, reference=reading.references.get(s.item))
