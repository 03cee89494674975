"""Channels: downmixing, mid and side."""

from __future__ import annotations

import numpy as np
import pytest

from deepaq import audio
from tests.sounds import music


@pytest.mark.parametrize("channels", [3, 4, 5, 6, 7, 8, 9, 12])
def test_a_downmix_does_not_clip_and_is_loud_when_all_channels_are(channels: int) -> None:
    np.testing.assert_allclose(audio.to_stereo(np.ones((4, channels), np.float32)), np.ones((4, 2)), rtol=1e-6)


@pytest.mark.parametrize(("channels", "effects"), [(6, 3), (7, 3), (8, 3)])
def test_only_the_lfe_channel_is_left_out(channels: int, effects: int) -> None:
    for channel in range(channels):
        samples = np.zeros((4, channels), np.float32)
        samples[:, channel] = 1
        assert audio.to_stereo(samples).any() == (channel != effects)


@pytest.mark.parametrize("channels", [3, 4, 5, 6, 7, 8])
def test_left_and_right_stay_apart(channels: int) -> None:
    front = np.zeros((1000, channels), np.float32)
    front[:, :2] = sound = music(1000 / 44_100)
    mixed = audio.to_stereo(front)
    np.testing.assert_allclose(mixed / mixed.max(), sound / sound.max(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("channels", [3, 4, 5, 6, 7, 8])
def test_mid_and_side_are_those_of_the_downmix(channels: int) -> None:
    samples = music(0.1, channels=channels)
    expected = audio.to_mid_side(audio.to_stereo(samples))
    np.testing.assert_array_equal(audio.to_mid_side(samples), expected)
    np.testing.assert_array_equal(audio.for_network(samples, 1), expected[:, 0])


def test_mono_has_no_side_and_stereo_is_kept() -> None:
    mono, stereo = music(0.1, channels=1), music(0.1)
    assert not audio.to_mid_side(mono)[:, 1].any()
    np.testing.assert_array_equal(audio.downmixed(mono), mono)
    np.testing.assert_array_equal(audio.downmixed(stereo), stereo)
    np.testing.assert_allclose(audio.to_mid_side(stereo) @ [[1, 1], [1, -1]], stereo, atol=1e-7)


def test_inverted_channels_leave_the_louder_one() -> None:
    left = music(0.1, channels=1)
    assert audio.audible_channel(np.hstack([left, -0.7 * left])) is None
    assert audio.audible_channel(np.hstack([0.99 * left, -left])) == 1
    np.testing.assert_array_equal(audio.one_channel(np.hstack([left, -left]), 1), -left[:, 0])
