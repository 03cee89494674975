"""Explanations: known damage is named, shares sum to the score, words and pictures of any pair."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import deepaq
from deepaq.audio import Samples, resample
from deepaq.core.filterbank import erb_rate
from deepaq.errors import UserError
from deepaq.explanation.explanation import Explanation
from deepaq.explanation.kinds import KINDS
from deepaq.explanation.picture import draw
from prep.synth import SAMPLE_RATE, compose
from tests.bench.explain import DAMAGES, damaged, right

RATE = 48_000


@cache
def clip() -> Samples:
    """10 s with attacks, stereo at 48 kHz; developed on, and no part of the reported figures."""
    return resample(compose(1, 10.0, 1), SAMPLE_RATE, RATE)


@cache
def explained(name: str) -> tuple[Explanation, int]:
    made = damaged(clip(), DAMAGES[name], seed=0)
    assert made is not None
    return deepaq.explain(clip(), made[0], sample_rate=RATE), made[1]


@pytest.mark.parametrize("name", DAMAGES)
def test_known_damage_is_named(name: str) -> None:
    found, second = explained(name)
    kind, when, where = right(found, DAMAGES[name], second)
    assert kind, found.kinds
    assert when, found.worst
    assert where in (True, None), found.thirds


def test_shares_sum_to_the_square_of_the_score() -> None:
    noisy = clip() + np.float32(0.01) * np.random.default_rng(0).standard_normal(clip().shape).astype(np.float32)
    found = deepaq.explain(clip(), noisy, sample_rate=RATE)
    score = deepaq.load().score(clip(), noisy, sample_rate=RATE)
    assert found.score == score
    assert found.cells.shape == (len(KINDS), len(found.time_s), len(found.band_hz))
    assert (found.cells >= 0).all()
    for shares in (found.kinds, found.thirds):
        assert sum(shares.values()) == pytest.approx(1)
    total = score.distance**2 * score.seconds
    wanted = [segment.distance**2 * segment.seconds / total for segment in score.segments]
    assert len(wanted) == 10
    assert found.to_json()["shares_by_second"] == pytest.approx(wanted, rel=1e-3)


def test_without_a_kind_the_mos_is_that_of_what_is_left() -> None:
    found, _ = explained("noise")
    mos = found.score.mos
    assert mos is not None
    assert all(mos - 1e-6 <= without <= 4.733 for without in found.mos_without.values() if without is not None)
    assert found.mos_without["added"] == max(found.mos_without.values())
    assert found.mos_without["level"] == pytest.approx(mos, abs=1e-4)


def test_sentences_name_kind_place_and_time() -> None:
    found, second = explained("noise")
    what, when, rest = found.sentences
    assert what.startswith("Most of the difference (")
    assert " is added energy between " in what
    assert f"between {second}.0 and {second + 1}.0 s" in when
    assert rest.startswith(("The rest is ", "No other kind"))
    assert " is lost bandwidth above " in explained("low-pass")[0].sentences[0]
    assert " is a changed level above " in explained("gain of -6 dB")[0].sentences[0]  # nothing sounds below


def test_bands_are_even_on_the_erb_scale() -> None:
    rates = [erb_rate(hz) for hz in explained("noise")[0].band_hz]
    assert np.diff(rates) == pytest.approx((erb_rate(20_000) - erb_rate(50)) / 63)


def test_damage_that_lasts_is_spread_over_time() -> None:
    steady = np.random.default_rng(1).normal(0, 0.1, (10 * RATE, 2)).astype(np.float32)
    noise = np.random.default_rng(2).normal(0, 0.05, steady.shape).astype(np.float32)
    assert deepaq.explain(steady, steady + noise, sample_rate=RATE).sentences[1].startswith("It is spread over time")


@pytest.mark.parametrize("kind", ["equal", "mono", "short", "silent", "late", "pause"])
def test_any_pair_can_be_explained_and_drawn(kind: str) -> None:
    sound = clip()[: 3 * RATE]
    noise = np.float32(0.01) * np.random.default_rng(0).standard_normal(sound.shape).astype(np.float32)
    gap = np.zeros((RATE, 2), np.float32)
    pairs = {
        "equal": (sound, sound),
        "mono": (sound[:, :1], sound[:, :1] + noise[:, :1]),
        "short": (sound[: RATE // 3], (sound + noise)[: RATE // 3]),
        "silent": (sound, 0 * sound),
        "late": (sound, np.concatenate([0.001 * noise[:4800], sound + noise])),
        "pause": (np.concatenate([sound, gap, sound]), np.concatenate([sound + noise, gap, sound])),
    }
    found = deepaq.explain(*pairs[kind], sample_rate=RATE)
    assert len(found.sentences) == (1 if kind == "equal" else 3)
    assert found.cells.sum() == pytest.approx(0 if kind == "equal" else 1)
    assert (found.kinds["image"] == 0) or kind not in ("mono", "equal")
    if kind == "silent":
        assert found.first == "missing"
    if kind == "pause":
        over_time = found.to_json()["shares_by_second"]
        assert sum(over_time[:3]) > 0.99
    draw(found, "name $of$ a file").canvas.draw()


def test_a_network_has_no_parts() -> None:
    with pytest.raises(UserError, match=r"network compact has no parts .* `deepaq score --timeline`"):
        deepaq.explain(clip(), clip(), metric=deepaq.load("compact-2026a"), sample_rate=RATE)
