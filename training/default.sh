#!/usr/bin/env bash
# Train the metric inside the package: deepaq/models/compact. About a quarter of an hour of CPU time.
#
#     bash training/default.sh [FOLDER]
#
# FOLDER (default-run) takes the music, the data set and the run; run again, it goes on where it stopped. The music is
# procedural and, where the shared recordings are (DEEPAQ_SHARED), those of them that are CC0, CC BY or MIT. SEED
# chooses another initialisation. The package is left alone unless the training has ended.
set -euo pipefail
FOLDER=${1:-default-run}
RECORDINGS=${DEEPAQ_SHARED:-../shared/data}/music
SEED=${SEED:-0}

step() { printf '\n== %s\n' "$*" >&2; "$@"; }

# Licence by the table, file by file: no share-alike, and no repository-wide licence that may not cover a recording.
allowed() {
    python3 - "$RECORDINGS" <<'END'
import csv, pathlib, sys
folder = pathlib.Path(sys.argv[1])
with (folder / "music.csv").open() as table:
    for row in csv.DictReader(table):
        if row["licence"].startswith(("CC0-", "CC-BY-4.0", "MIT ")):
            print(folder / row["file"])
END
}

step prep synth "$FOLDER/synth" --minutes 2.5 --seed 7
step prep transcode "$FOLDER/synth" --out "$FOLDER/data" --clip 5 --distortions all
if [ -f "$RECORDINGS/music.csv" ]; then
    mapfile -t recordings < <(allowed)
    step prep transcode "${recordings[@]}" --out "$FOLDER/data" --clip 5 --bitrates 16,32,64,128
else
    printf 'no recordings at %s: procedural music only, which makes a poorer metric\n' "$RECORDINGS" >&2
fi
step labels visqol "$FOLDER/data"
step training fit "$FOLDER/data" --out "$FOLDER/run" --recipe default --overwrite -o "seed=$SEED"
step cp "$FOLDER/run/model.json" "$FOLDER/run/model.safetensors" deepaq/models/compact/
