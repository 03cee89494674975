"""The console: progress in logs and on terminals, results in words."""

from __future__ import annotations

import io
import re

import pytest

from deepaq.console import show
from deepaq.progress import Progress


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def work(clock: Clock, items: int, item_s: float, done: int = 0, **facts: object) -> None:
    with Progress(done + items, "train", "step", done=done, clock=clock) as progress:
        for _ in range(items):
            clock.now += item_s
            progress.advance(**facts)


def test_a_log_gets_a_line_every_ten_seconds_with_rate_and_time_left(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    work(clock, 100, 0.5, loss="0.031")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "train: 20 of 100 steps, 2 steps/s, 0:40 left, loss 0.031"
    assert [int(re.findall(r"\d+", line)[0]) for line in lines] == [20, 40, 60, 80, 100]
    assert lines[-1] == "train: 100 of 100 steps, 2 steps/s, took 0:50, loss 0.031"


def test_slow_items_are_given_in_seconds_each(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    work(clock, 300, 15)
    assert capsys.readouterr().err.splitlines()[0] == "train: 1 of 300 steps, 15 s/step, 1:14:45 left"


def test_items_of_an_earlier_run_do_not_count_towards_the_rate(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    work(clock, 40, 1, done=60)
    assert capsys.readouterr().err.splitlines()[0] == "train: 70 of 100 steps, 1 steps/s, 0:30 left"


def test_short_and_quiet_work_prints_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    work(clock, 9, 1)
    with Progress(100, "train", "step", quiet=True, clock=clock) as progress:
        clock.now += 60
        progress.advance(50)
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_redrawn_bar(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stderr", terminal)
    work(clock, 100, 0.5, loss="0.031")
    assert "\r" in terminal.getvalue()
    assert "100/100" in terminal.getvalue()


def test_results_are_words_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    show({"tests": ["a", "b"], "hours": 0.1234, "bytes": 1234567.0, "by codec": {"mp3": {"clips": 3}}}, as_json=False)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == ["tests: a, b", "hours: 0.123", "bytes: 1,234,567", "by codec: mp3 (clips 3)"]
