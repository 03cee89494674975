"""Readers of listening tests: one contract over all of them, and each format's own traps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from deepaq.errors import UserError
from labels.cli import main
from labels.listening.reader import READERS, Reading, reader
from labels.testing import check_listening_test
from manifests.schema import ANCHOR, CODED, REFERENCE
from tests.labels.listening.listening_layouts import (
    LAYOUTS,
    LISTENERS,
    audio,
    igorc96,
    odaq_xml,
    own,
    sebass,
    table,
    webmushra,
)

OTHER_LISTENERS = {
    "igorc96": {None},
    "stahl2024": {"2", "3", "5"},
    "webmushra": {f"uuid-{listener}" for listener in LISTENERS},
}


def read(name: str, root: Path, **options: str) -> Reading:
    return reader(name, **options).read(LAYOUTS[name](root))


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True)


@pytest.mark.parametrize("name", READERS)
def test_every_format_keeps_the_contract(name: str, tmp_path: Path) -> None:
    check_listening_test(name, LAYOUTS[name](tmp_path), OTHER_LISTENERS.get(name, set(LISTENERS)))


def test_every_reader_is_named_in_the_help() -> None:
    text = CliRunner().invoke(main, ["import", "--help"]).output
    assert all(re.search(rf"\b{re.escape(name)}\b", text) for name in READERS)


def test_an_unknown_test_is_named_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="'odak' is unknown; known are csv, igorc96, odaq"):
        reader("odak")


def test_odaq_conditions_hold_dots_and_methods_are_its_content(tmp_path: Path) -> None:
    reading = read("odaq", tmp_path)
    stimulus = reading.stimuli["TM_02_violin", "TM10.5k"]
    assert (stimulus.role, stimulus.content) == (CODED, "TM")
    assert stimulus.degraded is not None
    assert stimulus.degraded.name == "TM10.5k.wav"


def test_odaq_xml_says_the_same_as_its_csv(tmp_path: Path) -> None:
    table_reading = read("odaq", tmp_path / "csv")
    sessions = reader("odaq").read(odaq_xml(tmp_path / "xml"))
    assert {key: r.value for key, r in sessions.ratings.items()} == {
        key: r.value for key, r in table_reading.ratings.items()
    }


def test_later_subsets_of_odaq_are_found_by_their_items(tmp_path: Path) -> None:
    reading = read("odaq-stereo", tmp_path)
    stimulus = reading.stimuli["QNLR_07_trio", "TM7k"]
    assert (stimulus.content, stimulus.reference) == ("QNLR", tmp_path / "2025-aes/audio/QNLR_07_trio/reference.wav")
    assert {item for item, _ in reading.stimuli} == {"QNLR_07_trio"}
    (tmp_path / "2025-aes" / "all_results_2025.csv").unlink()
    session = (
        "<MUSHRA><info subjectName='ann'/><trial trialName='QNLR_07_trio'><testFile fileName='TM7k.wav' score='44'/>"
    )
    (tmp_path / "2025-aes" / "any.xml").write_text(f"{session}</trial></MUSHRA>")
    assert reader("odaq-stereo").read(tmp_path / "2025-aes").ratings["QNLR_07_trio", "TM7k", "ann"].value == 44
    audio(tmp_path / "2025-aes" / "combined" / "QNLR_07_trio" / "reference.wav", 1)
    with pytest.raises(UserError, match="several items QNLR_07_trio; name the folder of one variant"):
        reader("odaq-stereo").read(tmp_path)


def test_a_broken_xml_session_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    folder = odaq_xml(tmp_path) / "ODAQ" / "ODAQ_listening_test"
    (folder / "ODAQ_2023-08-01_125454_ben.xml").write_text("<MUSHRA><trials>")
    reading = reader("odaq").read(tmp_path)
    assert len(reading.problems) == 1
    assert "_ben.xml: cannot be read as XML" in reading.problems[0]
    assert {rating.listener for rating in reading.ratings.values()} == {"ann", "cleo"}


def test_sebass_traps(tmp_path: Path) -> None:
    """The anchor is the mixture in anker_mix, hidden_ref is orig, SAOC has no audio, the parts are kept apart."""
    reading = read("saoc", tmp_path)
    first = reading.stimuli["1/female_inst_sim_1", "anchor"]
    assert first.degraded == tmp_path / "Signals_1" / "anker_mix" / "female_inst_sim_1.wav"
    assert reading.stimuli["2/female_inst_sim_1", "hidden_ref"].role == REFERENCE
    assert "publishes no audio" in (reading.stimuli["1/female_inst_sim_1", "SAOC"].absent or "")
    assert len({s.reference for s in reading.stimuli.values()}) == 6
    (tmp_path / "SAOC_2_anonymized.csv").unlink()
    assert reader("saoc").read(tmp_path).problems == [
        "SAOC_2_anonymized.csv: is missing; that part of the test is left out"
    ]


def test_faults_of_ratings_are_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = sebass(tmp_path, "SiSEC08") / "SiSEC08_anonymized.csv"
    text = lines(path)
    text[2] = re.sub(r"[\d.]+(?=\r?\n)", "NaN", text[2])
    text[3] = re.sub(r"[\d.]+(?=\r?\n)", "101", text[3])
    text[4] = re.sub(r"[\d.]+(?=\r?\n)", "much", text[4])
    path.write_text("".join([*text, text[1].replace("97.0", "50")]))
    reading = reader("sisec08").read(tmp_path)
    assert [problem.partition(": ")[2] for problem in reading.problems] == [
        "Algo8 of female_inst_sim_1 by ann: the rating 'NaN' is not a number",
        "SAOC of female_inst_sim_1 by ann: the rating 101 is outside 0 to 100",
        "Algo21 of female_inst_sim_1 by ann: the rating 'much' is not a number",
        "orig of female_inst_sim_1 is rated twice by ann (97.0 and 50); the first is kept",
    ]
    assert reading.problems[0].startswith("SiSEC08_anonymized.csv line 3: ")
    assert sum(rating.value is not None for rating in reading.ratings.values()) == 27
    assert reading.ratings["female_inst_sim_1", "orig", "ann"].value == 97.0


def test_a_stahl_line_whose_lists_differ_is_left_out(tmp_path: Path) -> None:
    path = LAYOUTS["stahl2024"](tmp_path) / "ratings_formated_filtered.csv"
    path.write_text(path.read_text().replace("[2, 3, 5]", "[2, 3]", 1))
    reading = reader("stahl2024").read(tmp_path)
    assert len(reading.problems) == 1
    assert "3 ratings of 2 listeners" in reading.problems[0]
    assert len(reading.ratings) == 21


def test_a_stahl_file_without_lines_is_no_test(tmp_path: Path) -> None:
    path = LAYOUTS["stahl2024"](tmp_path) / "ratings_formated_filtered.csv"
    path.write_text(lines(path)[0])
    with pytest.raises(UserError, match=r"ratings_formated_filtered.csv: holds no ratings"):
        reader("stahl2024").read(tmp_path)


def test_the_igorc96_page_links_files_with_spaces_and_its_anchors_are_faac(tmp_path: Path) -> None:
    reading = read("igorc96", tmp_path)
    stimulus = reading.stimuli["tracks/set1/01 Have a break", "Opus"]
    assert stimulus.degraded == tmp_path / "tracks" / "set1" / "01 Have a break_opus.wav"
    assert {s.condition for s in reading.stimuli.values() if s.role == ANCHOR} == {"FAAC 1", "FAAC 2"}
    page = tmp_path / "results.htm"
    page.write_text(page.read_text().replace("</tr>", "").replace("<td>1411</td>", "", 1))
    reading = reader("igorc96").read(tmp_path)
    assert reading.problems == ["results.htm, row 1 of 'All sets of tracks': 7 cells instead of 8; left out"]
    assert len(reading.ratings) == 6


def test_a_webmushra_condition_that_the_configuration_does_not_know(tmp_path: Path) -> None:
    webmushra(tmp_path)
    path = tmp_path / "results" / "codecs" / "mushra.csv"
    path.write_text(path.read_text().replace(",C2,", ",C9,", 1))
    reading = reader("webmushra").read(tmp_path)
    assert reading.problems == ["mushra.csv line 4: the configuration knows no condition 'C9' of 'trial1'"]
    assert len(reading.ratings) == 23
    (tmp_path / "configs" / "codecs.yaml").write_text("pages: [")
    with pytest.raises(UserError, match=r"codecs.yaml: cannot be read as YAML"):
        reader("webmushra").read(tmp_path)


def test_webmushra_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    """A path is looked up as it is written, or without its first folders, never by the file's name alone."""
    webmushra(tmp_path)
    config, folder = tmp_path / "configs" / "codecs.yaml", tmp_path / "resources" / "audio"
    text = config.read_text().replace("configs/resources", "configs/webmushra/resources")
    config.write_text(re.sub(r"(trial1|trial_random_1)_(\w+)\.wav", r"\1/\2.wav", text))
    for trial in ("trial1", "trial_random_1"):
        for name in ("ref", "c1", "c2"):
            audio(folder / trial / f"{name}.wav", 1)
    moved = (folder / "trial1" / "ref.wav").rename(tmp_path / "ref.wav")
    lone = (folder / "trial1" / "c2.wav").rename(tmp_path / "lone.wav")
    config.write_text(config.read_text().replace("trial1/c2.wav", "trial1/lone.wav"))
    stimuli = reader("webmushra").read(tmp_path).stimuli
    assert stimuli["trial_random_1", "C2"].reference == folder / "trial_random_1" / "ref.wav"
    assert stimuli["trial_random_1", "C2"].degraded == folder / "trial_random_1" / "c2.wav"
    assert stimuli["trial1", "C1"].degraded == folder / "trial1" / "c1.wav"
    missing = stimuli["trial1", "C2"].degraded
    assert missing is not None
    assert missing != lone
    assert not missing.exists()
    reference = stimuli["trial1", "C1"].reference
    assert reference is not None
    assert reference != moved
    assert not reference.exists()


def test_webmushra_without_configuration_or_session_ids(tmp_path: Path) -> None:
    header = ("session_test_id", "name", "age", "trial_id", "rating_stimulus", "rating_score")
    rows = [("t", "ann", 30, "harp", "reference", 99), ("t", "ben", 31, "harp", "C1", 50)]
    table(tmp_path / "mushra.csv", header, rows)
    reading = reader("webmushra", name="mine").read(tmp_path)
    assert {key[2] for key in reading.ratings} == {"ann 30", "ben 31"}
    assert reading.stimuli["harp", "C1"].degraded == tmp_path / "harp" / "C1.wav"


@pytest.mark.parametrize(
    ("options", "message"),
    [({"lowest": "x"}, "--lowest x: a number"), ({"lowest": "5", "highest": "1"}, "lowest must be below the highest")],
)
def test_a_scale_that_cannot_be_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        reader("csv", **options)


def test_a_published_test_does_not_take_another_licence() -> None:
    with pytest.raises(UserError, match="odaq states its licence itself"):
        reader("odaq", licence="mine")


def test_missing_columns_and_other_bytes_are_named(tmp_path: Path) -> None:
    path = own(tmp_path)
    path.write_text(path.read_text().replace("score", "points", 1))
    with pytest.raises(UserError, match=r"own.csv: lacks the column score"):
        reader("csv").read(path)
    path.write_bytes(b"\xff\xfe\x00reference")
    with pytest.raises(UserError, match=r"own.csv"):
        reader("csv").read(path)


@pytest.mark.shared
def test_the_real_files_hold_what_is_known_of_them(shared: Path) -> None:
    folder = shared / "listening"
    sisec = reader("sisec08").read(folder / "sebass_sisec08")
    assert (len(sisec.stimuli), len(sisec.ratings), sisec.problems) == (154, 2156, [])
    assert len({rating.listener for rating in sisec.ratings.values()}) == 14
    stahl = reader("stahl2024").read(folder / "stahl2024_codec_speech")
    roles = [s.role for s in stahl.stimuli.values()]
    assert [roles.count(role) for role in (CODED, REFERENCE, ANCHOR)] == [112, 16, 16]
    assert stahl.problems == []
    odaq = reader("odaq").read(folder / "odaq_format_sample")
    assert odaq.ratings["LP_11_guitar", "LP35", "USLA08"].value == 47.0
    assert odaq.stimuli["LP_11_guitar", "LP70"].role == ANCHOR


def test_igorc96_is_read_from_the_page_itself(tmp_path: Path) -> None:
    igorc96(tmp_path)
    assert len(reader("igorc96").read(tmp_path / "results.htm").ratings) == 12
