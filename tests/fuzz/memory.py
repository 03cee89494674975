"""Peak memory of this process."""

from __future__ import annotations

from pathlib import Path


def peak_mib() -> int:
    """Peak resident memory in MiB, 0 where the system does not tell.

    Unlike `resource.getrusage`, it does not count the memory of the process that this one was forked from.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")), 0)


def reset_peak() -> bool:
    """Begin a new peak; False where the system does not allow it."""
    reset = Path("/proc/self/clear_refs")
    if not reset.exists():
        return False
    reset.write_text("5")
    return True
