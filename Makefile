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

.PHONY: help install demo test check bench clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED)  ## set up .venv

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$$(grep '^torch==' constraints.txt)"
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev,dask]'
	touch $@

demo: $(INSTALLED)  ## the whole road, offline, in minutes: music, 21 conditions, labels, a metric, plots
	PATH="$(abspath $(BIN)):$$PATH" bash demo.sh

test: $(INSTALLED)  ## the test suite
	$(BIN)/python -m pytest -n auto --dist loadgroup -q

check: $(INSTALLED)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(INSTALLED)  ## the measurements that the README and the docs quote
	for script in tests/bench/*.py; do $(BIN)/python $$script; done

clean:  ## remove what the targets made
	rm -rf $(VENV) build dist demo-data *.egg-info .pytest_cache .mypy_cache .ruff_cache
