"""Four processes that share one step's gradient, in float64, then two of them.

python -m tests.training.together FOLDER
"""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import Tensor

from deepaq.backbones.backbone import Backbone, build
from tests.deepaq.backbones.published import SMALL
from tests.training.objective.test_objective import table
from training.loop.gather import added, average_gradients, equalise, gathered
from training.objective import terms as objective
from training.objective.batch import Labeller
from training.objective.curve import Curve
from training.settings import Contrast, Objective

KINDS = ("compact", "mert")
CLIPS = 4


def network(kind: str) -> Backbone:
    """Without dropout, which differs between processes."""
    torch.manual_seed(3)
    if kind == "compact":
        return build("compact", width=16, blocks=1, clip_dropout=0.0).double()
    return build("mert", init="random", config={**SMALL, "num_hidden_layers": 1}, lora_dropout=0.0, dims=8).double()


def fronts(kind: str, rows: int) -> Tensor:
    generator = torch.Generator().manual_seed(4)
    shape = (rows, 2, 30_000) if kind == "compact" else (rows, 24_000)
    return network(kind).front(torch.randn(shape, generator=generator, dtype=torch.float64))


def gradients(kind: str, share: slice, first: bool = True) -> dict[str, Tensor]:
    """Return the gradients of network and curve by parameter, for a loss with all its terms.

    share: the clips that this process embeds. first: whether its parameters are the ones that all start from.
    """
    rows = table(CLIPS)
    labels = Labeller(rows, literal_bitrate=False)(np.arange(len(rows)))
    versions = len(rows) // CLIPS
    model, curve = network(kind), Curve(4.7).double()
    if not first:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 1  # to be put right by the first process's values
    equalise([*model.parameters(), *model.buffers()])
    own = fronts(kind, len(rows))[share.start * versions : share.stop * versions]
    points = gathered(model.embed(own))
    objective.full(points, labels, curve, Objective(1.0, 0.5, 1.0), Contrast(), model.pooling).total.backward()
    parameters = {**dict(model.named_parameters()), **{f"curve.{n}": p for n, p in curve.named_parameters()}}
    average_gradients(parameters.values())
    return {name: p.grad for name, p in parameters.items() if p.grad is not None and p.requires_grad}


def take_part(folder: Path, rank: int, size: int) -> None:
    """Compute the share of one of `size` processes; the last of them saves the result in `folder`."""
    while size > 1:  # then again with half as many
        dist.init_process_group("gloo", init_method=f"file://{folder / str(size)}", rank=rank, world_size=size)
        assert added(torch.tensor(float(rank))) == size * (size - 1) / 2
        each = CLIPS // size
        for kind in KINDS:
            found = gradients(kind, slice(rank * each, (rank + 1) * each), rank == 0)
            if rank == size - 1:
                save_file(found, folder / f"{kind}-{size}.safetensors")
        dist.destroy_process_group()
        size //= 2
        if rank >= size:
            return


def main() -> None:
    """Fork the processes, so that the packages are loaded once."""
    torch.set_num_threads(1)
    for kind in KINDS:
        network(kind)
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=take_part, args=(Path(sys.argv[1]), rank, 4)) for rank in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(any(process.exitcode for process in processes))


if __name__ == "__main__":
    main()
