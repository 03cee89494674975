"""The core: what changes its distance, what does not, and that NumPy and torch give the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import deepaq
from deepaq.audio import Samples, resample, to_mid_side
from deepaq.core.core import Core, pooled
from deepaq.core.spectrum import IMAGE_EVERY, powers
from deepaq.core.tracks import decibels, level, structure
from prep.distortions import distort
from prep.synth import SAMPLE_RATE, compose

RATE = 48_000
Change = Callable[[Samples], Samples]


@pytest.fixture(scope="module")
def music() -> Samples:
    """Stereo at 48 kHz, 4 s."""
    return resample(compose(11, 4.0), SAMPLE_RATE, RATE)


@pytest.fixture(scope="module")
def core() -> Core:
    found = deepaq.load().backbone
    assert isinstance(found, Core)
    return found


def compared(core: Core, reference: Samples, degraded: Samples) -> float:
    """Distance of stereo signals without alignment or levelling."""
    return float(pooled(core.compare(to_mid_side(reference), to_mid_side(degraded)).distance))


def mos(reference: Samples, degraded: Samples) -> float:
    found = deepaq.load().score(reference, degraded, sample_rate=RATE).mos
    assert found is not None
    return found


def test_powers_of_noise_are_those_of_the_filters() -> None:
    """The band powers of white noise follow from the bandwidths of the filters: the integral of their responses."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(20 * RATE).astype(np.float32)
    centres = (10 ** (np.linspace(*(21.4 * np.log10(0.00437 * np.array([50, 20_000]) + 1)), 64) / 21.4) - 1) / 0.00437
    widths = 1.019 * 24.7 * (0.00437 * centres + 1)
    # The integral over frequency of (1 + (f / w)^2)^-4 is w * 5 pi / 16.
    wanted = 0.01 * widths * 5 * np.pi / 16 / (RATE / 2)
    assert powers(noise).mid.mean(axis=0)[8:52] == pytest.approx(wanted[8:52], rel=0.07)


def test_level_is_the_mean_difference_in_decibels() -> None:
    power = np.full((5, 64), 1e-3)
    assert level(power, 4 * power) == pytest.approx(10 * np.log10(4), abs=1e-4)
    assert level(power, np.zeros_like(power)) == pytest.approx(60, abs=1e-4)  # down to the floor at -90 dBFS


def test_structure_is_the_distance_of_normalised_neighbourhoods() -> None:
    """Equal to a transcription of NSIM's structure, neighbourhood by neighbourhood."""
    first, second = 10 ** np.random.default_rng(1).uniform(-8, -1, (2, 6, 64))
    weights = np.array([[np.exp(-2 * (i * i + j * j)) for j in (-1, 0, 1)] for i in (-1, 0, 1)])
    weights /= weights.sum()

    def points(power: np.ndarray) -> np.ndarray:
        cells = np.pad(10 * np.log10((power[:, ::2] + power[:, 1::2]) / 1e-9), 1, mode="edge")
        found = np.empty((6, 32, 9))
        for step in range(6):
            for band in range(32):
                near = cells[step : step + 3, band : band + 3]
                apart = near - (weights * near).sum()
                scale = np.sqrt((weights * apart**2).sum() + 0.04**2)
                found[step, band] = (apart * np.sqrt(weights) / scale).ravel()
        return found

    wanted = np.sqrt(((points(first) - points(second)) ** 2).sum(axis=2).mean(axis=1))
    assert structure(first, second) == pytest.approx(wanted, abs=2e-6)


def test_the_sides_power_and_cross_power_make_left_and_right(music: Samples) -> None:
    mid, side = to_mid_side(music).T
    found = powers(np.ascontiguousarray(mid), np.ascontiguousarray(side))
    for sign, channel in ((1, music[:, 0]), (-1, music[:, 1])):
        made = found.mid[::IMAGE_EVERY] + found.side + sign * 2 * found.cross
        wanted = powers(np.ascontiguousarray(channel)).mid[::IMAGE_EVERY]
        assert decibels(np.clip(made, 0, None)) == pytest.approx(decibels(wanted), abs=0.05)


def test_tracks_add_up_to_the_distance(core: Core, music: Samples) -> None:
    found = core.compare(to_mid_side(music), to_mid_side(distort(music, RATE, "noise", 3, seed=0)))
    assert sum(found.tracks.values()) == pytest.approx(found.distance)
    assert set(found.tracks) == {"structure", "level", "image"}
    score = deepaq.load().score(music, distort(music, RATE, "narrowing", 3, seed=0), sample_rate=RATE)
    assert sum(score.tracks.values()) == pytest.approx(score.distance)
    assert score.tracks["image"] > 0.9 * score.distance


def test_torch_gives_the_same_distance_and_a_gradient(core: Core, music: Samples) -> None:
    # A score leaves out what is silent in both signals; here nothing is.
    music = music + np.float32(0.002) * np.random.default_rng(0).standard_normal(music.shape).astype(np.float32)
    pairs = [(music, distort(music, RATE, name, 3, seed=0)) for name in ("noise", "narrowing", "spectral-holes")]
    clean, coded = (torch.from_numpy(np.stack([pair[i].T for pair in pairs])) for i in (0, 1))
    coded.requires_grad_()
    found = deepaq.Distance()(coded, clean)
    metric = deepaq.load()
    wanted = [metric.score(a, b, sample_rate=RATE).distance for a, b in pairs]
    assert found.detach().numpy() == pytest.approx(wanted, rel=1e-3)
    found.sum().backward()
    assert torch.isfinite(coded.grad).all()
    assert coded.grad.abs().amax(dim=(1, 2)).gt(0).all()
    assert deepaq.Distance()(clean, clean).tolist() == [0, 0, 0]


def test_torch_gives_the_same_steps_as_numpy(core: Core, music: Samples) -> None:
    pair = [to_mid_side(x).T for x in (music, distort(music, RATE, "imbalance", 3, seed=0))]
    arrays = core.steps(*((np.ascontiguousarray(mid), np.ascontiguousarray(side)) for mid, side in pair))
    tensors = core.steps(*(tuple(torch.tensor(np.ascontiguousarray(channel)) for channel in x) for x in pair))
    for array, tensor in zip(arrays, tensors, strict=True):
        assert array == pytest.approx(tensor.numpy(), rel=1e-4, abs=1e-4)


IMAGES: dict[str, Change] = {
    "mono": lambda x: np.repeat(x.mean(axis=1, keepdims=True), 2, axis=1),
    "swapped": lambda x: x[:, ::-1],
    "one channel inverted": lambda x: x * np.array([1, -1], np.float32),
    "left only": lambda x: x * np.array([2, 0], np.float32),
    "half the width": lambda x: x.mean(axis=1, keepdims=True) + (x - x.mean(axis=1, keepdims=True)) / 2,
}


@pytest.mark.parametrize("kind", IMAGES)
def test_a_changed_stereo_image_costs(music: Samples, kind: str) -> None:
    assert mos(music, np.ascontiguousarray(IMAGES[kind](music))) < mos(music, music) - 0.2


def test_dual_mono_scores_as_mono(core: Core, music: Samples) -> None:
    mono = music.mean(axis=1, keepdims=True)
    worse = distort(mono, RATE, "noise", 3, seed=0)
    both = (np.repeat(x, 2, axis=1) for x in (mono, worse))
    assert compared(core, *both) == pytest.approx(compared(core, mono, worse), rel=1e-6)


def _delayed(x: Samples) -> Samples:
    return np.concatenate([np.zeros((480, 2), np.float32), x])


def _lowpass(x: Samples) -> Samples:
    from scipy.signal import firwin, oaconvolve

    taps = firwin(255, 20_500, fs=RATE)[:, None]
    return oaconvolve(x, taps, mode="same", axes=0).astype(np.float32)


def _dithered(x: Samples) -> Samples:
    dither = np.random.default_rng(0).uniform(-0.5, 0.5, (2, *x.shape)).sum(axis=0)
    return (np.round(x * 32767 + dither) / 32767).astype(np.float32)


INAUDIBLE: dict[str, Change] = {
    "gain of -6 dB": lambda x: x / 2,
    "polarity": lambda x: -x,
    "delay": _delayed,
    "offset": lambda x: x + np.float32(0.01),
    "resampling to 96 kHz and back": lambda x: resample(resample(x, RATE, 96_000), 96_000, RATE),
    "nothing above 20 kHz": _lowpass,
    "dither at 16 bits": _dithered,
}


@pytest.mark.parametrize("kind", INAUDIBLE)
def test_what_is_inaudible_hardly_moves_the_mos(music: Samples, kind: str) -> None:
    worse = distort(music, RATE, "spectral-holes", 2, seed=0)
    change = INAUDIBLE[kind]
    assert mos(music, change(music)) > mos(music, music) - 0.03
    assert mos(music, change(worse)) == pytest.approx(mos(music, worse), abs=0.03)


@settings(max_examples=15, deadline=None)
@given(st.floats(-40, 6), st.integers(0, 2**32 - 1))
def test_the_recording_level_does_not_matter(decibels: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sound = (0.1 * rng.standard_normal((RATE, 2)) * rng.uniform(0, 1, (RATE, 1))).astype(np.float32)
    worse = sound + (0.003 * rng.standard_normal(sound.shape)).astype(np.float32)
    factor = np.float32(10 ** (decibels / 20))
    metric = deepaq.load()
    plain, moved = (metric.score(sound * f, worse * f, sample_rate=RATE).distance for f in (np.float32(1), factor))
    assert moved == pytest.approx(plain, rel=1e-3)


def test_added_and_missing_tell_noise_from_holes(music: Samples) -> None:
    metric = deepaq.load()
    noise, holes, clean = (
        metric.score(music, degraded, sample_rate=RATE)
        for degraded in (
            distort(music, RATE, "noise", 4, seed=0),
            distort(music, RATE, "spectral-holes", 4, seed=0),
            music,
        )
    )
    assert noise.added > 5 * noise.missing
    assert holes.missing > 5 * holes.added
    assert clean.added == clean.missing == 0
    assert noise.added == pytest.approx(
        np.average([s.added for s in noise.segments], weights=[s.seconds for s in noise.segments])
    )


def test_the_core_takes_no_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys, numpy as np, deepaq\n"
        "x = np.random.default_rng(0).normal(0, .1, (48000, 2)).astype(np.float32)\n"
        "deepaq.load().score(x, x, sample_rate=48000)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
