# Each target makes what it needs. PYTHON picks the interpreter (3.11 or newer).
PYTHON ?= python3
BIN := .venv/bin
# Processes that run tests: half as many again as cores where tests wait for servers.
WORKERS ?= 2
BUSY_WORKERS ?= 3
# Compiled modules are kept when they are first imported: tests start many processes, and pip would compile all.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install run test lint format types contracts unit pytest long try-operations test-versions bench serve clean

help:            ## Show the targets.
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+:  .*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

.venv/installed: pyproject.toml setup.py constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --no-compile --constraint constraints.txt --editable '.[dev]'
	@touch $@

install: .venv/installed  ## Make .venv with exact versions of everything.

run: install     ## Bands for the bundled real prices, into .bandcast/bandcast.db.
	$(BIN)/bandcast run --source sample

test: install    ## Everything that CI runs.
	$(MAKE) --jobs 2 --output-sync lint types contracts
	$(MAKE) pytest

lint: install    ## Format and lint, checked.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: install  ## Format and lint, fixed where possible.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: install   ## mypy --strict.
	$(BIN)/mypy

contracts: install  ## The direction of the layers.
	$(BIN)/lint-imports

unit: install    ## The unit tests alone: no server, no browser, no coverage.
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -m "not long and not postgres" tests/unit

# Files in the order of their names, the slow ones of tests/browser and tests/integration early: xdist's own order is
# by the number of tests, which leaves the longest files to the end.
pytest: install  ## All tests, with coverage and its floor.
	$(BIN)/pytest -n $(BUSY_WORKERS) --dist loadfile --no-loadscope-reorder --cov --cov-report=term

long: install    ## The matrices in full: more databases and faults than `make test` has time for.
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -m long

try-operations: install  ## Set things in the Prefect UI, restart, deploy: all must stay; makes pictures.
	PYTHONPATH=tests/helpers $(BIN)/python tests/browser/try_operations.py

# The oldest and the newest Prefect that pyproject.toml allows; all else in the versions of constraints.txt, as far as
# the newest Prefect takes them.
ENDS := oldest newest
OLDEST := $(shell sed -n 's/.*"prefect>=\([0-9.]*\),.*/\1/p' pyproject.toml)
ON_BOTH := tests/integration/server tests/browser tests/integration/runs/test_daily.py tests/integration/runs/test_first_failures.py

.versions/%/installed: pyproject.toml setup.py constraints.txt
	$(PYTHON) -m venv .versions/$*
	grep -vi '^prefect==' constraints.txt > .versions/$*/constraints.txt
	.versions/$*/bin/python -m pip install --constraint .versions/$*/constraints.txt --editable '.[dev]' prefect==$(OLDEST)
	if [ $* = newest ]; then .versions/$*/bin/python -m pip install --upgrade --editable '.[dev]' prefect; fi
	@touch $@

test-versions: $(ENDS:%=.versions/%/installed)  ## Server, browser and run tests with the oldest and the newest Prefect.
	for end in $(ENDS); do .versions/$$end/bin/prefect version && \
	.versions/$$end/bin/pytest -n $(WORKERS) --dist loadfile $(ON_BOTH) || exit 1; done

# PRICES=folder walks over 2012-2019 of your own TICKER.csv files, as benchmarks/RESULTS.md does.
bench: install   ## Walk forward over history, print the scorecard; PRICES=folder of CSV files.
	$(BIN)/bandcast backtest --out .bandcast/bench.csv.gz --markdown $(if $(PRICES),\
	--source csv --csv-dir $(PRICES) --start 2012-01-03 --end 2019-12-31 --every 5,\
	--source sample --start 2011-01-03 --end 2012-12-31 --every 10)

serve: install   ## Prefect server and scheduled flows in the foreground.
	$(BIN)/bandcast serve

clean:           ## Remove .venv and caches; .bandcast stays.
	rm -rf .venv .versions build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
