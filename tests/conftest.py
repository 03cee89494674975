"""Fixtures for the whole suite."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.shared import SHARED

ROOT = Path(__file__).parents[1]
# Groups of tests that take minutes, longest first: none of them shall begin when the others have ended.
LONG = ("docs", "labelled", "plugins", "hosts", "tests/test_bench.py", "tests/deepaq/scoring/test_packaged.py",
        "tests/labels/benchmark/test_benchmark_real.py", "tests/labels/raters/test_raters.py")  # fmt: skip
DATA = ("labelled", "unlabelled")  # fixtures of data sets

# As many workers as processors: a second thread in each would only wait for the first, and burn time while it waits.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# A suite in the background of a shell, or under nohup, ignores these signals, and so would the commands that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for _name in ("SIGHUP", "SIGQUIT"):
    if signal.getsignal(getattr(signal, _name)) is signal.SIG_IGN:
        signal.signal(getattr(signal, _name), signal.SIG_DFL)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real recordings and listening tests; skips the test if it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no real recordings at {SHARED} (set DEEPAQ_SHARED)")
    return SHARED


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give one worker all tests of a file, and all on a data set that several files share: fixtures are made once."""
    groups = {}
    for item in items:
        mark = item.get_closest_marker("xdist_group")
        if not mark:
            name = next((each for each in DATA if each in getattr(item, "fixturenames", ())), item.location[0])
            mark = pytest.mark.xdist_group(name).mark
            item.add_marker(pytest.mark.xdist_group(name))
        groups[item] = str(mark.args[0])
    items.sort(key=lambda item: LONG.index(groups[item]) if groups[item] in LONG else len(LONG))
