#!/usr/bin/env bash
# DeePAQ (arXiv 2510.12326) from clean music to a benchmark page, in five steps. Run again, it goes on where it stopped.
#
#     reproduce.sh MUSIC OUT       the paper's recipe on a folder of clean, lossless music; days of GPU time
#     reproduce.sh --quick OUT     the same road, small and offline: procedural music and the compact network; minutes
#
# From the environment:
#   TESTS   listening tests for the benchmark, FORMAT=FOLDER separated by blanks: "odaq=/tests/ODAQ sebass=..."
#           (formats: `labels import --help`). Without any, ViSQOL takes the listeners' place on music kept aside.
#   DASK    address of a Dask scheduler whose workers see the same folders, for the steps prep and labels.
#   STEPS   which steps to do: prep labels training tests benchmark (all of them when not set).
#   MINUTES, TEST_MINUTES   with --quick: how much music to make for training and to keep aside.
#   FIT     further options of `training fit`, such as "-o max_steps=100".
#   DEEPAQ_MERT             folder with the MERT-v1-95M weights; without it they come from the hub.
set -euo pipefail

quick=
if [[ ${1:-} == --quick ]]; then quick=1 && shift; fi
if [[ $# -ne $((quick ? 1 : 2)) ]]; then
    sed -n '4,5s/^# *//p' "$0" >&2
    exit 2
fi
if [[ $quick ]]; then
    OUT=$1 MUSIC=$1/music RECIPES="compact" HELD_OUT=$1/held-out
else
    MUSIC=$1 OUT=$2 RECIPES="deepaq deepaq-nmr" HELD_OUT=
fi
STEPS=${STEPS:-prep labels training tests benchmark}
TESTS=${TESTS:-}
cluster=${DASK:+--dask $DASK}

say() { printf '\n== %s\n' "$*" >&2 && "$@"; }
wanted() { [[ " $STEPS " == *" $1 "* ]]; }

# 1. Clips of 10 s at 44.1 kHz, each in 21 versions: Opus, mp3 and AAC at 16, 32, 48, 64, 80, 96 and 128 kbps.
if wanted prep; then
    if [[ $quick ]]; then
        say prep synth "$MUSIC" --minutes "${MINUTES:-6}" --seed 1
        say prep synth "$HELD_OUT" --minutes "${TEST_MINUTES:-2}" --seed 2
    fi
    say prep transcode "$MUSIC" --out "$OUT/dataset" $cluster
fi

# 2. The weak labels: ViSQOL v3 in audio mode for every version.
if wanted labels; then
    say labels visqol "$OUT/dataset" $cluster
    say manifests check "$OUT/dataset"
fi

# 3. The metric: with the matching reference, and (a run of its own in the paper) with non-matching references.
if wanted training; then
    for recipe in $RECIPES; do
        run=$OUT/run-$recipe
        say training fit "$OUT/dataset" --out "$run" --recipe "$recipe" ${FIT:-}
    done
fi

# 4. The judges: listening tests as data sets; without any, music that training has not seen, judged by ViSQOL.
if wanted tests; then
    for test in $TESTS; do
        say labels import "${test%%=*}" "${test#*=}" --out "$OUT/tests/${test%%=*}"
    done
    if [[ -z $TESTS && -z $HELD_OUT ]]; then
        printf '%s\n' 'error: no listening tests; set TESTS="FORMAT=FOLDER ..." for the benchmark' >&2
        exit 2
    elif [[ -z $TESTS ]]; then
        judged=$OUT/tests/visqol-as-listener
        say prep transcode "$HELD_OUT" --out "$judged" $cluster
        say labels visqol "$judged" $cluster
        say python - "$judged" > "$OUT/visqol-as-listener.csv" << 'PYTHON'
import sys
from manifests.dataset import Dataset

print("degraded_id,score")
for row in Dataset(sys.argv[1]).labels("visqol").to_pylist():
    if row["status"] == "ok":
        print(f"{row['degraded_id']},{row['value']!r}")
PYTHON
        say labels import csv "$OUT/visqol-as-listener.csv" --out "$judged" --name visqol-as-listener \
            --scale MOS-LQO --lowest 1 --highest 5
    fi
fi

# 5. Every rater against the judges: correlations with confidence intervals, the paper's figures beside ours.
if wanted benchmark; then
    mkdir -p "$OUT/clean"  # twenty clean clips stand for all clean music
    find "$OUT/dataset/audio/references" -name '*.flac' | sort | sed -n 1,20p | xargs cp -t "$OUT/clean"
    raters=lsd,log-mel,peaq,2f,deepaq-fr,deepaq-nmr
    if [[ $TESTS ]]; then raters=visqol,$raters; fi
    say labels benchmark "$OUT"/tests/* --raters "$raters" --out "$OUT/benchmark" \
        -o "deepaq-fr.model=$OUT/run-${RECIPES%% *}" -o "deepaq-nmr.model=$OUT/run-${RECIPES##* }" -o "deepaq-nmr.references=$OUT/clean"
    printf '\nThe metric is in %s, the benchmark in %s.\n' "$OUT/run-${RECIPES%% *}" "$OUT/benchmark/report.html" >&2
fi
