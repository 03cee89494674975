"""Tests of a file share a worker process, so that their fixtures are made once."""

from __future__ import annotations

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="tests run in one process")
def test_the_file_of_a_test_is_its_group(request: pytest.FixtureRequest) -> None:
    """pytest-xdist writes the group behind the name of a test; some versions of pytest make it forget to do so."""
    assert request.node.nodeid.endswith("@tests/test_groups.py")
