"""Predicted and measured cost of `prep transcode`.

    python tests/bench/prep_plan.py [MUSIC_FOLDER] [CONDITIONS_PER_CLIP]

Without a folder it computes three minutes of music. Prints predicted (`--dry-run`) and measured CPU seconds and bytes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from manifests.jobs import cpu_seconds
from prep.plan import PAPER_PER_CLIP, plan
from prep.transcode import Settings, transcode


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        music = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(name) / "music"
        if len(sys.argv) <= 1:
            from prep.synth import write_tracks

            write_tracks(music, minutes=3, seed=0, jobs=1)
        per_clip = (float(sys.argv[2]),) if len(sys.argv) > 2 else PAPER_PER_CLIP
        settings = Settings(per_clip=per_clip, jobs=1, quiet=True)
        found = plan([music], Path(name) / "data", settings)
        before = cpu_seconds()
        result = transcode([music], Path(name) / "data", settings)
        spent = cpu_seconds() - before
        size = sum(path.stat().st_size for path in (Path(name) / "data").rglob("*") if path.is_file())
    for what, predicted, measured in (
        ("versions", found["versions"], result["degraded"]),
        ("CPU seconds", 3600 * found["cpu_hours"], spent),
        ("MB", found["bytes"] / 1e6, size / 1e6),
    ):
        print(f"{what:<12} predicted {predicted:9.1f}  measured {measured:9.1f}  ratio {predicted / measured:.2f}")


if __name__ == "__main__":
    main()
