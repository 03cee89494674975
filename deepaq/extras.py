"""Extras: the optional requirements of deepaq, and the one line that names the extra which brings a missing package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from deepaq.errors import UserError

_TABLES = ("matplotlib", "psutil", "pyarrow", "scipy", "tqdm")  # needed by all work on data sets
# Modules by the extra of pyproject.toml that brings them. The first extra that brings a module is named.
MODULES = {
    "plots": ("matplotlib", "scipy"),
    "prep": (*_TABLES, "audioop", "ffmpeg", "imageio_ffmpeg", "pydub", "pyloudnorm"),
    "labels": (*_TABLES, "numba", "visqol", "yaml"),
    "train": (*_TABLES, "huggingface_hub", "peft", "tensorboardX", "torch", "transformers"),
    "onnx": ("onnx", "onnxruntime"),
}


class MissingExtraError(UserError, ImportError):
    """A package that one of the extras brings is not installed."""


def missing(error: ModuleNotFoundError, by: str, extra: str = "") -> MissingExtraError | None:
    """The error to raise for a package of an extra that is not installed; None for any other package.

    by: what needs the package, for the message. extra: the extra to name if it brings the package.
    """
    module = (error.name or "").partition(".")[0]
    found = [name for name in (extra, *MODULES) if module in MODULES.get(name, ())]
    if not found:
        return None
    line = f"{by}: needs the package {module}, which is not installed; pip install 'deepaq[{found[0]}]'"
    return MissingExtraError(line, name=module)


@contextmanager
def required(by: str, extra: str = "") -> Iterator[None]:
    """Raise a MissingExtraError when the block lacks a package of an extra; the arguments are those of `missing`."""
    try:
        yield
    except ModuleNotFoundError as error:
        if found := missing(error, by, extra):
            raise found from None
        raise
