# deepaq: set-up, demo, tests. Every target sets up `.venv` if it is missing.
# On Linux without a GPU, name the index of PyTorch's CPU wheels to avoid the CUDA download: make demo TORCH_INDEX=<index>
PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
DEEPAQ_SHARED ?= ../shared/data
export DEEPAQ_SHARED

NODE_PATH ?= $(abspath $(VENV))/node/node_modules
export NODE_PATH

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALLED := $(VENV)/.installed

.PHONY: help install demo test web check bench truth coverage packaged lock docs docker-test clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED)  ## set up .venv

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep '^torch==' constraints.txt)"
	# LOCKED=1, for continuous integration: the packages of docker/constraints.lock, each with the hash that it states
	$(if $(LOCKED),$(BIN)/python docker/lock.py --fits docker/constraints.lock && \
		$(PIP) install --quiet --no-deps --require-hashes --requirement docker/constraints.lock)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[all,dev,dask,baselines,export]'
	# Without their requirements: pyclarity (only HAAQI is used) needs a torchaudio that does not fit the pinned torch,
	# tinysoundfont a package for sound cards that must be compiled.
	$(PIP) install --quiet --constraint constraints.txt --no-deps pyclarity tinysoundfont
	touch $@

demo: $(INSTALLED)  ## run the whole pipeline offline in minutes: music, 21 conditions, labels, a metric, plots
	PATH="$(abspath $(BIN)):$$PATH" bash demo.sh

test: $(INSTALLED)  ## run the test suite
	$(BIN)/python -m pytest -n auto --dist loadgroup --no-loadscope-reorder -q

web:  ## install what the tests of JavaScript and of docs/score.html need beside Chromium; they are skipped without it
	npm install --silent --no-audit --no-fund --prefix $(VENV)/node onnxruntime-web@1.30.0 playwright-core@1.65.1

coverage: $(INSTALLED)  ## run the test suite and report which lines it does not reach
	$(BIN)/python -m pytest -n auto --dist loadgroup --no-loadscope-reorder -q --cov --cov-report=term:skip-covered

check: $(INSTALLED)  ## check style, types and the command reference
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_docs.py -k reference_is_what

bench: $(INSTALLED)  ## repeat all of docs/performance.md on an idle machine, with the recordings of MUSIC; takes an hour
	PATH="$(abspath $(BIN)):$$PATH" python -m tests.bench.performance "$(MUSIC)"

truth: $(INSTALLED)  ## compare raters with all listening tests at hand (docs/truth.md); options in TRUTH
	$(BIN)/python -m tests.bench.truth $(TRUTH)

packaged: $(INSTALLED)  ## train the packaged metric again
	PATH="$(abspath $(BIN)):$$PATH" bash training/packaged.sh

lock: $(INSTALLED)  ## write docker/constraints.lock: every package of the image with the hash of its file
	$(BIN)/python docker/requirements.py all dask > $(VENV)/requirements.txt
	$(BIN)/python docker/lock.py $(VENV)/requirements.txt > docker/constraints.lock.new
	mv docker/constraints.lock.new docker/constraints.lock

docs: $(INSTALLED)  ## write docs/commands.md
	$(BIN)/python docs/reference.py

docker-test: $(INSTALLED)  ## build and test the container image, if the tools are installed
	PYTHON=$(BIN)/python bash docker/test.sh

clean:  ## remove everything that the targets made
	rm -rf $(VENV) build dist demo *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
