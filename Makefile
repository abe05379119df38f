# One door: what CI calls is what a person calls. Needs Python 3.11+ and make, nothing else.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
# `make lock UPGRADE=1` takes the newest versions; without it, pins that still fit stay.
UPGRADE ?=

VENV := .venv
BIN := $(VENV)/bin
# Newer than the lock and pyproject.toml: the environment is what they say.
STAMP := $(VENV)/.installed
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help install run test check bench soak format lock clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)$$/\1|\2/p' Makefile \
		| while IFS='|' read -r target text; do printf 'make %-8s %s\n' "$$target" "$$text"; done

install: $(STAMP) ## make .venv with the locked dependencies and this project

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Rollbook needs Python 3.11 or newer; name one: make install PYTHON=python3.12" >&2; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing the locked dependencies into $(VENV) (once; about a minute)"
	@# With --no-deps: an older pip asks for the newest release of a locked package that another one
	@# wants with an extra, and then refuses it for not being locked. `pip check` says the lock is whole.
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip check --disable-pip-version-check >/dev/null
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: $(STAMP) ## serve on HOST and PORT; on first start makes the realm demo and prints what to paste
	@exec $(BIN)/rollbook quickstart --host $(HOST) --port $(PORT)

test: $(STAMP) ## run every test
	@$(BIN)/python -m pytest

check: $(STAMP) ## format, lint, import contracts, types, traces of machines
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/lint-imports
	@$(BIN)/mypy
	@$(BIN)/python -m tests.architecture.machine_traces

bench: $(STAMP) ## measure against an in-memory SCIM server and print the ratios
	@$(BIN)/python -m tests.bench

soak: $(STAMP) ## race and kill tests with their full counts
	@ROLLBOOK_SOAK=1 $(BIN)/python -m pytest tests/abuse -o faulthandler_timeout=0

format: $(STAMP) ## rewrite the code as the checks want it
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

lock: $(STAMP) ## pin the dependencies with hashes; UPGRADE=1 takes the newest
	@$(COMPILE) --output-file requirements/runtime.txt >/dev/null
	@$(COMPILE) --group dev --constraints requirements/runtime.txt --output-file requirements/dev.txt >/dev/null

clean: ## remove .venv, caches and builds; never var/, which holds data
	@rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
