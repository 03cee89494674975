"""Decoded audio: what is in the cache is what is in the files, and nothing half-written is ever taken for done."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from deepaq.audio import Samples, fit, read, resample, to_mid_side, to_mono
from deepaq.backbones.backbone import BACKBONES
from deepaq.errors import UserError
from deepaq.files import PARTIAL, partial_prefix
from manifests.dataset import Dataset
from tests.sounds import music
from training import recipe
from training.data import cache, decode, table
from training.data.cache import Cache, Form
from training.data.table import Table
from training.settings import Data

RATE = 16_000
MONO, STEREO = Form(RATE), Form(RATE, 2)


@pytest.fixture(scope="module")
def rows(labelled: Path) -> Table:
    return table.load(Dataset(labelled), Data())


def filled(labelled: Path, rows: Table, folder: Path, workers: int = 1, form: Form = MONO) -> Cache:
    decode.fill(Dataset(labelled), {form: rows}, folder, workers, quiet=True)
    return Cache.of(rows, form, folder)


def written(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.pcm")}


@pytest.mark.parametrize(("form", "mixed"), [(MONO, to_mono), (STEREO, to_mid_side)])
def test_holds_every_version_to_16_bits(
    labelled: Path, rows: Table, tmp_path: Path, form: Form, mixed: Callable[[Samples], Samples]
) -> None:
    found = filled(labelled, rows, tmp_path, form=form)
    for row in range(0, len(rows), 5):
        audio = read(labelled / str(rows.path[row]))
        wanted = resample(mixed(audio.samples), audio.sample_rate, RATE)
        wanted = fit(wanted, round(float(rows.seconds[row]) * RATE))
        assert found.frames(row) == len(wanted)
        assert np.abs(found.samples(row) - wanted).max() <= 0.51 * np.abs(wanted).max() / 32767
        assert np.array_equal(found.samples(row, 1000, 500), found.samples(row)[1000:1500])


@pytest.mark.parametrize("form", [MONO, STEREO])
def test_the_predicted_size_is_the_size_on_disk(labelled: Path, rows: Table, tmp_path: Path, form: Form) -> None:
    filled(labelled, rows, tmp_path, form=form)
    used = sum(path.stat().st_size for path in tmp_path.rglob("*.pcm"))
    assert used == sum(form.size(count) for count in cache.frames_of(rows, form).tolist())


def test_a_full_disk_is_noticed_before_anything_is_written(
    labelled: Path, rows: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 10**6, 10**6))
    with pytest.raises(UserError, match=r"would take 0.00 GB, 0.00 GB are free; .*--cache"):
        filled(labelled, rows, tmp_path)
    assert not written(tmp_path)


def test_torn_and_foreign_files_are_made_again_and_only_those(labelled: Path, rows: Table, tmp_path: Path) -> None:
    filled(labelled, rows, tmp_path, workers=2)
    before = written(tmp_path)
    torn, foreign, missing, *kept = before
    content = torn.read_bytes()
    torn.write_bytes(content[: len(content) // 2])
    foreign.write_bytes(bytes(7))
    missing.unlink()
    left_over = torn.with_name(partial_prefix().replace(f"-{os.getpid()}-", "-999999999-") + "x.pcm")
    left_over.write_bytes(b"of a dead process")
    found = filled(labelled, rows, tmp_path)
    after = written(tmp_path)
    assert set(after) == set(before)
    assert all(after[path] == before[path] for path in kept)
    assert torn.read_bytes() == content
    assert not list(tmp_path.rglob(f"{PARTIAL}*"))
    assert np.isfinite(found.samples(len(rows) - 1)).all()


def test_further_rows_decode_only_their_own_files(labelled: Path, rows: Table, tmp_path: Path) -> None:
    some = np.flatnonzero(rows.clean | (rows.codec == "mp3"))
    part = filled(labelled, rows.take(some), tmp_path)
    before = written(tmp_path)
    assert len(before) == len(some)
    whole = filled(labelled, rows, tmp_path)
    after = written(tmp_path)
    assert len(after) == len(rows)
    assert all(after[path] == changed for path, changed in before.items())
    for place, row in enumerate(some.tolist()):
        assert np.array_equal(part.samples(place), whole.samples(row))


def test_every_rate_has_files_of_its_own(labelled: Path, rows: Table, tmp_path: Path) -> None:
    filled(labelled, rows, tmp_path)
    filled(labelled, rows, tmp_path, form=Form(24_000))
    assert {path.parents[1].name for path in written(tmp_path)} == {"16000", "24000"}
    assert not any(Cache.of(rows, STEREO, tmp_path).present)


def test_all_recipes_of_the_paper_share_one_cache_at_24_khz_and_one_at_16() -> None:
    """Settings of a run, such as its share of the data, are not part of a file's name; see the test above."""
    papers = [recipe.load(name) for name in recipe.names() if name not in ("compact", "packaged", "unreferenced")]
    kinds = [BACKBONES[found.backbone_name] for found in papers]
    assert {Form(kind.sample_rate, kind.channels) for kind in kinds} == {Form(24_000), Form(16_000)}
    assert len(papers) >= 17


@pytest.mark.parametrize("harm", ["changed", "missing"])
def test_a_file_that_is_not_what_the_manifest_says_is_named(labelled: Path, tmp_path: Path, harm: str) -> None:
    data = tmp_path / "data"
    shutil.copytree(labelled, data)
    rows = table.load(Dataset(data), Data())
    path = data / str(rows.path[-1])
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=rf"{path.name}: (is missing|differs from its checksum).*\(1 files"):
        filled(data, rows, tmp_path / "cache")
    assert len(written(tmp_path / "cache")) == len(rows) - 1  # all others are done


def held(folder: Path, form: Form, samples: Samples) -> Cache:
    """Return a cache of one row with these samples."""
    path = cache.file_of(folder, form, "aa")
    path.parent.mkdir(parents=True)
    path.write_bytes(cache.encoded(form, samples))
    return Cache(folder, form, ["aa"], np.array([len(samples)]))


def test_silence_is_found_without_reading(tmp_path: Path) -> None:
    """Two seconds: sound, then digital silence from 1.2 s on."""
    rng = np.random.default_rng(0)
    samples = np.where(np.arange(2 * RATE) < 1.2 * RATE, 0.1 * rng.standard_normal(2 * RATE), 0).astype(np.float32)
    found = held(tmp_path, MONO, samples)
    audible = {start: found.audible(0, round(start * RATE), RATE, 1e-7) for start in (0.0, 0.2, 0.6, 1.0)}
    assert audible == {0.0: True, 0.2: True, 0.6: True, 1.0: False}


def test_a_pause_that_fills_half_a_segment_is_seen(tmp_path: Path) -> None:
    """Whatever the cut's place between the blocks: a network refuses a half that is silent or constant."""
    sound = music(6, 1, rate=24_000, channels=1)
    sound[60_000:110_000] = 0.01
    found = held(tmp_path, Form(24_000), sound[:, 0])
    for start in range(0, 48_000, 700):
        cut = sound[start : start + 96_000, 0]
        heard = min(np.var(cut[:48_000]), np.var(cut[48_000:])) >= 1e-7
        if found.audible(0, start, 96_000, 2e-7):
            assert heard
    assert not found.audible(0, 12_600, 96_000, 2e-7)
    assert found.audible(0, 0, 96_000, 2e-7) == (np.var(sound[48_000:96_000]) > 2e-7)
