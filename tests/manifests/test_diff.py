"""Two data sets compared: equal ones are, and every kind of difference is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from manifests import lock, schema
from manifests import provenance as made
from manifests.cli import main
from manifests.dataset import Dataset
from manifests.diff import diff, explain
from manifests.fragment import write_fragment
from manifests.provenance import provenance


def reference(name: str, track: str = "t") -> dict[str, Any]:
    return {
        "reference_id": name,
        "track_id": track,
        "split": "train",
        "track_path": "/here/t.wav",
        "path": f"audio/{name}.flac",
        "frames": 441000,
        "sample_rate": 44100,
        "loudness_lufs": -23.0,
        "status": "ok",
    }


def degraded(clip: str, condition: str = "opus-016", settings: str = "") -> dict[str, Any]:
    identity = f"{condition}{settings}"
    return {
        "degraded_id": f"{clip}_{identity}",
        "reference_id": clip,
        "condition_id": identity,
        "condition": condition,
        "path": f"audio/{clip}_{identity}.opus",
        "bytes": 20_000,
        "status": "ok",
    }


def label(version: Mapping[str, Any], value: float, rater: str = "visqol", **more: Any) -> dict[str, Any]:
    row = {"degraded_id": version["degraded_id"], "rater": rater, "value": value, "scale": "MOS-LQO", "status": "ok"}
    return row | {"extras": {"fvnsim": 0.5}, "timeline": [value], "seconds": 0.1} | more


def dataset(
    root: Path,
    clips: tuple[str, ...] = ("a", "b"),
    versions: list[dict[str, Any]] | None = None,
    labels: list[dict[str, Any]] | None = None,
    tools: Mapping[str, str] | None = None,
) -> Dataset:
    data = Dataset(root, create=True)
    versions = [degraded(clip) for clip in clips] if versions is None else versions
    labels = [label(version, 3.0) for version in versions] if labels is None else labels
    footer = provenance("test", {"clip_s": 10.0}, tools or {"ffmpeg": "7.0"}, keep_in=data.root)
    for spec, rows in ((schema.REFERENCES, [reference(clip) for clip in clips]), (schema.DEGRADED, versions)):
        write_fragment(data.folder(spec), spec, rows, footer)
    for row in labels:
        write_fragment(data.folder(schema.LABELS, row["rater"]), schema.LABELS, [row], footer)
    return data


def test_a_copy_is_equal_whatever_the_order_of_its_fragments(tmp_path: Path) -> None:
    versions = [degraded("a"), degraded("b")]
    labels = [label(version, 2.0 + i) for i, version in enumerate(versions)]
    a = dataset(tmp_path / "a", labels=labels)
    found = diff(a, dataset(tmp_path / "b", labels=labels[::-1]))
    assert found["equal"]
    assert found["provenance"] == []
    assert found["values"]["visqol"] == {"common": 2, "differing": 0, "largest": 0.0, "mean": 0.0}
    assert list(explain(found))[-1] == "the data sets are equal"


def test_what_tells_of_the_machine_is_not_compared(tmp_path: Path) -> None:
    version = degraded("a")
    a = dataset(tmp_path / "a", ("a",), labels=[label(version, 3.0)])
    b = dataset(tmp_path / "b", ("a",), labels=[label(version, 3.0 + 1e-9, seconds=7.0, extras={"fvnsim": 0.5 + 1e-9})])
    assert diff(a, b)["equal"]
    assert diff(a, b, tolerance=0.0)["tables"]["labels"]["changed"] == {"value": 1, "extras": 1}


def test_where_the_sources_lay_is_not_compared(tmp_path: Path) -> None:
    sides = dataset(tmp_path / "a"), dataset(tmp_path / "b")
    for side in sides:
        source = {"source_id": f"of-{side.root.name}", "track_id": "t", "name": "t", "corpus": "folder", "status": "ok"}
        rows = [source | {"path": f"{side.root}/t.wav"}]
        write_fragment(side.folder(schema.TRACKS), schema.TRACKS, rows, provenance("test", {}, {}))
    assert diff(*sides)["equal"]


def test_other_versions_are_named_but_leave_the_content_the_same(tmp_path: Path) -> None:
    found = diff(dataset(tmp_path / "a"), dataset(tmp_path / "b", tools={"ffmpeg": "8.0"}))
    assert (found["equal"], found["same_content"]) == (False, True)
    assert {"table": "degraded", "entry": "test: tools.ffmpeg", "a": ["7.0"], "b": ["8.0"]} in found["provenance"]
    assert "degraded: test: tools.ffmpeg: 7.0 in A, 8.0 in B" in list(explain(found))


def test_values_that_differ_are_counted_and_measured(tmp_path: Path) -> None:
    a, b = (degraded(clip) for clip in "ab")
    found = diff(
        dataset(tmp_path / "a", labels=[label(a, 3.0), label(b, 4.0)]),
        dataset(tmp_path / "b", labels=[label(a, 3.0), label(b, 3.5)]),
    )
    assert not found["same_content"]
    assert found["values"]["visqol"] == {"common": 2, "differing": 1, "largest": 0.5, "mean": -0.25}
    assert found["tables"]["labels"]["changed"]["value"] == 1


@pytest.mark.parametrize(
    ("versions", "table", "reason"),
    [
        ([degraded("a"), degraded("b"), degraded("a", "mp3-032")], "degraded", "mp3-032: another condition"),
        ([degraded("a"), degraded("b", settings="vbr")], "degraded", "opus-016: made with other settings"),
        ([degraded("a"), degraded("b"), degraded("c")], "degraded", "another reference clip"),
    ],
)
def test_rows_of_one_side_come_with_their_reason(
    tmp_path: Path, versions: list[dict[str, Any]], table: str, reason: str
) -> None:
    found = diff(dataset(tmp_path / "a"), dataset(tmp_path / "b", versions=versions))
    assert found["tables"][table]["only_b"] == {reason: 1}


def test_missing_rows_clips_and_labels_have_reasons_too(tmp_path: Path) -> None:
    full = dataset(tmp_path / "a")
    half = dataset(tmp_path / "b", ("a",), versions=[degraded("a")], labels=[label(degraded("a"), 1.0, "peaq")])
    found = diff(full, half)["tables"]
    assert found["references"]["only_a"] == {"other clips of a track": 1}
    assert found["degraded"]["only_a"] == {"another reference clip": 1}
    assert found["labels"]["only_a"] == {"visqol: another rater": 2}
    assert found["labels"]["only_b"] == {"peaq: another rater": 1}


def test_the_command_exits_with_1_when_they_differ(tmp_path: Path) -> None:
    dataset(tmp_path / "a")
    dataset(tmp_path / "b")
    dataset(tmp_path / "c", tools={"ffmpeg": "8.0"})
    run = CliRunner().invoke

    def sides(*names: str) -> list[str]:
        return ["diff", *(str(tmp_path / name) for name in names)]

    assert run(main, sides("a", "b")).exit_code == 0
    assert run(main, sides("a", "c")).exit_code == 1
    assert run(main, [*sides("a", "c"), "--content"]).exit_code == 0
    result = run(main, [*sides("a", "c"), "--json"])
    assert json.loads(result.stdout.splitlines()[-1])["same_content"] is True


def test_an_empty_label_table_compares(tmp_path: Path) -> None:
    found = diff(dataset(tmp_path / "a", labels=[]), dataset(tmp_path / "b"))
    assert found["tables"]["labels"]["only_b"] == {"visqol: another rater": 2}
    assert found["values"] == {}


def test_the_environment_names_packages_and_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = tmp_path / "digest"
    digest.write_text("sha256:abc\n")
    seen = []
    for value in ("", "registry/deepaq@sha256:123", str(digest)):
        monkeypatch.setenv(made.IMAGE, value)
        made.environment.cache_clear()
        seen.append(provenance("test", {}, {})["environment"])
    made.environment.cache_clear()
    assert [entry["image"] for entry in seen] == ["none", "registry/deepaq@sha256:123", "sha256:abc"]
    assert len({entry["packages"] for entry in seen}) == 1


def test_other_packages_are_named_by_the_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a = dataset(tmp_path / "a")
    new = "deepaq_of_tomorrow-2.0.dist-info"
    (tmp_path / "site" / new).mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "site")
    for cached in (lock.installed, made.environment):
        cached.cache_clear()
    try:
        b = dataset(tmp_path / "b")
    finally:
        monkeypatch.undo()
        for cached in (lock.installed, made.environment):
            cached.cache_clear()
    found = diff(a, b)
    assert (found["equal"], found["same_content"]) == (False, True)
    entry = "test: environment.packages.deepaq_of_tomorrow"
    assert {"table": "labels", "entry": entry, "a": [], "b": ["2.0"]} in found["provenance"]
    (kept,) = (a.root / lock.FOLDER).iterdir()
    assert f"numpy=={np.__version__}\n" in kept.read_text()
