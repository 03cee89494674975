"""After the last block of docs/extending.md the package is gone. This file runs last in its folder."""

from __future__ import annotations

import pytest

from tests.pages import blocks
from tests.plugins.conftest import PAGE
from tests.plugins.place import TRANSCODE, Place


@pytest.mark.xdist_group("plugins")
def test_data_outlive_the_package_and_its_names_are_unknown(place: Place) -> None:
    blocks(PAGE)[-1].run(place.folder, place.variables)
    assert "vq" not in place.line("prep codecs --json").result
    assert "--codecs vq: unknown codec" in place.line(f"{TRANSCODE} --codecs vq").error
