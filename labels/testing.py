"""Contract tests for raters and listening tests in other packages; a failure raises AssertionError with the reason.

from labels.testing import check_rater
check_rater("my-rater")
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from deepaq.audio import Samples, to_mono
from deepaq.testing import music, refusal
from labels.listening.reader import HIGHER, Reading, reader
from labels.raters.rater import Judge, Rater, Rating, rater
from manifests.schema import ANCHOR, CODED, REFERENCE

_BROKEN: dict[str, Callable[[Samples], Samples]] = {
    "silence": np.zeros_like,
    "NaN": lambda good: np.where(np.arange(good.size).reshape(good.shape) == 7, np.nan, good).astype(np.float32),
    "integers": lambda good: (good * 32767).astype(np.int16),
    "three channels": lambda good: np.full((len(good), 3), 0.1, np.float32),
    "an empty signal": lambda good: good[:0],
}


def check_rater(
    name: str, options: dict[str, str] | None = None, tolerance: float = 0.005, unrelated: bool = False
) -> None:
    """Raise AssertionError unless the rater of that name, with `options`, keeps its contract.

    A reference compared with itself gets the rater's `identity` to within `tolerance`, and more noise is worse. Values
    are finite and reproducible, also in another process, and do not touch NumPy's global random state. Signals that
    cannot be rated are refused in one line that tells which of the two it is. Without `aligned`, signals may differ in
    length. unrelated: the rater ignores the reference, so it has no identity, and only strong noise must be worse.
    """
    judge = rater(name, **(options or {}))
    assert judge.name == name, f"it calls itself {judge.name!r}"
    assert judge.scale.strip(), "it states no scale"
    assert 8_000 <= judge.sample_rate <= 48_000, f"sample_rate is {judge.sample_rate}; 8000 to 48000 Hz"
    for tool, version in judge.tools().items():
        assert isinstance(version, str), f"the version of {tool} is not text"
        assert version != "absent", f"{tool} is not installed"
    rate = judge.judge(_sound(judge))
    same, little, much = (_rated(rate, judge, noise) for noise in (0.0, 0.1, 1.0))
    _check_order(judge, same.value, little.value, much.value, tolerance, unrelated)
    _check_again(judge, little)
    for kind, damage in _BROKEN.items():
        bad = damage(_sound(judge))
        line = refusal(lambda bad=bad: judge.judge(bad), f"{kind} as the reference")  # type: ignore[misc]
        assert "reference" in line, f"{kind} as the reference is refused without saying so: {line}"
        line = refusal(lambda bad=bad: rate(bad), f"{kind} as the degraded signal")  # type: ignore[misc]
        assert "degraded" in line, f"{kind} as the degraded signal is refused without saying so: {line}"
    if judge.aligned:
        refusal(lambda: rate(_sound(judge)[:-1]), "a degraded signal of another length")
    else:
        for seconds in (1.2, 2.0):
            value = rate(_sound(judge, 0.1, seconds)).value
            assert math.isfinite(value), f"a degraded signal of {seconds:g} s gets {value}"


def _check_order(judge: Rater, same: float, little: float, much: float, tolerance: float, unrelated: bool) -> None:
    sign = 1 if judge.higher_is_better else -1
    if unrelated:
        assert judge.identity is None, "it states an identity although it does not listen to the reference"
    else:
        if judge.identity is not None:
            off = abs(same - judge.identity)
            assert off <= tolerance, f"a reference against itself gets {same:g}, its identity is {judge.identity:g}"
        assert sign * same > sign * little, f"little noise gets {little:g}, none {same:g}"
        assert sign * little > sign * much, f"much noise gets {much:g}, little {little:g}"
    assert sign * same > sign * much, f"much noise gets {much:g}, none {same:g}"


def _check_again(judge: Rater, first: Rating) -> None:
    np.random.seed(1)  # whatever the global generator has seen, and it is left as it was
    copy: Rater = pickle.loads(pickle.dumps(judge))
    again = _rated(copy.judge(_sound(copy)), copy, 0.1)
    assert math.isclose(again.value, first.value, rel_tol=1e-6, abs_tol=1e-9), (
        f"a copy of it gives {again.value:g} where it gave {first.value:g}"
    )
    assert again.extras.keys() == first.extras.keys(), "a copy of it gives other extras"
    for key, value in first.extras.items():
        assert math.isclose(again.extras[key], value, rel_tol=1e-6, abs_tol=1e-9), f"a copy of it gives another {key}"
    untouched = np.random.random_sample() == np.random.RandomState(1).random_sample()
    assert untouched, "it draws from NumPy's global random generator"


def _rated(rate: Judge, judge: Rater, noise: float) -> Rating:
    rating = rate(_sound(judge, noise))
    assert isinstance(rating.value, float), f"its value is {type(rating.value).__name__}, not float"
    for key, value in {"its value": rating.value, **rating.extras}.items():
        assert math.isfinite(value), f"{key} is {value}"
    return rating


def _sound(judge: Rater, noise: float = 0.0, seconds: float = 1.5) -> Samples:
    """Notes that swell and fade like syllables, in the shape that the rater takes, with this share of noise."""
    clean = music(seconds, 4, judge.sample_rate)
    clean *= np.sin(np.pi * 3 * np.arange(len(clean)) / judge.sample_rate)[:, None] ** 2
    level = np.sqrt(np.mean(clean**2))
    dirty: Samples = (clean + noise * level * np.random.default_rng(0).standard_normal(clean.shape)).astype(np.float32)
    return to_mono(dirty) if judge.channels == 1 else dirty


def check_listening_test(name: str, path: Path, listeners: Iterable[str | None]) -> Reading:
    """Raise AssertionError unless the listening-test format of that name keeps its contract; returns the reading.

    path: a small test in this format, without faults, whose quality falls from the hidden reference to the anchor.
    listeners: the names of its listeners, {None} if the format holds only their mean. Title, scale, licence and
    citation must be stated; every stimulus needs a known role and existing files, or a reason for their absence;
    ratings must be on the scale; another folder must be refused in one line.
    """
    test = reader(name)
    reading = test.read(path)
    about = test.describe()
    for key in ("name", "title", "scale", "licence", "citation"):
        assert str(about[key]).strip(), f"it states no {key}"
    assert test.lowest < test.highest, f"its scale is {test.lowest:g} to {test.highest:g}"
    assert reading.problems == [], f"it reports problems: {reading.problems}"
    for (item, condition), stimulus in reading.stimuli.items():
        what = f"{condition} of {item}"
        assert stimulus.role in (REFERENCE, ANCHOR, CODED), f"{what}: has the role {stimulus.role!r}"
        assert stimulus.reference is not None, f"{what}: has no reference"
        assert stimulus.reference.is_file(), f"{what}: {stimulus.reference} is not there"
        reason = stimulus.absent is not None
        assert (stimulus.degraded is None) == reason, f"{what}: needs a file, or `absent` saying why there is none"
        assert stimulus.degraded is None or stimulus.degraded.is_file(), f"{what}: {stimulus.degraded} is not there"
        hidden = stimulus.degraded == stimulus.reference
        assert hidden == (stimulus.role == REFERENCE), f"{what}: only the hidden reference is the reference's own file"
    found = {rating.listener for rating in reading.ratings.values()}
    assert found == set(listeners), f"its listeners are {found}"
    by_role: dict[str, list[float]] = {}
    for (item, condition, _), rating in reading.ratings.items():
        assert rating.value is not None, f"{condition} of {item}: {rating.error}"
        inside = test.lowest <= rating.value <= test.highest
        assert inside, f"{condition} of {item}: {rating.value:g} is not on the scale"
        by_role.setdefault(reading.stimuli[item, condition].role, []).append(rating.value)
    means = {role: sum(values) / len(values) for role, values in by_role.items()}
    best, worst = (test.highest, test.lowest) if test.better == HIGHER else (test.lowest, test.highest)
    sign = 1 if test.better == HIGHER else -1
    falling = sign * means.get(REFERENCE, best) > sign * means[CODED] > sign * means.get(ANCHOR, worst)
    assert falling, f"quality does not fall from the hidden reference to the anchor: {means}"
    with TemporaryDirectory() as folder:
        (Path(folder) / "notes.txt").write_bytes(b"nothing here")
        line = refusal(lambda: reader(name).read(Path(folder)), "a folder that holds no such test")
        assert folder in line, f"a folder that holds no such test is refused without naming it: {line}"
    return reading
