"""Limit torch to one thread while a small network runs, and leave the caller's setting as it was.

More threads cost such a network many times the processor time and save hardly any. In a forked process, where threads
that torch started before the fork are gone and waiting for them never ends, every network runs on one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, local

import torch

_PROCESS = os.getpid()


class _Users:
    """The threads inside `one_thread`, and the setting that was found when the first of them came."""

    def __init__(self) -> None:
        self.lock, self.count, self.setting, self.mine = Lock(), 0, 1, local()


_users = _Users()
os.register_at_fork(after_in_child=_users.__init__)  # type: ignore[misc]  # the lock may be held by a lost thread


def forked() -> bool:
    """True in a process that was forked after this module was imported."""
    return os.getpid() != _PROCESS


@contextmanager
def one_thread() -> Iterator[None]:
    """Use one thread in torch's operations until the block ends. Blocks may be nested and entered by many threads."""
    if getattr(_users.mine, "inside", False):
        yield
        return
    with _users.lock:
        if not _users.count:
            _users.setting = torch.get_num_threads()
        _users.count += 1
        torch.set_num_threads(1)  # holds for the calling thread, and for threads that use torch for the first time
    _users.mine.inside = True
    try:
        yield
    finally:
        _users.mine.inside = False
        with _users.lock:
            _users.count -= 1
            torch.set_num_threads(_users.setting)
