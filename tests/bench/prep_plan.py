"""Predicted and measured cost of `prep transcode`.

    python -m tests.bench.prep_plan [MUSIC_FOLDER] [CONDITIONS_PER_CLIP] [--quick]

Without a folder it computes three minutes of music. Prints predicted (`--dry-run`) and measured CPU seconds and bytes.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from manifests.jobs import cpu_seconds
from prep.plan import PAPER_PER_CLIP, plan
from prep.transcode import Settings, transcode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path, nargs="?")
    parser.add_argument("per_clip", type=float, nargs="?")
    parser.add_argument("--quick", action="store_true", help="a tiny round, which shows only that the script works")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        music = options.music or Path(name) / "music"
        if options.music is None:
            from prep.synth import write_tracks

            write_tracks(music, minutes=0.1 if options.quick else 3, seed=0, jobs=1)
        per_clip = (options.per_clip,) if options.per_clip else PAPER_PER_CLIP
        if options.quick:
            per_clip = (2.0,)
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
