"""The paper's recipe teaches a small transformer of the MERT family something about tracks that it has not heard."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.learning import data, learned


def test_lora_under_rank_n_contrast_beats_the_untrained_network_on_held_out_tracks(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the same sums everywhere
    before, after = learned(tmp_path / "run", data(tmp_path / "cache", seed=0))
    torch.set_num_threads(threads)
    assert (after["full"]["all"]["tracks"], after["full"]["all"]["n"]) == (8, 120)
    assert after["full"]["all"]["srcc"] > before["full"]["all"]["srcc"]
    assert after["full"]["codecs"]["cross_codec"] > before["full"]["codecs"]["cross_codec"]
    assert after["unmatched"]["all"]["srcc"] > before["unmatched"]["all"]["srcc"] + 0.1
    assert after["full"]["all"]["srcc_interval"][0] > 0.5


@pytest.mark.parametrize("name", ["lowpass", "noise", "steps"])
def test_damage_grows_with_its_severity(name: str) -> None:
    import numpy as np

    from tests.sounds import music
    from tests.training.learning import RATE, damaged

    clean = music(1, 0, rate=RATE, channels=1)[:, 0]
    errors = [np.std(damaged(clean, name, n, np.random.default_rng(0)) - clean) for n in range(1, 6)]
    assert errors == sorted(errors)
