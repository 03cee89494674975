#!/usr/bin/env bash
# Training on a GPU, in audio-hours per GPU-hour: the paper's recipe in float32 and bfloat16, compiled or not, in several
# batch sizes. Run from the repository's root where deepaq is installed with a CUDA build of torch.
#
#     bash tests/bench/gpu.sh [PEAK_TFLOPS]
#
# PEAK_TFLOPS: of the device in bfloat16 without sparsity (989 for H100 and H200). Also asked: that a run on the GPU
# gives the CPU's loss, and that it resumes after SIGKILL.
set -euo pipefail
PEAK=${1:-989}
PYTHON=${PYTHON:-python}
SCRATCH=$(mktemp -d)
trap 'rm -rf "$SCRATCH"' EXIT
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}

nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader
bench() { "$PYTHON" -m tests.bench.steps --device cuda --steps 20 --clips 64 --peak-tflops "$PEAK" "$@"; echo; }
bench --batch 32
for batch in 32 64 128; do
    bench --batch "$batch" --precision bfloat16
done
bench --batch 64 --precision bfloat16 --compile

echo "== a whole run: utilisation while training, one line per second"
training() { "$PYTHON" -c 'from training.cli import main; main()' "$@"; }
"$PYTHON" -c 'from prep.cli import main; main()' synth "$SCRATCH/music" --minutes 4 --seed 1
"$PYTHON" -c 'from prep.cli import main; main()' transcode "$SCRATCH/music" --out "$SCRATCH/data" -q
"$PYTHON" -c 'from labels.cli import main; main()' visqol "$SCRATCH/data" -q
fit() {
    training fit "$SCRATCH/data" --recipe deepaq -o backbone.init=random -o backbone.lora_dropout=0.0 -o epoch_steps=1000 \
        -o max_steps="$1" -o run.device="$2" -o run.precision="$3" --out "$SCRATCH/$4" -q
}
nvidia-smi --query-gpu=utilization.gpu,memory.used,power.draw --format=csv,noheader --loop=1 >"$SCRATCH/gpu.csv" &
watcher=$!
fit 300 cuda bfloat16 run
kill "$watcher"
sort -n "$SCRATCH/gpu.csv" | awk '{ line[NR] = $0 } END { print "median utilisation, memory, power: " line[int((NR + 1) / 2)] }'
tail -n 1 "$SCRATCH/run/steps.csv"

echo "== the same loss as on the CPU"
fit 3 cuda float32 cuda
fit 3 cpu float32 cpu
paste -d ' ' <(cut -d, -f1,3 "$SCRATCH/cuda/steps.csv") <(cut -d, -f3 "$SCRATCH/cpu/steps.csv")
