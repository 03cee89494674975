#!/usr/bin/env bash
# The whole pipeline on this machine, offline: music, 21 conditions, labels, a metric, scores, plots.
# Run by `make demo`. DEMO: the folder to use. MINUTES: how much music to make. Rerun it to resume.
set -euo pipefail
DEMO=${DEMO:-demo}
MINUTES=${MINUTES:-5}

step() { printf '\n== %s\n' "$*" >&2; "$@"; }

step prep synth "$DEMO/music" --minutes "$MINUTES" --track 10 --seed 1
step prep transcode "$DEMO/music" --out "$DEMO/data" --clip 5
step labels visqol "$DEMO/data"
step manifests show "$DEMO/data"
step manifests check "$DEMO/data"
step training fit "$DEMO/data" --out "$DEMO/run" --recipe compact

# Print one held-out clip and its degraded clip, for three conditions.
pairs() {
    python - "$DEMO/data" <<'END'
import sys
from manifests.dataset import Dataset

data = Dataset(sys.argv[1])
clip = next(row for row in data.references().to_pylist() if row["split"] == "valid" and row["status"] == "ok")
for row in data.degraded().to_pylist():
    if row["reference_id"] == clip["reference_id"] and row["condition"] in ("mp3-032", "aac-064", "opus-128"):
        print(data.path(clip["path"]), data.path(row["path"]))
END
}
pairs | while read -r reference degraded; do
    step deepaq score "$reference" "$degraded" --model "$DEMO/run"
    step deepaq score --against "$DEMO/music" "$degraded" --model "$DEMO/run"
done
step manifests report "$DEMO/data" --out "$DEMO/report.html"
printf '\nPlots: %s/run/labels.png and predicted.png. Clips to look at and listen to: %s/report.html\n' "$DEMO" "$DEMO"
