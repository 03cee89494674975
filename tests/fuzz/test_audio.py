"""A short round of the audio fuzzer."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.audio import fuzz


def test_damaged_audio_is_read_or_refused_in_words(tmp_path: Path) -> None:
    outcomes, slowest = fuzz(tmp_path, rounds=200, seed=1)
    assert sum(outcomes.values()) > 190
    assert outcomes["read"] > 20
    assert outcomes["refused"] > 20
    assert slowest < 10
