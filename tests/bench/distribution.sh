#!/usr/bin/env bash
# Install the wheel and the sdist into environments of their own and use every command from another folder.
#
#     bash tests/bench/distribution.sh [PYTHON...]
#
# Takes the network for what deepaq needs (torch: TORCH_INDEX, as in the Makefile). A PYTHON that is not there is named
# and left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
pythons=("${@:-python3}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git archive HEAD | tar -x --one-top-level="$work/source"

for python in "${pythons[@]}"; do
    if ! "$python" -c 'import sys' 2> /dev/null; then
        printf '%s: is not here, left out\n' "$python"
        continue
    fi
    rm -rf "$work/env" "$work/dist" "$work/elsewhere"
    "$python" -m venv "$work/env"
    pip=("$work/env/bin/python" -m pip --quiet --disable-pip-version-check)
    "${pip[@]}" install build
    "$work/env/bin/python" -m build --outdir "$work/dist" "$work/source" > /dev/null
    for package in "$work"/dist/*.whl "$work"/dist/*.tar.gz; do
        rm -rf "$work/env" "$work/elsewhere"
        "$python" -m venv "$work/env"
        "${pip[@]}" install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "$(grep '^torch==' constraints.txt)"
        "${pip[@]}" install --constraint constraints.txt "$package[all]"
        "$work/env/bin/python" -m pip check > /dev/null
        mkdir -p "$work/elsewhere/training"  # a folder of the user's own
        cd "$work/elsewhere"
        PATH="$work/env/bin:$PATH"
        prep synth music --minutes 1.5 --seed 1
        prep transcode music --out data --codecs mp3 --bitrates 32,128 --quiet
        labels visqol data --quiet
        manifests check data
        training fit data --out run -o max_steps=4 -o epoch_steps=2 --quiet > /dev/null
        reference=$(find data/audio/references -name '*.flac' | sort | sed -n 1p)
        degraded=$(find data/audio/degraded/mp3-032 -type f | sort | sed -n 1p)
        deepaq score "$reference" "$reference"
        deepaq score --against music "$degraded" --model run
        PATH=${PATH#*:}
        cd - > /dev/null
        printf '%s: %s works\n' "$("$python" -V)" "$(basename "$package")"
    done
done
