"""Fixtures for the whole suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real recordings and listening tests; skips the test if it is absent."""
    folder = (ROOT / os.environ.get("DEEPAQ_SHARED", "../shared/data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder} (set DEEPAQ_SHARED)")
    return folder
