"""Batches: how they are drawn, cut and read."""

from __future__ import annotations

from collections import Counter
from itertools import chain, islice

import numpy as np
import pytest
import torch

from deepaq.errors import UserError
from tests.training.objective.test_objective import table
from training.data.store import Store
from training.data.table import Table
from training.loop.sampler import Sampler
from training.loop.sampler import sampler as build
from training.settings import Data

ITEMS = 30


class Levels:
    """In place of the cache: which items of which rows can be heard. rate: as many samples as items."""

    rate = 1

    def __init__(self, silent: tuple[int, ...] = (), from_item: int = 0) -> None:
        self.silent, self.from_item = silent, from_item

    def audible(self, row: int, start: int, items: int, threshold: float) -> bool:
        return row not in self.silent or start + items <= self.from_item


def sampler(rows: Table, data: Data, items: int = 10, seed: int = 0, levels: Levels | None = None) -> Sampler:
    """Make a sampler of fronts that say which row and which item they are."""
    time = torch.arange(ITEMS, dtype=torch.float32)[:, None]
    fronts = [torch.cat([torch.full_like(time, row), time], dim=1) for row in range(len(rows))]
    return build(Store(rows, levels or Levels(), 1.0, fronts), data, items, seed)  # type: ignore[arg-type]


def test_a_batch_holds_clips_with_their_clean_version_first_cut_alike() -> None:
    rows = table()
    source = sampler(rows, Data(clips=2, versions=4))
    cut = source.draw(0)
    fronts = source.read(cut)
    assert fronts.shape == (8, 10, 2)
    assert np.array_equal(fronts[:, 0, 0].numpy(), cut.rows)
    assert np.array_equal(fronts[:, 0, 1].numpy(), cut.starts)
    assert rows.clean[cut.rows].tolist() == [True, False, False, False] * 2
    assert cut.clips.tolist() == [0] * 4 + [1] * 4
    for clip in (0, 1):
        own = slice(4 * clip, 4 * clip + 4)
        assert len(set(rows.clip[cut.rows[own]])) == len(set(cut.starts[own])) == 1
        assert len(set(cut.rows[own])) == 4


def test_an_epoch_meets_every_clip_once_and_the_next_in_another_order() -> None:
    rows = table(clips=6)
    source = sampler(rows, Data(clips=2, versions=3))
    assert source.size.steps == 3
    epochs = [[rows.clip[source.draw(3 * epoch + step).rows[::3]].tolist() for step in range(3)] for epoch in range(4)]
    assert all(sorted(chain.from_iterable(epoch)) == list(range(6)) for epoch in epochs)
    assert len({str(epoch) for epoch in epochs}) > 1


def test_codecs_and_bitrates_come_equally_often() -> None:
    rows = table(clips=4, bitrates=(16, 32, 64, 96))
    source = sampler(rows, Data(clips=4, versions=4))
    drawn = np.concatenate([source.draw(step).rows for step in range(300)])
    drawn = drawn[~rows.clean[drawn]]
    codecs = Counter(rows.codec[drawn].tolist())
    assert set(codecs) == {"opus", "mp3", ""}
    assert max(codecs.values()) == min(codecs.values())  # three kinds, three degraded files
    bitrates = Counter(rows.bitrate[drawn[rows.codec[drawn] == "opus"]].tolist())
    assert max(bitrates.values()) < 1.2 * min(bitrates.values())


def test_a_batch_depends_on_seed_and_number_alone() -> None:
    rows = table(clips=5)
    data = Data(clips=2, versions=3)
    later = [source.draw(7) for source in (sampler(rows, data), sampler(rows, data))]
    assert np.array_equal(later[0].rows, later[1].rows)
    assert np.array_equal(later[0].starts, later[1].starts)
    assert not np.array_equal(later[0].rows, sampler(rows, data, seed=1).draw(7).rows)
    streamed = list(islice(sampler(rows, data).stream(5), 3))
    assert np.array_equal(streamed[2][0].rows, later[0].rows)


def test_processes_share_the_segments_of_a_batch() -> None:
    source = sampler(table(clips=4), Data(clips=4, versions=3))
    whole = next(source.stream(2))[1]
    parts = [next(source.stream(2, slice(start, start + 4)))[1] for start in (0, 4, 8)]
    assert torch.equal(torch.cat(parts), whole)


def test_silent_segments_do_not_come() -> None:
    rows = table(clips=3)
    faint = int(np.flatnonzero(rows.clip == 1)[2])
    mute = tuple(np.flatnonzero(rows.clip == 2).tolist())
    source = sampler(rows, Data(clips=3, versions=6), levels=Levels((faint, *mute), from_item=14))
    for step in range(20):
        cut = source.draw(step)
        for row, start in zip(cut.rows.tolist(), cut.starts.tolist(), strict=True):
            assert row not in (faint, *mute) or start + 10 <= 14


def test_a_clip_that_is_silent_everywhere_gives_way_to_another() -> None:
    rows = table(clips=2)
    mute = tuple(np.flatnonzero(rows.clip == 0).tolist())
    source = sampler(rows, Data(clips=2, versions=3), levels=Levels(mute))
    cut = source.draw(0)
    assert set(rows.clip[cut.rows]) == {1}
    assert cut.clips.tolist() == [0, 0, 0, 1, 1, 1]  # twice the same clip, but not the same segment
    with pytest.raises(UserError, match="hardly any training clip has an audible segment"):
        sampler(rows, Data(clips=2, versions=3), levels=Levels(tuple(range(len(rows))))).draw(0)


def test_too_short_clips_and_too_few_versions() -> None:
    rows = table()
    with pytest.raises(UserError, match=r"no training clip is 4 s long and has 2 files .*; lower data.segment_s"):
        sampler(rows, Data(), items=31)
    few = rows.take((rows.clip == 0) | (rows.codec != "mp3"))
    scarce = sampler(few, Data(clips=4, versions=5))
    cut = scarce.draw(0)
    assert len(scarce.clips) == 4
    assert len(set(few.clip[cut.rows])) == 4  # all of them, though only one has that many
    for rows_of_clip in np.split(cut.rows, 4):
        versions = rows_of_clip[~few.clean[rows_of_clip]]
        assert len(versions) == 4
        assert len(set(versions)) == (4 if few.clip[versions[0]] == 0 else 3)
    assert sampler(few, Data(clips=1, versions=99)).size.degraded == 5


def test_whole_clips_are_coded_ones_and_clean_ones() -> None:
    rows = table()
    chosen = sampler(rows, Data(rows=6)).whole_clips(0)
    assert len(chosen) == 6 + 4
    assert rows.coded[chosen[:6]].all()
    assert rows.clean[chosen[6:]].all()
    every = sampler(rows, Data(rows=198, rows_distorted=0.5)).whole_clips(0)
    assert len(set(every.tolist())) == len(rows)
    mixed = sampler(rows, Data(rows=8, rows_distorted=0.25)).whole_clips(0)
    assert rows.coded[mixed[:6]].all()
    assert not (rows.coded | rows.clean)[mixed[6:8]].any()


def test_shuffled_batches_go_once_through_all_files_each_cut_at_its_own_place() -> None:
    rows = table(clips=4)  # 24 files
    source = sampler(rows, Data(batch="shuffled", clips=2, versions=4))
    assert (source.size.rows, source.size.steps) == (8, 3)
    cuts = [source.draw(step) for step in range(3)]
    assert sorted(np.concatenate([cut.rows for cut in cuts]).tolist()) == list(range(24))
    assert all(len(set(cut.starts.tolist())) > 2 for cut in cuts)
    for cut in cuts:
        assert len(set(cut.clips.tolist())) == len(set(rows.clip[cut.rows].tolist()))
    fronts = source.read(cuts[0])
    assert np.array_equal(fronts[:, 0, 0].numpy(), cuts[0].rows)
    assert np.array_equal(fronts[:, 0, 1].numpy(), cuts[0].starts)


def test_shuffled_batches_hold_no_silence_and_follow_from_seed_and_number() -> None:
    rows = table(clips=3)
    mute = tuple(np.flatnonzero(rows.clip == 2).tolist())
    data = Data(batch="shuffled", clips=2, versions=3)
    source = sampler(rows, data, levels=Levels(mute))
    drawn = np.concatenate([source.draw(step).rows for step in range(9)])
    assert set(rows.clip[drawn].tolist()) == {0, 1}
    again = sampler(rows, data, levels=Levels(mute)).draw(4)
    assert np.array_equal(again.rows, source.draw(4).rows)
    assert np.array_equal(again.starts, source.draw(4).starts)
