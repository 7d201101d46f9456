# Everything sanctlib needs, from nothing but Python (3.11 or newer) and make.
.POSIX:
.SUFFIXES:

PYTHON = python3
VENV = .venv
BIN = $(VENV)/bin
RUN = $(VENV)/.run
DEV = $(VENV)/.dev
SPARK = $(VENV)/.spark
REPORTS = reports

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' Makefile

report: $(RUN) ## clean the shipped data, run the notebooks, write HTML; ends with the index page
	$(BIN)/sanctlib prepare
	$(BIN)/sanctlib report --all --out $(REPORTS)

test: check ## the checks and the tests (all but the slow ones, those on Spark and those in a browser)
	$(BIN)/python -m pytest -n auto -m "not slow and not spark and not browser"

test-spark: $(SPARK) ## the tests on PySpark: 450 MB more, and Java must be there
	$(BIN)/python -m pytest -m spark

test-browser: $(DEV) ## the notebooks in JupyterLab, in the Chromium that the machine has
	$(BIN)/python -m pytest -m browser tests/test_lab.py

test-r: $(DEV) ## numbers compared with R: on Debian r-base-core and five r-cran- packages
	@command -v Rscript > /dev/null || { echo "Rscript is missing. On Debian or Ubuntu: apt-get install" \
	  "r-base-core r-cran-survival r-cran-strucchange r-cran-sandwich r-cran-mass r-cran-gnm"; exit 1; }
	$(BIN)/python -m pytest -rs tests/test_against_r.py

test-all: check ## the checks and every test
	$(BIN)/python -m pytest

check: $(DEV) ## ruff (lint, format) and mypy strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lab: $(DEV) ## open the notebooks in JupyterLab
	SANCTLIB_STORE="$$PWD/data/processed" $(BIN)/jupyter lab notebooks

bench: $(DEV) ## the benchmarks: up to 100 million rows, into benchmarks/results.md
	$(BIN)/python -m benchmarks

bench-small: $(DEV) ## the same in minutes, up to a million rows
	$(BIN)/python -m benchmarks --small

docs: $(DEV) ## the reference pages, written from the docstrings into docs/reference.md
	$(BIN)/python docs/build.py

gallery: $(DEV) ## what the calls of docs/gallery.md print and draw (two of them on your copy of GSDB)
	$(BIN)/python docs/gallery.py

data: $(DEV) ## rebuild the shipped tables that are computed from ../shared/data
	$(BIN)/python data/build.py

LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header

lock: ## pin every dependency again (needs uv)
	$(LOCK) pyproject.toml --extra lab --extra polars --extra ibis --extra fixest --extra survival \
	  --group dev --group install -o requirements/dev.txt
	$(LOCK) pyproject.toml --extra fixest --group install -c requirements/dev.txt -o requirements/run.txt
	$(LOCK) --group spark -c requirements/dev.txt -o requirements/spark.txt
	echo uv | $(LOCK) - -o requirements/uv.txt

clean: ## remove what make made; data/raw stays
	rm -rf $(VENV) $(REPORTS) data/processed build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find sanctlib tests benchmarks docs data -name __pycache__ -type d -prune -exec rm -rf {} +

INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python

$(BIN)/uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sanctlib needs Python 3.11 or newer; make PYTHON=python3.12 names another one"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes \
	  --only-binary :all: -r requirements/uv.txt
	@touch $(BIN)/uv

# What a report imports; nothing else is compiled.
IMPORTED = sanctlib.cli, sanctlib.reports.run, papermill, ipykernel.kernelapp, nbconvert, duckdb, \
  pyarrow.csv, pyarrow.parquet, matplotlib_inline.backend_inline, matplotlib.backends.backend_pdf, \
  matplotlib.backends.backend_svg, xlsxwriter, pyfixest, statsmodels.tsa.api

$(RUN): $(BIN)/uv requirements/run.txt pyproject.toml
	$(INSTALL) --require-hashes --only-binary :all: -r requirements/run.txt
	$(INSTALL) --no-deps --no-build-isolation --offline -e .
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -c "import $(IMPORTED)"
	@touch $(RUN)

# Of what lifelines needs, one package has no wheel.
$(DEV): $(RUN) requirements/dev.txt
	$(INSTALL) --require-hashes --only-binary :all: --no-binary autograd-gamma --no-build-isolation \
	  -r requirements/dev.txt
	@touch $(DEV)

# PySpark alone has no wheel; what builds it is pinned for development.
$(SPARK): $(DEV) requirements/spark.txt
	$(INSTALL) --require-hashes --only-binary :all: --no-binary pyspark --no-build-isolation \
	  -r requirements/spark.txt
	@touch $(SPARK)

.PHONY: help gallery report test test-spark test-browser test-r test-all check lab bench bench-small docs data lock clean
