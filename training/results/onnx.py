"""`training export --onnx`: a run or the packaged metric as one ONNX file, for use in other languages."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deepaq import extras
from deepaq.errors import UserError
from deepaq.files import committed, file_sha256, write_text
from deepaq.scoring import checkpoint
from deepaq.scoring.checkpoint import Checkpoint
from deepaq.scoring.metric import NAMED
from training.results import folder
from training.results.forms import Form, form_of

OPSET = 17
LARGEST_DIFFERENCE = 1e-3  # between outputs of the file and of the form, relative to the largest value


def export(run: Path, out: Path) -> Path:
    """Write one ONNX file and a JSON file, which says how to use it, into the new folder `out`.

    They are `network.onnx` and `network.json` for a run, and `core.onnx` and `core.json` for the packaged metric. The
    file takes signals of any length from the shortest. Raises UserError when it does not compute what the model does.
    """
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out}: is not empty; choose another folder")
    with extras.required("--onnx", "onnx"):
        import onnx
        import onnxruntime  # noqa: F401
    run = NAMED.get(str(run), run)
    folder.verify(run)
    model = checkpoint.load(run)
    form = form_of(model)
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"{form.name}.onnx"
    with committed(file) as partial:
        _write(form, partial)
        onnx.checker.check_model(str(partial))
        _compare(form, partial)
    checkpoint.write_json(file.with_suffix(".json"), description(model, form, file))
    write_text(out / "NOTICE", form.notice())
    return out


def description(model: Checkpoint, form: Form, file: Path) -> dict[str, Any]:
    """Describe the file for programs; docs/other-languages.md says how to use each entry."""
    curves = {"full": model.full, "unmatched": model.unmatched}
    return {
        "format": 1,
        "file": file.name,
        "sha256": file_sha256(file),
        "fingerprint": model.fingerprint,
        **form.describe(),
        "mapping": {name: curve and curve.to_json() for name, curve in curves.items()},
        "notice": form.notice(),
    }


def _write(form: Form, path: Path) -> None:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # sizes that are constants, such as of bands, and the age of this exporter
        torch.onnx.export(
            form,
            form.example(1.5, 0),
            str(path),
            input_names=list(form.inputs),
            output_names=[name for name in form.axes if name not in form.inputs],
            dynamic_axes=form.axes,
            opset_version=OPSET,
            dynamo=False,  # the other exporter takes a minute and a further package
        )


def _compare(form: Form, path: Path) -> None:
    """Raise UserError unless the file computes what the form does, for signals of other lengths than the traced."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    for number, seconds in enumerate((form.shortest_s, 2.03), 1):
        inputs = form.example(max(seconds, form.shortest_s), number)
        with torch.no_grad():
            wanted = [each.numpy() for each in form(*inputs)]
        given = dict(zip(form.inputs, (each.numpy() for each in inputs), strict=True))
        for found, true in zip(session.run(None, given), wanted, strict=True):
            if found.shape != true.shape or np.abs(found - true).max() > LARGEST_DIFFERENCE * np.abs(true).max():
                raise UserError(f"--onnx: {form.name} cannot be written as an ONNX file")
