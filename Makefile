# Everything sanctlib needs, from nothing but Python (3.11 or newer) and make.
.POSIX:
.SUFFIXES:

PYTHON = python3
VENV = .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
SPARK = $(VENV)/.spark
REPORTS = reports

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' Makefile

report: $(READY) ## clean the shipped data, run the notebooks, write HTML; ends with the index page
	$(BIN)/sanctlib prepare
	$(BIN)/sanctlib report --all --out $(REPORTS)

test: check ## the checks and the tests (all but the slow ones, those on Spark and those in a browser)
	$(BIN)/python -m pytest -m "not slow and not spark and not browser"

test-spark: $(SPARK) ## the tests on PySpark: 450 MB more, and Java must be there
	$(BIN)/python -m pytest -m spark

test-browser: $(READY) ## the notebooks in JupyterLab, in the Chromium that the machine has
	$(BIN)/python -m pytest -m browser tests/test_lab.py

test-all: check ## the checks and every test
	$(BIN)/python -m pytest

check: $(READY) ## ruff (lint, format) and mypy strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lab: $(READY) ## open the notebooks in JupyterLab
	SANCTLIB_STORE="$$PWD/data/processed" $(BIN)/jupyter lab notebooks

bench: $(READY) ## the benchmarks: up to 100 million rows, into benchmarks/results.md
	$(BIN)/python -m benchmarks

bench-small: $(READY) ## the same in minutes, up to a million rows
	$(BIN)/python -m benchmarks --small

docs: $(READY) ## the reference pages, written from the docstrings into docs/reference.md
	$(BIN)/python docs/build.py

gallery: $(READY) ## what the calls of docs/gallery.md print and draw (two of them on your copy of GSDB)
	$(BIN)/python docs/gallery.py

data: $(READY) ## rebuild the shipped tables that are computed from ../shared/data
	$(BIN)/python data/build.py

lock: ## pin every dependency again (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --extra lab --extra polars --extra ibis --extra fixest --extra survival --group dev pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --group spark -o requirements-spark.lock

clean: ## remove what make made; data/raw stays
	rm -rf $(VENV) $(REPORTS) data/processed build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find sanctlib tests benchmarks docs data -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sanctlib needs Python 3.11 or newer; make PYTHON=python3.12 names another one"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
	  -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	$(BIN)/python -m compileall -q $(VENV)/lib sanctlib || true
	@touch $(READY)

# PySpark alone has no wheel; what builds it is pinned in the other lock.
$(SPARK): $(READY) requirements-spark.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
	  --no-binary pyspark --no-build-isolation -r requirements-spark.lock
	@touch $(SPARK)

.PHONY: help gallery report test test-spark test-browser test-all check lab bench bench-small docs data lock clean
