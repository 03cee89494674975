#!/usr/bin/env bash
# The whole road on this machine, offline: music, 21 conditions, labels, a metric, scores, plots.
# Run by `make demo`; DEMO names the folder, MINUTES how much music is made. Run again, it goes on where it stopped.
set -euo pipefail
DEMO=${DEMO:-demo}
MINUTES=${MINUTES:-6}

step() { printf '\n== %s\n' "$*" >&2; "$@"; }

step prep synth "$DEMO/music" --minutes "$MINUTES" --seed 1
step prep transcode "$DEMO/music" --out "$DEMO/data"
step labels visqol "$DEMO/data"
step manifests show "$DEMO/data"
step manifests check "$DEMO/data"
step training fit "$DEMO/data" --out "$DEMO/run" --recipe compact --overwrite
reference=$(find "$DEMO/data/audio/references" -name '*.flac' | sort | head -n 1)
step deepaq score "$reference" "$reference" --model "$DEMO/run"
for condition in opus-016 mp3-032 aac-064 opus-128; do
    degraded=$(find "$DEMO/data/audio/degraded/$condition" -type f | sort | head -n 1)
    step deepaq score --against "$DEMO/music" "$degraded" --model "$DEMO/run"
done
printf '\nThe data set is in %s/data, the metric and its plots in %s/run.\n' "$DEMO" "$DEMO"
