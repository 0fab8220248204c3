# Every command of the project; `make help` lists them. Needs git, make and Python 3.11 to 3.13.

PYTHON ?= python3
HOST ?= localhost
PORT ?= 8501
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# Source files are UTF-8, whatever the locale says.
export PYTHONUTF8 := 1

.DEFAULT_GOAL := help
.PHONY: help run test check format bench clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/.app ## start the app on http://localhost:8501 (elsewhere: make run HOST=0.0.0.0 PORT=9000)
	$(BIN)/python -m streamlit run app.py --server.address $(HOST) --server.port $(PORT)

# Browser tests stay together on one worker (tests/conftest.py); the rest is spread evenly.
test: $(VENV)/.dev ## run all tests, in a real browser too (some of them: make test ARGS="-k probe")
	scripts/with-chromium $(BIN)/python -m pytest -n 2 $(ARGS)

check: $(VENV)/.dev ## check format, lint, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## format the code and mend what the linter can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## measure what recording, pages and load cost (one part: make bench ARGS=...)
	$(BIN)/python -m benchmarks $(ARGS)

clean: ## remove everything that these commands made
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
		build dist gradflow.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip is the last thing that venv installs, so a half-made environment is made anew.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else \
		"GradFlow needs Python 3.11 or newer, this is %s; try: make PYTHON=python3.11 ..." \
		% sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

# The stamps: installed once, and again when a requirements file changes.
$(VENV)/.app: requirements.txt | $(BIN)/pip
	$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(PIP) install -r requirements-dev.txt
	@touch $@
