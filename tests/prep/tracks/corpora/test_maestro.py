"""MAESTRO v3: what its table says."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepaq.errors import UserError
from prep.plan import plan
from prep.tracks.corpora import CORPORA
from prep.transcode import Settings, transcode
from tests.prep.tracks.corpora.layout import found, lay
from tests.sounds import music, write

HEADER = "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration\n"
ROWS = """Alban Berg,"Sonata, Op. 1",train,2018,2018/a.midi,2018/a.wav,698.6
Bach,Fugue,validation,2004,2004/b.midi,2004/b.wav,9
"""


def test_the_table_gives_files_and_splits(tmp_path: Path) -> None:
    root = lay(tmp_path, "2018/a.wav", "2004/b.wav", "2018/a.midi")
    (root / "maestro-v3.0.0.csv").write_text(HEADER + ROWS)
    sources = found(root, "maestro")
    assert {name: (source.split, source.parts) for name, source in sources.items()} == {
        "Alban Berg - Sonata, Op. 1 (a)": ("train", (root / "2018" / "a.wav",)),
        "Bach - Fugue (b)": ("valid", (root / "2004" / "b.wav",)),
    }


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", HEADER + "Bach,Fugue\n", HEADER + "Bach,Fugue,holdout,2004,b.midi,b.wav,9\n"]
)
def test_a_table_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "maestro-v3.0.0.csv").write_text(text)
    with pytest.raises(UserError, match=r"maestro-v3\.0\.0\.csv: .*--corpus folder"):
        list(CORPORA["maestro"].sources(tmp_path))


@pytest.mark.parametrize("audio", ["../outside.wav", "2018/../../outside.wav", "/etc/outside.wav"])
def test_a_file_outside_the_corpus_is_refused(tmp_path: Path, audio: str) -> None:
    (tmp_path / "maestro-v3.0.0.csv").write_text(HEADER + f"Bach,Fugue,test,2004,b.midi,{audio},9\n")
    with pytest.raises(UserError, match=r"maestro-v3\.0\.0\.csv: names '.*outside\.wav', which is not a file below"):
        list(CORPORA["maestro"].sources(tmp_path))


def test_an_overlong_name_is_a_failed_row_and_the_others_are_done(tmp_path: Path) -> None:
    write(tmp_path / "music" / "a.wav", music(2))
    (tmp_path / "music" / "maestro-v3.0.0.csv").write_text(
        HEADER + f"Bach,Fugue,test,2004,b.midi,{'b' * 400}.wav,9\nBach,Air,test,2004,a.midi,a.wav,9\n"
    )
    wanted = Settings(("opus",), (64,), 2, jobs=1, quiet=True)
    plan([tmp_path / "music"], tmp_path / "data", wanted)
    result = transcode([tmp_path / "music"], tmp_path / "data", wanted)
    assert (result["ok"], result["failed"]) == (1, 1)
    assert "b.wav: cannot be read (" in result["errors"][0]
