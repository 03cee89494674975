#!/usr/bin/env bash
# The whole road on this machine, offline: music, 21 conditions, labels, a metric, scores, plots.
# Run by `make demo`; DEMO names the folder, MINUTES how much music is made. Run again, it goes on where it stopped.
set -euo pipefail
DEMO=${DEMO:-demo}
MINUTES=${MINUTES:-5}

step() { printf '\n== %s\n' "$*" >&2; "$@"; }

step prep synth "$DEMO/music" --minutes "$MINUTES" --track 10 --seed 1
step prep transcode "$DEMO/music" --out "$DEMO/data" --clip 5
step labels visqol "$DEMO/data"
step manifests show "$DEMO/data"
step manifests check "$DEMO/data"
step training fit "$DEMO/data" --out "$DEMO/run" --recipe compact --overwrite

# One clip against its own reference, and without any reference but other clean music.
reference=$(find "$DEMO/data/audio/references" -name '*.flac' | sort | head -n 1)
name=$(basename "$reference" .flac)
for condition in mp3-032 aac-064 opus-128; do
    degraded=$(find "$DEMO/data/audio/degraded/$condition" -name "$name.*" | head -n 1)
    step deepaq score "$reference" "$degraded" --model "$DEMO/run"
    step deepaq score --against "$DEMO/music" "$degraded" --model "$DEMO/run"
done
step manifests report "$DEMO/data" --out "$DEMO/report.html"
printf '\nPlots: %s/run/labels.png and predicted.png. Every clip to look at and listen to: %s/report.html\n' "$DEMO" "$DEMO"
