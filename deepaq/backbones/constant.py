"""Tensors that are made once and kept for all callers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


def constant(values: npt.ArrayLike) -> Tensor:
    """float32; not an inference tensor, which autograd refuses, even when the first caller is in inference mode."""
    with torch.inference_mode(False):
        return torch.from_numpy(np.array(values, np.float32))
