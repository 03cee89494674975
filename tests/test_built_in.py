"""Built-in parts keep the contracts that are checked, when they run, only of parts of installed packages."""

from __future__ import annotations

import pytest

from deepaq.backbones.backbone import BACKBONES
from deepaq.registry import Registry
from labels.listening.reader import READERS
from labels.raters.rater import RATERS
from prep.coding.codecs import CODECS
from prep.distortions import DISTORTIONS
from prep.tracks.corpora import CORPORA

ALL = (BACKBONES, CODECS, DISTORTIONS, RATERS, READERS)


@pytest.mark.parametrize("registry", ALL, ids=lambda registry: registry.group)
def test_built_in_parts_keep_the_contract(registry: Registry[object]) -> None:
    for name in registry.own:
        part = registry.built_in(name)
        assert registry.accept(name, part) is part


def test_built_in_corpora_keep_the_contract() -> None:
    for name in CORPORA.own:
        assert CORPORA.accept(name, type(CORPORA.built_in(name))).name == name
