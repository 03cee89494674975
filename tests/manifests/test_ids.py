"""Ids and splits."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from manifests import ids
from manifests.split import TEST, TRAIN, VALID, split_of


def test_track_id_is_of_the_bytes_alone(tmp_path: Path) -> None:
    one, two = tmp_path / "one.wav", tmp_path / "two.flac"
    one.write_bytes(b"same")
    two.write_bytes(b"same")
    assert ids.track_id(one) == ids.track_id(two) == hashlib.sha256(b"same").hexdigest()[:24]


def test_reference_id_depends_on_samples_shape_and_rate() -> None:
    samples = np.arange(8, dtype=np.float32).reshape(4, 2)
    names = {
        ids.reference_id(samples, 44_100),
        ids.reference_id(samples, 48_000),
        ids.reference_id(samples.reshape(8, 1), 44_100),
        ids.reference_id(samples + 1, 44_100),
    }
    assert len(names) == 4
    assert ids.reference_id(samples.astype(np.float64), 44_100) in names


def test_settings_id_ignores_order() -> None:
    assert ids.settings_id({"a": 1, "b": 2}) == ids.settings_id({"b": 2, "a": 1}) != ids.settings_id({"a": 1, "b": 3})


def test_splits_have_their_shares_and_do_not_move() -> None:
    names = [ids.joined_id(str(n)) for n in range(4000)]
    splits = [split_of(name, valid_share=0.2, test_share=0.1) for name in names]
    assert abs(splits.count(VALID) / 4000 - 0.2) < 0.03
    assert abs(splits.count(TEST) / 4000 - 0.1) < 0.03
    assert splits.count(TRAIN) + splits.count(VALID) + splits.count(TEST) == 4000
    assert splits == [split_of(name, 0.2, 0.1) for name in names]


def test_conditions_match_patterns_as_a_shell_would() -> None:
    assert ids.matches("opus-016", ("mp3-*", "opus-*"))
    assert ids.matches("noise-3", ("noise-[35]",))
    assert not ids.matches("Opus-016", ("opus-*",))
    assert not ids.matches("opus-016", ())
