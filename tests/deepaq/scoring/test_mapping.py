"""Curves from distance to MOS: monotone, through the top, stored and found again."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepaq.errors import UserError
from deepaq.scoring.mapping import FITS, MosMapping, from_json

TOP = 4.732


def pairs(seed: int = 0, n: int = 120, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Distances, and the MOS of a falling curve with a shoulder."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.gamma(2, 2, n))
    return x, np.clip(1 + (TOP - 1) / (1 + (x / 3) ** 2.5) + noise * rng.standard_normal(n), 1, 5)


def assert_monotone_through_the_top(mapping: MosMapping, reach: float) -> None:
    grid = np.linspace(0, 3 * reach, 500)
    values = mapping(grid)
    assert mapping(0.0) == pytest.approx(TOP)
    assert (np.diff(values) <= 1e-12).all()
    assert values.min() >= 1 - 1e-12


@pytest.mark.parametrize("kind", FITS)
def test_follows_the_data(kind: str) -> None:
    x, y = pairs()
    mapping = FITS[kind](x, y, TOP)
    assert_monotone_through_the_top(mapping, float(x.max()))
    assert np.sqrt(np.mean((mapping(x) - y) ** 2)) < 0.3 * y.std()


@pytest.mark.parametrize("kind", FITS)
@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e3), st.floats(1, 5)), min_size=3, max_size=12))
def test_stays_monotone_whatever_the_data(kind: str, found: list[tuple[float, float]]) -> None:
    x, y = np.array(found).T
    assert_monotone_through_the_top(FITS[kind](x, y, TOP), float(x.max()))


@pytest.mark.parametrize("kind", FITS)
def test_the_unit_of_the_distance_does_not_matter(kind: str) -> None:
    x, y = pairs(1)
    small, large = FITS[kind](x, y, TOP), FITS[kind](1e4 * x, y, TOP)
    assert large(1e4 * x) == pytest.approx(small(x), abs=1e-4)


@pytest.mark.parametrize("kind", FITS)
@pytest.mark.parametrize("n", [8, 120, 600])
def test_rounding_errors_do_not_change_the_curve(kind: str, n: int) -> None:
    x, y = pairs(3, n)
    wobble = 1 + 1e-12 * np.random.default_rng(0).standard_normal(n)
    assert FITS[kind](x * wobble, y, TOP)(x) == pytest.approx(FITS[kind](x, y, TOP)(x), abs=1e-4)


def test_a_perceptron_of_earlier_runs_maps_as_before() -> None:
    weights = [[[-0.5, -2.0]], [[1.0, 0.3], [0.2, 0.7]], [[1.5], [0.4]]]
    stored = {"kind": "mlp", "top": TOP, "scale": 2.0, "weights": weights, "biases": [[1.0, 2.0], [0.1, -0.2], [-1.0]]}
    assert from_json(stored)([0.0, 1.0, 5.0]) == pytest.approx([TOP, 4.03916427, 2.29319335], abs=1e-6)


@pytest.mark.parametrize("kind", FITS)
def test_is_found_again_in_json(kind: str) -> None:
    x, y = pairs(2)
    mapping = FITS[kind](x, y, TOP)
    again = from_json(json.loads(json.dumps(mapping.to_json())))
    assert np.array_equal(again(x), mapping(x))
    assert again(x.reshape(2, -1)).shape == (2, 60)


def test_a_cubic_finds_a_cubic() -> None:
    x = np.linspace(0, 4, 50)
    y = TOP - 0.9 * x + 0.2 * x**2 - 0.02 * x**3
    assert FITS["cubic"](x, y, TOP)(x) == pytest.approx(y, abs=1e-4)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UserError, match="known are exponential, cubic, mlp"):
        from_json({"kind": "spline"})
