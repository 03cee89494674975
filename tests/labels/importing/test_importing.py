"""`labels import` from end to end: audio and rows, faults by name, going on after a kill."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from deepaq.audio import read
from labels.cli import main
from labels.importing.scores import mean_of
from labels.importing.stage import ImportSettings, import_test
from manifests import schema
from manifests.check import problems
from manifests.compact import compact
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer
from tests.labels.listening.listening_layouts import LAYOUTS, audio, own, sebass, table
from tests.sounds import music, write

ONE = ImportSettings(jobs=1, quiet=True)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["import", *map(str, arguments), "--jobs", "1", "--quiet", "--json"])


def summary(result: Result) -> dict[str, object]:
    found: dict[str, object] = json.loads(result.stdout.splitlines()[-1])
    return found


def means(dataset: Dataset) -> dict[str, float]:
    return {row["degraded_id"]: row["value"] for row in dataset.labels("listeners").to_pylist()}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_format_becomes_a_data_set_that_holds_together(name: str, tmp_path: Path) -> None:
    result = import_test(name, LAYOUTS[name](tmp_path / "in"), tmp_path / "out", ONE)
    assert (result["failed"], result["errors"]) == (0, [])
    dataset = Dataset(tmp_path / "out")
    assert list(problems(dataset, deep=True)) == []
    rows = dataset.degraded().to_pylist()
    assert len(rows) == result["stimuli"] == result["ok"] + result["skipped"]
    assert all(row["codec"] is None and row["test"] == result["test"] and row["item"] for row in rows)
    assert {row["split"] for row in dataset.references().to_pylist()} == {"test"}
    averages = {row["degraded_id"]: row for row in dataset.labels("listeners").to_pylist()}
    assert set(averages) == {row["degraded_id"] for row in rows}
    if result["listeners"]:
        listeners = dataset.labels("listener").to_pylist()
        assert len(listeners) == result["ratings"]
        for stimulus, row in averages.items():
            values = [other["value"] for other in listeners if other["degraded_id"] == stimulus]
            extras = dict(row["extras"])
            assert row["value"] == pytest.approx(np.mean(values))
            assert extras["ci_low"] < row["value"] < extras["ci_high"]
            assert (extras["listeners"], extras["scale_low"]) == (len(values), 0)
    footer = read_footer(fragments(dataset.folder(schema.DEGRADED))[0])
    assert footer["settings"]["test"]["licence"]


def test_merged_fragments_hold_the_same_ratings(tmp_path: Path) -> None:
    folder, out = sebass(tmp_path / "in", "SiSEC08"), tmp_path / "out"
    import_test("sisec08", folder, out, ONE)
    path = folder / "SiSEC08_anonymized.csv"
    path.write_text(path.read_text().replace("ann", "dora"))
    import_test("sisec08", folder, out, ONE)
    dataset = Dataset(out)
    before = means(dataset), dataset.labels("listener").to_pylist(), dataset.degraded().to_pylist()
    compact(dataset)
    assert len(fragments(dataset.folder(schema.LABELS, "listener"))) == 1
    assert (means(dataset), dataset.labels("listener").to_pylist(), dataset.degraded().to_pylist()) == before
    assert {row["rater"] for row in before[1]} == {f"listener:{name}" for name in ("ann", "ben", "cleo", "dora")}


def test_the_mean_has_students_interval() -> None:
    mean = mean_of([50, 60, 70, 80])
    assert (mean.value, mean.listeners) == (65, 4)
    assert mean.high == pytest.approx(65 + 3.182446 * 12.909944 / 2, abs=1e-4)  # t(3), .975, from its table
    assert (mean_of([50]).low, mean_of([50]).deviation) == (None, None)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
def test_audio_is_kept_without_a_change(tmp_path: Path, subtype: str) -> None:
    sound = music(0.5, 3, 24_000)
    reference = write(tmp_path / "a.wav", sound, 24_000, subtype)
    degraded = write(tmp_path / "b.wav", 0.5 * sound, 24_000, subtype)
    path = table(tmp_path / "t.csv", ("reference", "degraded", "score"), [("a.wav", "b.wav", 50)])
    import_test("csv", path, tmp_path / "out", ONE)
    dataset = Dataset(tmp_path / "out")
    for source, spec in ((reference, schema.REFERENCES), (degraded, schema.DEGRADED)):
        stored = dataset.path(dataset.table(spec).to_pylist()[0]["path"])
        assert stored.suffix == (".flac" if subtype in {"PCM_16", "PCM_24"} else ".wav")
        np.testing.assert_array_equal(read(stored).samples, read(source).samples)
        if stored.suffix == ".flac":
            assert soundfile.info(stored).subtype == subtype


def test_the_hidden_reference_is_the_clip_itself(tmp_path: Path) -> None:
    import_test("sisec08", sebass(tmp_path / "in", "SiSEC08"), tmp_path / "out", ONE)
    dataset = Dataset(tmp_path / "out")
    clips = {row["reference_id"]: row["path"] for row in dataset.references().to_pylist()}
    hidden = [row for row in dataset.degraded().to_pylist() if row["role"] == schema.REFERENCE]
    assert len(hidden) == 2
    assert all(row["path"] == clips[row["reference_id"]] for row in hidden)


def test_two_trials_may_share_a_clip_and_a_condition(tmp_path: Path) -> None:
    audio(tmp_path / "a.wav", 1)
    audio(tmp_path / "b.wav", 1, 0.1)
    rows = [("a.wav", "b.wav", 30, "one", "x"), ("a.wav", "b.wav", 40, "two", "x")]
    path = table(tmp_path / "t.csv", ("reference", "degraded", "score", "item", "condition"), rows)
    import_test("csv", path, tmp_path / "out", ONE)
    dataset = Dataset(tmp_path / "out")
    assert dataset.references().num_rows == 1
    assert sorted(row["value"] for row in dataset.labels("listeners").to_pylist()) == [30, 40]


def test_faults_are_named_and_the_rest_is_imported(tmp_path: Path) -> None:
    """A missing file, a duplicate rating, an unknown condition, a NaN rating and a broken file."""
    folder = sebass(tmp_path / "in", "SiSEC08")
    (folder / "Signals" / "Algo8" / "female_inst_sim_1.wav").unlink()
    broken = folder / "Signals" / "Algo21" / "female_inst_sim_1.wav"
    broken.write_bytes(broken.read_bytes()[:-500])
    (folder / "Signals" / "orig" / "wdrums_inst_sim_2.wav").unlink()
    path = folder / "SiSEC08_anonymized.csv"
    text = path.read_text().splitlines()
    faults = [text[1].rpartition(",")[0] + ",12", text[5].replace("anchor", "Algo99"), text[5].replace("ann", "dora")]
    faults[2] = faults[2].rpartition(",")[0] + ",NaN"
    path.write_text("\n".join([*text, *faults]) + "\n")
    result = run("sisec08", folder, "--out", tmp_path / "out")
    assert result.exit_code == 1
    for message in (
        "skipped: the test publishes no audio of the condition SAOC (2 rows)",
        "line 32: orig of female_inst_sim_1 is rated twice by ann (97.0 and 12); the first is kept",
        "line 34: anchor of female_inst_sim_1 by dora: the rating 'NaN' is not a number",
        "Algo8 of female_inst_sim_1: Signals/Algo8/female_inst_sim_1.wav: no such file",
        "Algo99 of female_inst_sim_1: Signals/Algo99/female_inst_sim_1.wav: no such file",
        "Algo21 of female_inst_sim_1: Signals/Algo21/female_inst_sim_1.wav: is truncated, 500 bytes",
        "wdrums_inst_sim_2: reference: Signals/orig/wdrums_inst_sim_2.wav: no such file (4 stimuli)",
    ):
        assert message in result.stderr
    assert len(result.stderr.splitlines()) == 7
    assert str(tmp_path) not in result.stderr
    found = summary(result)
    assert (found["ok"], found["failed"], found["skipped"], found["ratings"]) == (2, 7, 2, 31)
    dataset = Dataset(tmp_path / "out")
    assert list(problems(dataset, deep=True)) == []
    failed = [row for row in dataset.labels("listener").to_pylist() if row["status"] == schema.FAILED]
    assert [(row["rater"], row["value"]) for row in failed] == [("listener:dora", None)]


def test_a_second_run_writes_nothing_and_completed_audio_mends_the_rows(tmp_path: Path) -> None:
    folder, out = sebass(tmp_path / "in", "SiSEC08"), tmp_path / "out"
    clip = folder / "Signals" / "orig" / "wdrums_inst_sim_2.wav"
    missing = folder / "Signals" / "Algo8" / "female_inst_sim_1.wav"
    kept = clip.read_bytes(), missing.read_bytes()
    clip.unlink()
    missing.unlink()
    assert len(import_test("sisec08", folder, out, ONE)["errors"]) == 2
    before = fragments(out)
    assert len(import_test("sisec08", folder, out, ONE)["errors"]) == 2
    assert fragments(out) == before
    clip.write_bytes(kept[0])
    missing.write_bytes(kept[1])
    assert import_test("sisec08", folder, out, ONE)["errors"] == []
    rows = Dataset(out).degraded().to_pylist()
    assert [row["status"] for row in rows].count(schema.OK) == 8
    assert Dataset(out).labels("listeners").num_rows == len(rows) == 10


@pytest.mark.parametrize("changed", ["orig", "Algo8"])
def test_other_audio_under_the_same_name_is_refused(tmp_path: Path, changed: str) -> None:
    folder = sebass(tmp_path / "in", "SiSEC08")
    import_test("sisec08", folder, tmp_path / "out", ONE)
    before = Dataset(tmp_path / "out").degraded().to_pylist()
    audio(folder / "Signals" / changed / "female_inst_sim_1.wav", 99, 0.1, 1)
    result = run("sisec08", folder, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "female_inst_sim_1" in result.stderr
    assert "differs from what was imported before; import into a new folder" in result.stderr
    assert Dataset(tmp_path / "out").degraded().to_pylist() == before


def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path) -> None:
    result = run("csv", own(tmp_path / "in"), "--out", tmp_path / "out", "--dry-run")
    assert summary(result) == {"test": "own", "items": 2, "stimuli": 8, "ratings": 24}
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("odak", "."), "listening test 'odak' is unknown"),
        (("odaq", "nowhere"), "nowhere: no such file or folder"),
        (("odaq", ".", "--name", "mine"), "odaq states its name itself"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_2(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.shared
def test_the_real_stahl_test_is_imported_whole(shared: Path, tmp_path: Path) -> None:
    result = import_test("stahl2024", shared / "listening" / "stahl2024_codec_speech", tmp_path / "out", ONE)
    assert (result.pop("errors"), result.pop("notes")) == ([], [])
    assert result == {
        **{"test": "stahl2024", "items": 16, "stimuli": 144, "ok": 128, "failed": 0, "skipped": 16},
        **{"ratings": 1368, "listeners": 19},
    }
    assert list(problems(Dataset(tmp_path / "out"), deep=True)) == []
