# Each target sets up what it needs, once, in $(VENV), with pip's own configuration. Another Python or folder:
#     make test PYTHON=python3.12 VENV=/tmp/venv
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
FITS = $(shell $(PYTHON) -c 'import sys; print("yes" if sys.version_info >= (3, 11) else "")' 2>/dev/null)

.PHONY: help demo test lint types clean

help:
	@echo 'make demo    train with and without unlabelled synthetic people; prints a table, writes demo/report.html'
	@echo 'make test    run the tests'
	@echo 'make lint    ruff: rules and format'
	@echo 'make types   mypy'
	@echo 'make clean   remove .venv, demo, builds and caches'

demo: $(VENV)/.installed-lite
	$(BIN)/semipose demo --out demo

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest --numprocesses=logical --maxprocesses=8 --dist=loadfile

lint: $(VENV)/.installed-test
	$(BIN)/ruff check --no-cache src tests benchmarks
	$(BIN)/ruff format --no-cache --check src tests benchmarks

types: $(VENV)/.installed-test
	$(BIN)/mypy

clean:
	rm -rf .venv demo build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	$(if $(FITS),,$(error semipose needs Python 3.11 or newer, which $(PYTHON) is not; name one, as in: make test PYTHON=python3.12))
	$(PYTHON) -m venv $(VENV)
	@touch $@

# The package is editable, so only a change of its dependencies installs again.
# What is imported is compiled then; all of torch and its like would take a minute.
$(VENV)/.installed-%: $(VENV)/.created pyproject.toml
	$(BIN)/python -m pip install --no-compile --editable '.[$*]'
	@touch $@
