"""Figures are the same whatever kernels the libraries choose for the processor, and with any number of threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.deepaq.numbers import numbers

AVX512 = Path("/proc/cpuinfo").exists() and "avx512f" in Path("/proc/cpuinfo").read_text()
# Kernels of OpenBLAS and of ATen, threads. OpenBLAS does not check that the processor can run them. Those of Zen are
# Haswell's with other block sizes.
SETTINGS = [
    ("Sandybridge", "default", "1"),
    ("Haswell", "avx2", "2"),
    ("SkylakeX", "default", "2") if AVX512 else ("Zen", "default", "2"),
]
TOLERANCES = {"score": 2e-3, "lag": 0, "curve": 1e-4, "loss": 1e-3, "embedding": 1e-3}


@pytest.fixture(scope="module")
def own() -> dict[str, list[float]]:
    """Figures by the kernels that the libraries choose here."""
    return numbers()


def figures(blas: str, aten: str, threads: str) -> dict[str, list[float]]:
    """Figures by other kernels, from a process of its own."""
    environment = {
        **os.environ,
        **{"OPENBLAS_CORETYPE": blas, "ATEN_CPU_CAPABILITY": aten, "OMP_NUM_THREADS": threads},
        **{"OPENBLAS_NUM_THREADS": threads, "PYTHONPATH": os.pathsep.join(sys.path)},
    }
    command = [sys.executable, "-m", "tests.deepaq.numbers"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("setting", SETTINGS, ids=" ".join)
def test_figures_do_not_depend_on_the_processor(own: dict[str, list[float]], setting: tuple[str, str, str]) -> None:
    found = figures(*setting)
    assert found.keys() == own.keys()
    for name, values in own.items():
        tolerance = next(value for prefix, value in TOLERANCES.items() if name.startswith(prefix))
        np.testing.assert_allclose(found[name], values, rtol=0, atol=tolerance, err_msg=name)
