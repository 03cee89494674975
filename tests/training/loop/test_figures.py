"""Figures of an evaluation: what they rest on, their intervals, and which clips are held out for them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from tests.training.objective.test_objective import table
from training.data.table import Table
from training.loop import evaluate, figures
from training.loop.evaluate import Distances
from training.results.printed import basis, remarks, spread
from training.settings import Evaluation


def held(tracks: int, clips: int = 2) -> Table:
    """`tracks` held-out tracks of several clips, beside one track to train on."""
    rows = table(clips=(tracks + 1) * clips)
    rows.track[:] = rows.clip // clips
    rows.valid[rows.track > 0] = True
    return rows


def simulated(tracks: int, rng: np.random.Generator) -> tuple[list[float] | None, np.ndarray]:
    """Interval of a correlation to which every track adds a shift of its own, and one large sample's values."""
    track = np.repeat(np.arange(tracks), 12)
    quality, shift = rng.normal(size=len(track)), rng.normal(size=tracks)[track]
    distance = -quality + 0.7 * shift + 0.7 * rng.normal(size=len(track))
    return figures.interval(distance, quality, track), distance


@pytest.mark.parametrize("tracks", [6, 12, 30])
def test_intervals_cover_the_true_correlation(tracks: int) -> None:
    """95 % nominal; the rows of a track share a shift, so that intervals over rows would be far too narrow."""
    rng = np.random.default_rng(tracks)
    big = rng.normal(size=(3, 400_000))
    truth = spearmanr(big[0], big[0] + 0.7 * big[1] + 0.7 * big[2]).statistic
    hits = 0
    for _ in range(200):
        found, _ = simulated(tracks, rng)
        assert found is not None
        hits += found[0] <= truth <= found[1]
    assert 0.9 <= hits / 200 <= 0.99


def test_fewer_than_five_tracks_have_no_interval() -> None:
    assert simulated(4, np.random.default_rng(0))[0] is None
    assert simulated(5, np.random.default_rng(0))[0] is not None
    assert figures.interval(np.zeros(60), np.arange(60.0), np.repeat(np.arange(5), 12)) is None


def test_figures_name_the_rows_clips_and_tracks_behind_them() -> None:
    rows = held(tracks=5)
    noise = np.random.default_rng(0).normal(0, 0.5, len(rows))
    found = figures.correlations(rows, Distances(5 - rows.mos + noise, 5 - rows.mos))
    figure = found["full"]["all"]
    assert (figure["n"], figure["clips"], figure["tracks"]) == (50, 10, 5)
    assert figure["srcc_interval"][0] < figure["srcc"] < figure["srcc_interval"][1]
    assert basis(figure) == "50 degraded files of 10 clips from 5 tracks"
    assert spread(figure).startswith("[0.")
    assert found["full"]["opus"]["n"] == 20


def test_remarks_warn_of_few_tracks_and_of_plain_distances_that_do_better() -> None:
    rows = held(tracks=1, clips=1)
    noise = np.random.default_rng(0).normal(0, 1.0, len(rows))
    poor = figures.correlations(rows, Distances(5 - rows.mos + noise, 5 - rows.mos))
    good = figures.correlations(rows, Distances(5 - rows.mos, 5 - rows.mos))
    lines = remarks({"trained": poor, "untrained": poor, "log-mel": good})
    assert len(lines) == 2
    assert lines[0].startswith("warning: only 1 track is held out")
    assert lines[1].startswith(
        "full reference: the plain distance log-mel beats the trained network (SRCC 1.000 against"
    )
    assert spread(poor["full"]["all"]) == "none, fewer than 5 tracks"
    rows = held(tracks=6)
    many = figures.correlations(rows, Distances(5 - rows.mos, 5 - rows.mos))
    assert remarks({"trained": many, "untrained": many}) == []


def test_tracks_that_choose_the_epoch_are_not_those_that_are_reported() -> None:
    rows = held(tracks=40)
    found = evaluate.held_out(rows, Evaluation(report=0.5, references=2))
    choose, report = (set(rows.track[part & rows.valid].tolist()) for part in (found.choose, found.report))
    assert choose | report == set(range(1, 41))
    assert not choose & report
    assert 10 < len(report) < 30
    assert np.array_equal(found.choose & ~rows.valid, found.report & ~rows.valid)
    more = held(tracks=50)
    again = evaluate.held_out(more, Evaluation(report=0.5))
    assert report <= set(more.track[again.report & more.valid].tolist())  # further music moves no track


def test_two_tracks_are_shared_out_and_one_serves_for_both(capsys: pytest.CaptureFixture[str]) -> None:
    rows = held(tracks=2)
    found = evaluate.held_out(rows, Evaluation(report=0.01))
    assert {len(set(rows.track[part & rows.valid].tolist())) for part in (found.choose, found.report)} == {1}
    rows = held(tracks=1)
    found = evaluate.held_out(rows, Evaluation(report=0.5))
    assert np.array_equal(found.choose, found.report)
    assert "one held-out track" in capsys.readouterr().err


def test_a_sample_of_clips_is_drawn_in_proportion_to_the_tracks() -> None:
    rows = held(tracks=10, clips=6)
    found = evaluate.held_out(rows, Evaluation(report=0.5, clips=10, references=1))
    for part in (found.choose, found.report):
        clips = {int(clip): int(track) for clip, track in zip(rows.clip[part], rows.track[part], strict=True)}
        drawn = [track for track in clips.values() if track]
        tracks = len(set(drawn))
        assert len(drawn) == 10
        assert max(drawn.count(track) for track in drawn) <= -(-10 // tracks) + 1
