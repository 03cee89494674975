"""`manifests report`: one page that holds everything, and that a browser shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from labels.rating.stage import Settings, rate
from manifests import schema
from manifests.cli import main
from manifests.dataset import Dataset
from manifests.fragment import read_footer, write_fragment
from manifests.schema import TableSpec
from prep.transcode import Settings as PrepSettings
from prep.transcode import transcode
from tests.manifests.report.reported import report
from tests.sounds import music, write

HOSTILE = "<img src=x onerror=alert(1)> & 'so'"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of 2 s in four conditions, labelled by ViSQOL with a timeline; one name is hostile."""
    folder = tmp_path_factory.mktemp("report")
    write(folder / "music" / f"{HOSTILE}.wav", music(2, 1))
    write(folder / "music" / "plain.wav", music(2, 2))
    settings = PrepSettings(codecs=("opus", "mp3"), bitrates=(32, 128), clip_s=2, jobs=1, quiet=True)
    transcode([folder / "music"], folder / "data", settings)
    rate(folder / "data", "visqol", Settings(options=(("timeline", "0.6"),), jobs=1, quiet=True))
    return folder / "data"


@pytest.fixture
def data(source: Path, tmp_path: Path) -> Path:
    shutil.copytree(source, tmp_path / "data")
    return tmp_path / "data"


def rewrite(data: Path, spec: TableSpec, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Replace a table's rows."""
    rows = [change(row) for row in Dataset(data).table(spec).to_pylist()]
    old = list((data / spec.name).rglob("*.parquet"))
    folder = data / spec.name / "rater=visqol" if spec is schema.LABELS else data / spec.name
    write_fragment(folder, spec, rows, read_footer(old[0]))
    for path in old:
        path.unlink()


def test_the_page_holds_everything_and_nothing_becomes_markup(data: Path) -> None:
    document = report(data)
    assert document.addresses
    assert all(re.match(r"#part-\d+$|data:(audio|image)/", address) for address in document.addresses)
    assert "img" not in document.tags
    assert "script" not in document.tags
    text = " ".join(document.text)
    for expected in (HOSTILE, "opus-032", "MOS-LQO by codec and bitrate", "visqol-python", "3.8.0", "rated by visqol"):
        assert expected in text
    assert document.tags.count("audio") == 2 * 4  # two clips, each at either end of the scale
    assert document.tags.count("image") == 2 * 4
    # One column of boxes per condition, and a point per version.
    assert document.tags.count("circle") >= 8


def test_failures_stand_there_with_their_reasons(data: Path) -> None:
    victim = next(row for row in Dataset(data).degraded().to_pylist() if row["codec"] == "mp3")
    (data / victim["path"]).unlink()

    def fail(row: dict[str, Any]) -> dict[str, Any]:
        mine = row["degraded_id"] == victim["degraded_id"]
        return row | ({"status": schema.FAILED, "error": "was <b>cut</b> off", "value": None} if mine else {})

    rewrite(data, schema.LABELS, fail)
    text = " ".join(report(data).text)
    assert "failed: was <b>cut</b> off" in text
    assert victim["degraded_id"] in text
    assert "7 degraded clips of 2 tracks" in text


def test_a_single_clip_is_not_spoken_of_as_several(data: Path) -> None:
    keep = Dataset(data).labels().to_pylist()[0]["degraded_id"]
    failed = {"status": schema.FAILED, "error": "no", "value": None}
    rewrite(data, schema.LABELS, lambda row: row if row["degraded_id"] == keep else row | failed)
    assert "1 degraded clip of 1 track, rated by visqol." in report(data).text


def test_tracks_of_one_file_name_are_told_apart_by_their_folders(data: Path) -> None:
    shutil.rmtree(data / "tracks")
    names = iter(("/music/a/song.wav", "/music/b/song.wav"))
    paths = {row["track_id"]: next(names) for row in Dataset(data).references().to_pylist()}
    rewrite(data, schema.REFERENCES, lambda row: row | {"track_path": paths[row["track_id"]]})
    text = " ".join(report(data).text)
    assert "8 degraded clips of 2 tracks" in text
    assert "a/song · " in text
    assert "b/song · " in text


def test_added_and_missing_loudness_stand_beside_any_raters_values(data: Path) -> None:
    assert "loudness that" not in " ".join(report(data).text)
    rate(data, "deepaq-fr", Settings(jobs=1, quiet=True))
    for label in Dataset(data).labels("deepaq-fr").to_pylist():
        extras = dict(label["extras"])
        assert sum(extras[name] for name in ("structure", "level", "image")) == pytest.approx(label["value"])
    text = " ".join(report(data).text)
    assert "added and missing: loudness that the degraded clips have in excess and lack" in text
    (added, missing) = re.search(r"opus-032 · [\d.]+ kbps · added ([\d.]+)% · missing ([\d.]+)%", text).groups()
    extras = {
        (f"{100 * values['added']:.1f}", f"{100 * values['missing']:.1f}")
        for values in (dict(label["extras"]) for label in Dataset(data).labels("deepaq-fr").to_pylist())
    }
    assert (added, missing) in extras


def test_pairs_with_missing_audio_are_named(data: Path) -> None:
    short = Dataset(data).labels().to_pylist()[0]["degraded_id"]
    assert "Missing audio" not in report(data).text
    rewrite(data, schema.LABELS, lambda row: row | {"extras": {"common": 0.5 if row["degraded_id"] == short else 0.97}})
    document = report(data)
    assert "Missing audio" in document.text
    assert "50%" in document.text
    assert document.text.count(short) == 1
    assert "97%" not in document.text


def test_folders_of_this_machine_stay_out_of_the_page(data: Path, tmp_path: Path) -> None:
    def settle(path: Path) -> None:
        table = pq.read_table(path)
        footer = json.loads(table.schema.metadata[b"deepaq"]) | {
            "settings": {"model": str(tmp_path / "private" / "x.onnx")}
        }
        pq.write_table(table.replace_schema_metadata({b"deepaq": json.dumps(footer).encode()}), path)

    for path in (data / "labels").rglob("*.parquet"):
        settle(path)
    text = " ".join(report(data).text)
    assert "…/x.onnx" in text
    assert "private" not in text
    for path in (data / "audio" / "degraded").rglob("*.mp3"):
        path.unlink()
    assert str(tmp_path) not in " ".join(report(data).text)


def test_audio_that_is_gone_is_a_note_in_its_place(data: Path) -> None:
    for path in (data / "audio" / "degraded").rglob("*.mp3"):
        path.unlink()
    document = report(data)
    assert any("no such file" in text for text in document.text)
    assert document.tags.count("audio") < 8


def test_data_without_bitrates_has_a_page_too(data: Path) -> None:
    rewrite(data, schema.DEGRADED, lambda row: row | {"codec": None, "bitrate_kbps": None, "actual_kbps": None})
    text = " ".join(report(data).text)
    assert "measured bitrate" not in text
    assert "all conditions, 8 degraded clips" in text


def test_what_cannot_be_reported_is_one_line(data: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(main, ["report", str(data), "--rater", "peaq"])
    assert (run.exit_code, len(run.stderr.splitlines())) == (2, 1)
    assert "raters with labels: visqol" in run.stderr
    shutil.rmtree(data / "labels")
    run = CliRunner().invoke(main, ["report", str(data), "--out", str(tmp_path / "page.html")])
    assert (run.exit_code, len(run.stderr.splitlines())) == (2, 1)
    assert "labels visqol" in run.stderr
    assert not (tmp_path / "page.html").exists()


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Writes what the players and pictures turned out to be into the page's title.
PROBE = """<script>addEventListener("load", () => setTimeout(() => { document.title = "probe:" + JSON.stringify({
  players: [...document.querySelectorAll("audio")].map(a => [a.error ? a.error.code : 0, a.duration]),
  wide: document.documentElement.scrollWidth, high: document.documentElement.scrollHeight}); }, 1500))</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_browser_shows_it_and_plays_the_clips(data: Path, tmp_path: Path) -> None:
    from PIL import Image

    report(data)
    page = tmp_path / "probe.html"
    page.write_text((data / "report.html").read_text(encoding="utf-8").replace("</body>", f"{PROBE}</body>"))

    def browse(*arguments: str, at: Path = page) -> str:
        command = [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
            f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
            "--window-size=1280,2000", "--virtual-time-budget=8000", *arguments, at.as_uri(),
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout

    found = json.loads(re.search(r"<title>probe:(.*?)</title>", browse("--dump-dom"))[1])
    assert len(found["players"]) == 8
    for error, seconds in found["players"]:
        assert (error, seconds) == (0, pytest.approx(2, abs=0.1))
    assert found["wide"] <= 1280
    phone = tmp_path / "phone.html"  # in a frame, for windows have a least width
    frame = f'<iframe src="{(data / "report.html").as_uri()}" style="width:390px;height:3000px"></iframe>'
    measure = "document.querySelector('iframe').contentDocument.documentElement.scrollWidth"
    phone.write_text(f"<title></title>{frame}<script>onload = () => document.title = 'wide:' + {measure}</script>")
    (width,) = re.findall(
        r"<title>wide:(\d+)</title>", browse("--dump-dom", "--allow-file-access-from-files", at=phone)
    )
    assert int(width) <= 390
    browse(f"--screenshot={tmp_path / 'page.png'}")
    pixels = np.asarray(Image.open(tmp_path / "page.png").convert("RGB")).reshape(-1, 3).astype(int)
    for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)):  # the lines of the boxes of two codecs
        assert (np.abs(pixels - colour).max(axis=1) < 40).sum() > 100
