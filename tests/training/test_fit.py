"""`training fit` from end to end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import deepaq
from deepaq.errors import UserError
from labels.cli import main as labels_main
from manifests.dataset import Dataset
from manifests.fragment import fragments, read_footer, write_fragment
from manifests.schema import DEGRADED, LABELS, REFERENCES
from tests.training.test_recipe import TINY
from training import recipe
from training.cli import main
from training.data import table
from training.fit import Options, fit
from training.loop import evaluate, figures, log
from training.results.export import export
from training.settings import Data

FAST = ["backbone.width=16", "backbone.blocks=1", "data.segment_s=1.0", "data.clips=2", "data.versions=4"]


def test_the_table_joins_clips_versions_and_labels(labelled: Path) -> None:
    rows = table.load(Dataset(labelled), Data())
    assert len(rows) == 8 + 8 * 6
    assert rows.clean.sum() == 8
    assert (rows.mos[rows.clean] == rows.mos.max()).all()
    assert np.isinf(rows.bitrate[rows.clean]).all()
    assert set(rows.clip[rows.valid]).isdisjoint(rows.clip[~rows.valid])
    assert len(set(rows.clip[rows.valid])) == 3


def test_folds_hold_out_every_clip_once_and_whole_songs(labelled: Path) -> None:
    parts = [table.load(Dataset(labelled), Data(fold=f"{place}/3")) for place in (1, 2, 3)]
    held_out = [set(rows.clip[rows.valid]) for rows in parts]
    assert sorted(clip for part in held_out for clip in part) == list(range(8))
    assert {len(part) for part in held_out} == {2, 3}
    assert {len(rows) for rows in parts} == {8 + 8 * 6}


def test_labels_may_be_a_weighted_mix_and_must_be_there(labelled: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(labelled, data)
    for source in fragments(data / "labels" / "rater=visqol"):
        held = pq.read_table(source, partitioning=None).to_pylist()[1:]
        rows = [row | {"rater": "half", "value": row["value"] / 2} for row in held]
        footer = read_footer(source)
        footer["settings"]["identity"] /= 2
        write_fragment(data / "labels" / "rater=half", LABELS, rows, footer)
    alone = table.load(Dataset(data), Data())
    mixed = table.load(Dataset(data), Data(raters={"visqol": 1.0, "half": 1.0}))
    known = dict(zip(alone.row_id, alone.mos, strict=True))
    assert len(mixed) < len(alone)  # only what both have rated
    assert mixed.mos == pytest.approx([0.75 * known[name] for name in mixed.row_id])
    with pytest.raises(UserError, match="no labels by nobody"):
        table.load(Dataset(data), Data(raters={"nobody": 1.0}))


def test_fit_writes_a_metric_that_scores(labelled: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ["fit", str(labelled), "--out", str(out), "-o", "max_steps=12", "-o", "epoch_steps=6", "--json", "-q"]
    for override in FAST:
        arguments += ["-o", override]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["run"], result["steps"]) == (str(out), 12)
    assert set(result["parameters"]) == {"backbone", "lora", "head", "trainable", "total"}
    assert set(result["validation"]) == {"trained", "untrained", "log-mel", "log-erb"}
    for found in result["validation"].values():
        assert {mode: found[mode]["all"]["n"] for mode in found} == {"full": 18, "unmatched": 18}
    wanted = "model.json model.safetensors settings.json metrics.json before.json steps.csv epochs.csv held-out.csv"
    wanted += " labels.png predicted.png curves.png README.md SHA256SUMS tensorboard state"
    assert set(wanted.split()) == {path.name for path in out.iterdir()}
    reference = next((labelled / "audio" / "references").rglob("*.flac"))
    metric = deepaq.load(out)
    assert metric.score(reference, reference).mos == pytest.approx(4.732, abs=1e-3)
    worse = next((labelled / "audio" / "degraded" / "mp3-032").rglob("*.mp3"))
    assert 1 <= metric.score(worse, references=[reference]).mos <= 4.732
    again = CliRunner().invoke(main, arguments)
    assert again.exit_code == 0
    assert "is already trained" in again.stderr
    assert json.loads(again.stdout.splitlines()[-1]) == result
    other = CliRunner().invoke(main, [*arguments, "-o", "seed=7"])
    assert (other.exit_code, "holds a run with other settings" in other.stderr) == (2, True)
    fewer = CliRunner().invoke(main, ["fit", str(labelled), "--out", str(out), "-o", "data.fold=1/2"])
    assert (fewer.exit_code, "--overwrite" in fewer.stderr) == (2, True)


def test_training_learns(labelled: Path, tmp_path: Path) -> None:
    fit(labelled, tmp_path, recipe.load("compact", [*FAST, "max_steps=45", "epoch_steps=15"]), Options(quiet=True))
    loss = [row["full_regression"] for row in log.read(tmp_path / log.STEPS)]
    assert len(loss) == 45
    assert np.mean(loss[30:]) < np.mean(loss[:15])
    assert [row["step"] for row in log.read(tmp_path / log.EPOCHS)] == [15, 30, 45]


def test_the_papers_recipe_runs_on_a_shrunken_mert(labelled: Path, tmp_path: Path) -> None:
    settings = recipe.load(
        "deepaq",
        ["max_steps=2", "data.segment_s=1.5", "data.clips=2", "backbone.init=random"]
        + [f"backbone.config.{key}={value}" for key, value in TINY.items()],
    )
    result = fit(labelled, tmp_path, settings, Options(quiet=True))
    assert result["steps"] == 2
    assert result["parameters"]["lora"] == 2 * 2 * 2 * 8 * 16
    reference = next((labelled / "audio" / "references").rglob("*.flac"))
    assert deepaq.load(tmp_path).score(reference, reference).distance == 0


def test_unlabelled_data_say_what_to_run(labelled: Path, tmp_path: Path) -> None:
    shutil.copytree(labelled, tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / "labels")
    done = CliRunner().invoke(main, ["fit", str(tmp_path / "data"), "--out", str(tmp_path / "run")])
    assert done.exit_code == 2
    assert "labels rate" in done.stderr or "labels visqol" in done.stderr


def test_the_evaluation_leaves_clean_clips_out_and_needs_no_training_clip(labelled: Path) -> None:
    rows = table.load(Dataset(labelled), Data())
    part = evaluate.subset(rows, clips=2, references=3)
    assert len(set(part.clip[part.valid])) == 2
    assert (part.clean | part.valid).all()
    assert (~part.valid).sum() == 3
    perfect = evaluate.Distances(5 - part.mos, 5 - part.mos)
    found = figures.correlations(part, perfect)
    assert found["full"]["all"]["srcc"] == pytest.approx(1)
    assert found["full"]["all"]["n"] == 12


def test_the_order_of_commits_changes_nothing(labelled: Path, tmp_path: Path) -> None:
    turned = shutil.copytree(labelled, tmp_path / "turned")
    for name in ("references", "degraded"):
        sources = list(fragments(turned / name))
        held = [row for path in sources for row in pq.read_table(path, partitioning=None).to_pylist()]
        footer = read_footer(sources[0])
        for path in sources:
            path.unlink()
        schema = REFERENCES if name == "references" else DEGRADED
        write_fragment(turned / name, schema, held[::-1], footer)
    first, second = (table.load(Dataset(data), Data()) for data in (labelled, turned))
    assert first.row_id.tolist() == second.row_id.tolist()
    assert first.fingerprint() == second.fingerprint()
    assert first.fingerprint("a teacher") != first.fingerprint()


def test_a_split_of_ones_own_choice_and_codecs_that_are_there(labelled: Path) -> None:
    with pytest.raises(UserError, match=r"has no clips in the splits test; see data\.splits"):
        table.load(Dataset(labelled), Data(splits=("test",), fold="1/2"))
    with pytest.raises(UserError, match=r"has no codec MP3 .*; known here are aac, mp3, opus"):
        table.load(Dataset(labelled), Data(without_codecs=("MP3",)))


def test_distortions_alone_train(labelled: Path, tmp_path: Path) -> None:
    """Without any coded clip, as in a listening test of separated signals."""
    from prep.settings import Settings
    from prep.transcode import transcode

    music = sorted({Path(row["track_path"]) for row in Dataset(labelled).references().to_pylist()})
    settings = Settings(codecs=(), distortions="noise-1,noise-5", clip_s=2, allow_lossy=True, jobs=1, quiet=True)
    transcode(music, tmp_path / "data", settings)
    CliRunner().invoke(labels_main, ["visqol", str(tmp_path / "data"), "--jobs", "1", "-q"])
    overrides = [*FAST, "data.fold=1/2", "max_steps=2"]
    result = fit(tmp_path / "data", tmp_path / "run", recipe.load("compact", overrides), Options(quiet=True))
    assert result["steps"] == 2


def test_export_leaves_behind_what_is_not_of_the_run(labelled: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "adapter_model.safetensors").write_bytes(b"of an older run")
    options = Options(overwrite=True, cache=out / "cache", quiet=True)
    fit(labelled, out, recipe.load("compact", [*FAST, "max_steps=1"]), options)
    (out / "notes.txt").write_text("private")
    names = {path.name for path in export(out, tmp_path / "public").iterdir()}
    assert {"model.json", "model.safetensors", "README.md", "SHA256SUMS"} <= names
    assert not names & {"notes.txt", "cache", "adapter_model.safetensors", "state"}
