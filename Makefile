# Everything a newcomer needs: `make run`, `make test`, `make help`.
#
# Each install step leaves a stamp in .venv, so a second run starts at once and a changed lock
# installs again. `make run` installs what the service needs; `make test` adds the test tools.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
STAMPS := $(VENV)/.stamps
LOCK_VENV := var/lock-venv
UV_VERSION := 0.13.9

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run install test bench screenshots lint format lock

help: ## List what can be made
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  Variables: PORT=8000 (run), ARGS=… (test, bench), PYTHON=… (a Python 3.11)."
	@echo "  For example: make run PORT=9000   make test ARGS='tests/domain -x'"

run: $(STAMPS)/project ## Install what the service needs, then start all of it on 127.0.0.1:PORT
	@exec $(BIN)/moderation up --port $(PORT)

install: $(STAMPS)/test ## Install everything for running and for testing into .venv

test: install ## Run the whole test suite; the servers it needs are started by itself
	@$(BIN)/python -m pytest $(ARGS)

bench: install ## Run the benchmarks beside Isso and print ratios (ARGS=--help lists them)
	@$(BIN)/python tests/benchmarks/run.py $(ARGS)

screenshots: install ## Take pictures of every page of the desk into var/screenshots
	@$(BIN)/python tests/screenshots.py

lint: install ## Check style, formatting and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

format: install ## Format the code and mend what can be mended by itself
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# --- Installing -----------------------------------------------------------------------------

$(STAMPS)/venv:
	@test -n "$(PYTHON)" || { echo "No python3.11 found: install Python 3.11 or name one with make PYTHON=…"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo "This needs Python 3.11, but $(PYTHON) is $$("$(PYTHON)" -V 2>&1)."; \
	  echo "Install Python 3.11 with its venv module, or name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Making a virtual environment in $(VENV) with $$("$(PYTHON)" -V)"
	@"$(PYTHON)" -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/runtime: requirements/runtime.txt $(STAMPS)/venv
	@echo "Installing what the service needs ($<)"
	@$(PIP) install --quiet --require-hashes -r $<
	@touch $@

# setuptools stands in the lock, so building the project's own metadata needs no network.
$(STAMPS)/project: pyproject.toml $(STAMPS)/runtime
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# PyTorch is the large part here, and the one package whose build differs between machines:
# that is why this lock has no hashes.
$(STAMPS)/test: requirements/test.txt $(STAMPS)/project
	@echo "Installing what the tests need ($<; PyTorch is in it, this can take some minutes)"
	@$(PIP) install --quiet -r $<
	@touch $@

# --- Locks ----------------------------------------------------------------------------------
# Run this after a change of dependencies in pyproject.toml, and commit what it writes.
# Versions already locked stay where they are; `make lock UPGRADE=--upgrade` takes newer ones.
#
# CUDA's packages are left out of the test lock: PyPI's PyTorch names the exact ones it wants,
# and a CPU build of PyTorch wants none.

UPGRADE ?=
COMPILE = $(LOCK_VENV)/bin/uv pip compile --quiet --no-config --python-version 3.11 \
	--python-platform linux --no-header $(UPGRADE) pyproject.toml

lock: $(LOCK_VENV)/bin/uv ## Resolve pyproject.toml anew into requirements/*.txt
	@$(COMPILE) --group build --generate-hashes -o requirements/runtime.txt
	@$(COMPILE) --group build --group test --all-extras --annotation-style line \
	  -c requirements/runtime.txt -o requirements/test.txt
	@sed -i.old -E '/^(cuda|nvidia|triton)[a-z0-9-]*==/d' requirements/test.txt
	@rm requirements/test.txt.old
	@echo "Wrote requirements/runtime.txt and requirements/test.txt"

$(LOCK_VENV)/bin/uv:
	@"$(PYTHON)" -m venv $(LOCK_VENV)
	@$(LOCK_VENV)/bin/python -m pip install --disable-pip-version-check --quiet uv==$(UV_VERSION)
