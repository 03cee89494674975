"""Check conditions on a folder of music: measured against requested kbps, lag and correlation.

    python -m tests.bench.conditions [MUSIC_FOLDER] [CODECS] [--quick]

Without a folder it computes two minutes of music. The kbps are those of whole files. The container's share, which does
not depend on the bitrate, is estimated from the lowest and highest bitrates and shown separately.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

from manifests import schema
from manifests.dataset import Dataset
from prep.transcode import Settings, transcode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path, nargs="?")
    parser.add_argument("codecs", nargs="?", default="opus,mp3,aac")
    parser.add_argument("--quick", action="store_true", help="a tiny round, which shows only that the script works")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        music = options.music or Path(name) / "music"
        if options.music is None:
            from prep.synth import write_tracks

            write_tracks(music, minutes=0.1 if options.quick else 2, seed=0, jobs=1)
        codecs = tuple(options.codecs.split(","))
        settings = Settings(codecs, (32, 96), jobs=1, quiet=True) if options.quick else Settings(codecs, quiet=True)
        result = transcode([music], Path(name) / "data", settings)
        print(f"{result['references']} clips, {result['ok']} versions, {result['failed']} failed")
        table = Dataset(Path(name) / "data").degraded()
    found = defaultdict(list)
    for row in table.to_pylist():
        if row["status"] == schema.OK:
            found[row["codec"], row["bitrate_kbps"]].append(row)
    print(
        f"{'condition':<14}{'kbps min':>9}{'median':>8}{'max':>8}{'over':>8}{'container':>11}"
        f"{'lag':>9}{'correlation':>18}"
    )
    for (codec, asked), rows in sorted(found.items()):
        kbps = sorted(row["actual_kbps"] for row in rows)
        median = statistics.median(kbps)
        lags, correlations = [row["lag_samples"] for row in rows], sorted(row["correlation"] for row in rows)
        overhead = min(
            statistics.median(r["actual_kbps"] - r["bitrate_kbps"] for r in found[key])
            for key in found
            if key[0] == codec
        )
        print(
            f"{rows[0]['condition']:<14}{kbps[0]:>9.1f}{median:>8.1f}{kbps[-1]:>8.1f}{median / asked - 1:>8.1%}"
            f"{overhead:>11.1f}{min(lags):>5}..{max(lags)}{correlations[0]:>9.3f}..{correlations[-1]:.3f}"
        )


if __name__ == "__main__":
    main()
