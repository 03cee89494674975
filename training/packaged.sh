#!/usr/bin/env bash
# Train the networks inside the package: deepaq/models/compact and the judge without a reference, deepaq/models/clip.
# About an hour and a half of CPU time.
#
#     bash training/packaged.sh [FOLDER]
#
# FOLDER (packaged-run) holds the music, the data set and the run; rerun the script to resume. The music is
# computed, played on sampled instruments where a sound font is (SOUNDFONT; FluidR3 GM is under the MIT licence), and,
# where the shared recordings are (DEEPAQ_SHARED), those of them that are CC0, CC BY or MIT. RECORDINGS names a folder
# to take in their place. SEED chooses another initialisation; ONLY_DATA=1 ends before the training. The package is left
# alone unless the training has ended.
set -euo pipefail
FOLDER=${1:-packaged-run}
SHARED=${DEEPAQ_SHARED:-../shared/data}/music
SOUNDFONT=${SOUNDFONT:-/usr/share/sounds/sf2/FluidR3_GM.sf2}
SEED=${SEED:-0}

DAMAGE=lowpass,highpass,noise,pink-noise,clipping,quantisation,dropouts,packet-loss,pre-echo,spectral-holes
DAMAGE+=,musical-noise,separation,reverberation,tandem,narrowing,imbalance
MOVING=pumping,level-jumps

step() { printf '\n== %s\n' "$*" >&2; "$@"; }

# Licence by the table, file by file: no share-alike, and no repository-wide licence that may not cover a recording.
allowed() {
    python3 - "$SHARED" <<'END'
import csv, pathlib, sys
folder = pathlib.Path(sys.argv[1])
with (folder / "music.csv").open() as table:
    for row in csv.DictReader(table):
        if row["licence"].startswith(("CC0-", "CC-BY-4.0", "MIT ")):
            print(folder / row["file"])
END
}

# Clips of MUSIC, each in so many conditions of coding, of other damage, and of a moving level.
degrade() {
    local codecs=$1 damage=$2 moving=$3
    shift 3
    step prep transcode "$@" --out "$FOLDER/data" --clip 5 --allow-lossy --conditions-per-clip "$codecs"
    step prep transcode "$@" --out "$FOLDER/data" --clip 5 --allow-lossy --conditions-per-clip "$damage" \
        --codecs none --distortions "$DAMAGE"
    step prep transcode "$@" --out "$FOLDER/data" --clip 5 --allow-lossy --conditions-per-clip "$moving" \
        --codecs none --distortions "$MOVING"
}

if [ -n "${RECORDINGS:-}" ]; then
    degrade 21 32 4 "$RECORDINGS"
elif [ -f "$SHARED/music.csv" ]; then
    mapfile -t recordings < <(allowed)
    degrade 21 32 4 "${recordings[@]}"
else
    printf 'no recordings at %s: made music only, which makes a poorer metric\n' "$SHARED" >&2
fi
step prep synth "$FOLDER/synth" --minutes 4 --track 10 --seed 7
degrade 9 9 2 "$FOLDER/synth"
if [ -f "$SOUNDFONT" ]; then
    step prep synth "$FOLDER/rendered" --minutes 12 --track 10 --seed 11 --soundfont "$SOUNDFONT"
    degrade 9 9 2 "$FOLDER/rendered"
    # The head for non-matching references wants many clips more than it wants many versions of them.
    step prep synth "$FOLDER/more" --minutes 36 --track 10 --seed 23 --soundfont "$SOUNDFONT"
    degrade 9 3 1 "$FOLDER/more"
else
    printf 'no sound font at %s: without sampled instruments the metric is poorer without a reference\n' "$SOUNDFONT" >&2
fi
step labels visqol "$FOLDER/data" || [ $? = 1 ] # clips silenced by drop-outs have no label
# Damage that ViSQOL forgives has a second teacher, see the recipe; its scale is learned from a part of the coded clips.
step labels rate "$FOLDER/data" --rater 2f --conditions \
    'musical-noise-*,separation-*,dropouts-*,reverberation-*,narrowing-*,imbalance-*,opus-016' || [ $? = 1 ]
step labels rate "$FOLDER/data" --rater 2f --conditions 'opus-*,mp3-*,aac-*' --shard 1/4
[ -z "${ONLY_DATA:-}" ] || exit 0
# An ensemble of three, distilled into one network.
fit() {
    local out=$1 seed=$2
    shift 2
    step training fit "$FOLDER/data" --out "$out" --recipe packaged -o "seed=$seed" -o data.fold=1/20 "$@"
}
members=()
for place in 0 1 2; do
    member=$FOLDER/member-$place
    fit "$member" $((SEED + place))
    members+=("\"$member\"")
done
fit "$FOLDER/run" "$SEED" -o "data.ensemble=[$(IFS=,; echo "${members[*]}")]"
step cp "$FOLDER/run/model.json" "$FOLDER/run/model.safetensors" deepaq/models/compact/
clean=${RECORDINGS:-$SHARED}
[ -d "$clean" ] || clean=$FOLDER/synth
step python3 training/clip.py deepaq/models/compact --music "$clean"
