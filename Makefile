# deepaq: set-up, demo, tests. Every target makes `.venv` where it is missing.
# On Linux without a GPU, name PyTorch's CPU wheel index so that no CUDA is downloaded: make demo TORCH_INDEX=<address>
PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
DEEPAQ_SHARED ?= ../shared/data
export DEEPAQ_SHARED

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALLED := $(VENV)/.installed

.PHONY: help install demo test check bench truth coverage packaged docs docker-test clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED)  ## set up .venv

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep '^torch==' constraints.txt)"
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev,dask,baselines,export]'
	# Without what they depend on: pyclarity (HAAQI alone is wanted) brings a torchaudio that does not fit the pinned
	# torch, tinysoundfont a package for sound cards that has to be compiled.
	$(PIP) install --quiet --constraint constraints.txt --no-deps pyclarity tinysoundfont
	touch $@

demo: $(INSTALLED)  ## the whole road, offline, in minutes: music, 21 conditions, labels, a metric, plots
	PATH="$(abspath $(BIN)):$$PATH" bash demo.sh

test: $(INSTALLED)  ## the test suite
	$(BIN)/python -m pytest -n auto --dist loadgroup -q

coverage: $(INSTALLED)  ## the test suite with a report of what it does not reach
	$(BIN)/python -m pytest -n auto --dist loadgroup -q --cov --cov-report=term:skip-covered

check: $(INSTALLED)  ## style, types, command reference
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_docs.py -k reference_is_what

bench: $(INSTALLED)  ## the measurements that the README and the docs quote; takes a while
	for script in tests/bench/*.py; do $(BIN)/python $$script || exit 1; done

truth: $(INSTALLED)  ## how raters agree with every listening test at hand (docs/truth.md); options in TRUTH
	$(BIN)/python tests/bench/truth.py $(TRUTH)

packaged: $(INSTALLED)  ## train the packaged metric anew
	PATH="$(abspath $(BIN)):$$PATH" bash training/packaged.sh

docs: $(INSTALLED)  ## write docs/commands.md anew
	$(BIN)/python docs/reference.py

docker-test: $(INSTALLED)  ## build the image and run it, where tools for that are
	PYTHON=$(BIN)/python bash docker/test.sh

clean:  ## remove what the targets made
	rm -rf $(VENV) build dist demo *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
