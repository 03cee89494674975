"""Runs of `training fit` as raters of a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from re import sub

from deepaq.backbones.device import CPU
from deepaq.errors import UserError
from labels.raters.deepaq import DISTANCE, MOS, DeepaqFr, DeepaqNmr, metric_of


@dataclass(frozen=True)
class Runs:
    """Run folders to compare with listeners, each by the MOS of the mapping that its training fitted.

    folders: of the runs. references: folder of clean music; if given, every run is also judged with it instead of the
    stimuli's own references. device: where their networks compute.
    """

    folders: Sequence[Path]
    references: Path | None = None
    device: str = CPU

    def raters(self) -> list[tuple[str, dict[str, str]]]:
        """Name and options of every rater; a run without a mapping gives its distance. UserError for no run."""
        found: dict[str, dict[str, str]] = {}
        for folder in self.folders:
            for name, options in self._of(folder):
                if name in found:
                    raise UserError(f"--runs: {folder} and {found[name]['model']} have the same name; rename one")
                found[name] = options
        return list(found.items())

    def _of(self, folder: Path) -> list[tuple[str, dict[str, str]]]:
        model = metric_of(str(folder), self.device).model
        tag = sub(r"[^\w.-]", "-", folder.resolve().name)
        own = {"model": str(folder), "gives": MOS if model.full else DISTANCE}
        made = [(f"{DeepaqFr.name}+{tag}", own)]
        if self.references is not None:
            own = {**own, "references": str(self.references), "gives": MOS if model.unmatched else DISTANCE}
            made.append((f"{DeepaqNmr.name}+{tag}", own))
        return made
