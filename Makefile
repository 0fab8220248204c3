# Every command of the project; `make help` lists them. Needs git, make and Python 3.11 to 3.13.

PYTHON ?= python3
HOST ?= localhost
PORT ?= 8501
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# The servers of compose.yaml.
PROXIED ?= --server 10.221.8.2:8501 --server 10.221.8.3:8501

# Source files are UTF-8, whatever the locale says.
export PYTHONUTF8 := 1

.DEFAULT_GOAL := help
.PHONY: help run test check format bench lock proxy clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/.app ## start the app on http://localhost:8501 (elsewhere: make run HOST=0.0.0.0 PORT=9000)
	$(BIN)/python -m streamlit run app.py --server.address $(HOST) --server.port $(PORT)

# Browser tests stay together on one worker (tests/conftest.py); the rest is spread evenly.
test: $(VENV)/.dev ## run all tests, in a real browser too (some of them: make test ARGS="-k probe")
	scripts/with-nginx scripts/with-chromium $(BIN)/python -m pytest -n 2 $(ARGS)

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

# PyTorch and the CUDA libraries that some of its builds bring along differ from index to index, and
# are left out: requirements.txt alone pins them.
lock: $(VENV)/.dev ## write requirements.lock anew: hashes of all that requirements.txt needs
	echo "# Written by make lock: all that requirements.txt needs, but PyTorch." > requirements.lock
	$(BIN)/uv pip compile requirements.txt --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --quiet \
		| awk '/^[a-z]/ { wanted = !/^(cuda|nvidia|torch|triton)/ } wanted' >> requirements.lock

proxy: $(VENV)/.app ## write deploy/nginx.conf anew, for the servers of compose.yaml
	$(BIN)/python -m gradflow proxy $(PROXIED) > deploy/nginx.conf

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
$(VENV)/.app: requirements.lock requirements.txt | $(BIN)/pip
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	$(PIP) install -r requirements-dev.txt
	@touch $@
