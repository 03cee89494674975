"""The similarity of the bands becomes the MOS of visqol-python."""

from __future__ import annotations

import numpy as np
import pytest

from labels.raters.visqol import AUDIO, mapping, package


def test_the_regression_is_the_package_s() -> None:
    predict = package.manager(AUDIO).quality_mapper.predict_quality
    for row in np.random.default_rng(0).uniform(0, 1, (20, AUDIO.bands)):
        assert np.clip(mapping._regression(row), 1, 5) == pytest.approx(predict(row), abs=1e-12)
