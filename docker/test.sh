#!/usr/bin/env bash
# Build docker/Dockerfile and test the image (tests/docker), offline and against a run outside of it: commands in one
# container, then the services of docker/compose.yaml.
#
# Uses a Docker engine if one runs. Otherwise, as root on Debian, buildah, podman, runc and debootstrap replace the engine,
# and bookworm from apt's package mirror, with Debian's Python, replaces the base image; the Dockerfile is the same.
# podman-compose and catatonit replace docker compose, with the services run one after the other on the host's network.
# Only an engine with the published base image tests pulling that image, the network and service order of compose, the
# scheduled health check, and GPUs. With neither, nothing is tested, and the last line gives the reason.
#
# Environment variables:
#   CUDA         1: the image for NVIDIA GPUs, tested without one; 15 GB more in SCRATCH.
#   PYTHON       a Python with deepaq and pytest, for the run outside.  [python]
#   SCRATCH      folder for images and layers, 10 GB; kept to make the next build short.  [TMPDIR/deepaq-docker]
#   WHEELS       folder of wheels for pip to prefer, such as PyTorch's CPU wheel.
#   TORCH_INDEX  index of PyTorch's CPU wheels, if WHEELS has none.
#   CERTIFICATES certificate authorities that pip trusts.  [/etc/ssl/certs/ca-certificates.crt]
set -euo pipefail
cd "$(dirname "$0")/.."
SCRATCH=${SCRATCH:-${TMPDIR:-/tmp}/deepaq-docker}
CERTIFICATES=${CERTIFICATES:-/etc/ssl/certs/ca-certificates.crt}
BASE=python:3.11-slim-bookworm
export DEEPAQ_TEST_IMAGE=deepaq:test${CUDA:+-cuda}
arguments=(--build-arg "TORCH_INDEX=${TORCH_INDEX:-}" --build-arg "CUDA=${CUDA:-}" -t "$DEEPAQ_TEST_IMAGE")
arguments+=(-f docker/Dockerfile .)

skip() { printf 'skipped: %s\n' "$*" && exit 0; }

# Set up an engine below SCRATCH, apart from the system's containers.
engine() {
    mkdir -p "$SCRATCH"
    export CONTAINERS_STORAGE_CONF=$SCRATCH/storage.conf CONTAINERS_CONF=$SCRATCH/containers.conf
    cat > "$CONTAINERS_STORAGE_CONF" << CONF
[storage]
driver = "overlay"
graphroot = "$SCRATCH/graph"
runroot = "$SCRATCH/run"
CONF
    cat > "$CONTAINERS_CONF" << CONF
[containers]
netns = "host"
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
}

# Build a stand-in for the base image: bookworm, with what the official image adds (Python with pip, venv and headers).
base() {
    podman image exists "$BASE" && return
    printf '== making a stand-in for %s\n' "$BASE" >&2
    if ! podman image exists debian:bookworm-slim; then
        rm -rf "$SCRATCH/rootfs"
        debootstrap --variant=minbase bookworm "$SCRATCH/rootfs" > "$SCRATCH/debootstrap.log"
        rm -rf "$SCRATCH/rootfs"/var/cache/apt/* "$SCRATCH/rootfs"/var/lib/apt/lists/*
        tar -C "$SCRATCH/rootfs" -c . | podman import - debian:bookworm-slim > /dev/null
        rm -rf "$SCRATCH/rootfs"
    fi
    printf '%s\n' 'FROM debian:bookworm-slim' \
        'RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-dev python3-pip \' \
        '    python3-venv ca-certificates && rm -rf /var/lib/apt/lists/* /usr/lib/python3*/EXTERNALLY-MANAGED \' \
        '    && ln -s /usr/bin/python3 /usr/local/bin/python3 && ln -s /usr/bin/python3 /usr/local/bin/python \' \
        '    && ln -s /usr/bin/pip3 /usr/local/bin/pip' |
        buildah build --isolation chroot --pull-never -t "$BASE" -f - "$SCRATCH" >&2
}

build() {
    local mounts=(-v "$CERTIFICATES:/run/certificates.crt:ro" -v "$SCRATCH/pip.conf:/etc/pip.conf:ro")
    printf '%s\n' '[global]' 'cert = /run/certificates.crt' > "$SCRATCH/pip.conf"
    if [[ ${WHEELS:-} ]]; then
        mounts+=(-v "$(realpath "$WHEELS"):/run/wheels:ro")
        echo 'find-links = /run/wheels' >> "$SCRATCH/pip.conf"
    fi
    buildah build --layers --isolation chroot --pull-never --format docker "${mounts[@]}" "${arguments[@]}"
}

if docker info > /dev/null 2>&1; then
    export DEEPAQ_TEST_ENGINE=docker
    if docker compose version > /dev/null 2>&1; then export DEEPAQ_TEST_COMPOSE="docker compose"; fi
    make_image() { docker build "${arguments[@]}"; }
else
    for tool in buildah podman runc debootstrap; do
        command -v "$tool" > /dev/null || skip "no Docker engine answers, and its replacement lacks $tool"
    done
    [[ $(id -u) == 0 ]] || skip "no Docker engine answers, and its replacement needs root"
    export DEEPAQ_TEST_ENGINE=podman
    # catatonit is the init that compose.yaml asks for.
    if command -v podman-compose > /dev/null && command -v catatonit > /dev/null; then
        export DEEPAQ_TEST_COMPOSE=podman-compose
    fi
    engine
    base
    make_image() { build; }
fi

started=$SECONDS
make_image >&2
built=$((SECONDS - started))
bytes=$("$DEEPAQ_TEST_ENGINE" image inspect --format '{{.Size}}' "$DEEPAQ_TEST_IMAGE")
"${PYTHON:-python}" -m pytest tests/docker -p no:cacheprovider -q -rs
printf 'image: %d MB, built in %d s by %s\n' $((bytes / 1000000)) "$built" "$DEEPAQ_TEST_ENGINE"
