#!/usr/bin/env bash
# DeePAQ (arXiv 2510.12326) from clean music to a benchmark page, in five steps. Rerun it to resume.
#
#     reproduce.sh MUSIC OUT       the paper's recipe on a folder of clean, lossless music; days of GPU time
#     reproduce.sh --quick OUT     the same in minutes and offline: computed music and the compact network
#
# Environment variables:
#   TESTS   listening tests for the benchmark, FORMAT=FOLDER separated by blanks: "odaq=/tests/ODAQ sisec08=..."
#           (formats: `labels import --help`). With --quick and none, ViSQOL replaces the listeners on held-out music.
#   DASK    address of a Dask scheduler whose workers see the same folders, for the steps prep and labels.
#   STEPS   steps to do.  [default: prep labels training tests benchmark]
#   MINUTES, TEST_MINUTES   with --quick: minutes of music to make for training and to hold out.
#   RECIPES recipes to train; the benchmark judges every run, with the stimuli's references and with other clean music.
#           [default: the paper's models, backbones and ablations; compact with --quick]
#   FIT     further options of `training fit`, such as "-o max_steps=100".
#   JUDGE   further options of `labels benchmark`, such as "--device cuda".
#   DEEPAQ_MERT             folder with the MERT-v1-95M weights.  [default: download from the hub]
set -euo pipefail

quick=
if [[ ${1:-} == --quick ]]; then quick=1 && shift; fi
if [[ $# -ne $((quick ? 1 : 2)) ]]; then
    sed -n '4,5s/^# *//p' "$0" >&2
    exit 2
fi
if [[ $quick ]]; then
    OUT=$1 MUSIC=$1/music RECIPES="compact" HELD_OUT=$1/held-out plan= timeline=
else
    MUSIC=$1 OUT=$2 HELD_OUT= plan="--plan paper" timeline=--timeline
    # The paper's two models, its backbones and its ablations.
    RECIPES=${RECIPES:-deepaq wav2vec2 hubert full-finetune frozen-head no-bitrate data-10 data-25 data-50 deepaq-nmr}
fi
STEPS=${STEPS:-prep labels training tests benchmark}
TESTS=${TESTS:-}
cluster=${DASK:+--dask $DASK}

say() { printf '\n== %s\n' "$*" >&2 && "$@"; }
wanted() { [[ " $STEPS " == *" $1 "* ]]; }

# 1. Clips of 10 s at 44.1 kHz, each in 21 conditions: Opus, mp3 and AAC at 16, 32, 48, 64, 80, 96 and 128 kbps.
if wanted prep; then
    if [[ $quick ]]; then
        say prep synth "$MUSIC" --minutes "${MINUTES:-6}" --seed 1
        say prep synth "$HELD_OUT" --minutes "${TEST_MINUTES:-2}" --seed 2
    fi
    say prep transcode "$MUSIC" --out "$OUT/dataset" $plan $cluster
fi

# 2. Weak labels: ViSQOL v3 in audio mode for every degraded clip.
if wanted labels; then
    say labels visqol "$OUT/dataset" $timeline $cluster
    say manifests check "$OUT/dataset"
fi

# 3. Metrics: full reference and, in a run of its own as in the paper, non-matching references.
if wanted training; then
    for recipe in $RECIPES; do
        run=$OUT/runs/$recipe
        say training fit "$OUT/dataset" --out "$run" --recipe "$recipe" ${FIT:-}
    done
    for suffix in md csv tex html; do
        say training compare "$OUT"/runs/* --out "$OUT/ablations.$suffix"
    done
fi

# 4. Listening tests as data sets; without any, held-out music rated by ViSQOL.
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

# 5. Raters against listeners: correlations with confidence intervals, the paper's figures beside ours.
if wanted benchmark; then
    mkdir -p "$OUT/clean"  # twenty clean clips as non-matching references
    find "$OUT/dataset/audio/references" -name '*.flac' | sort | sed -n 1,20p | xargs cp -t "$OUT/clean"
    raters=lsd,log-mel,peaq,2f
    if [[ -z $quick ]]; then raters=haaqi,$raters; fi
    if [[ $TESTS ]]; then raters=visqol,$raters; fi
    runs=$(printf ",$OUT/runs/%s" $RECIPES)
    say labels benchmark "$OUT"/tests/* --raters "$raters" --runs "${runs#,}" --references "$OUT/clean" --out "$OUT/benchmark" ${JUDGE:-}
    printf '\nThe metric is in %s, the benchmark in %s.\n' "$OUT/runs/${RECIPES%% *}" "$OUT/benchmark/report.html" >&2
fi
