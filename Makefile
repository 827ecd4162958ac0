# Needs make and Python 3.11 or newer; everything else is set up in .venv by scripts/setup.sh.
#
#   make run                          start Retrace
#   make run VIDEOS=/path/to/folder   start it and load that folder
#   make test                         run the tests

# Taken literally (a path may hold spaces and $) and handed on through the environment.
export RETRACE_VIDEOS := $(value VIDEOS)
export PYTHON SYSTEM_CHECK

BIN := .venv/bin
UV = $(shell command -v uv || echo build/uv/bin/uv)
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 \
	--no-header --no-emit-index-url --no-emit-find-links --no-annotate

.DEFAULT_GOAL := help
.PHONY: help run test check lint format types contracts rooms pictures benchmarks installed lock hooks setup setup-dev clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: setup ## start Retrace; VIDEOS=/path/to/folder loads that folder
	@if [ -n "$$RETRACE_VIDEOS" ]; then \
		exec $(BIN)/python main.py run --videos "$$RETRACE_VIDEOS"; \
	else \
		exec $(BIN)/python main.py run; \
	fi

test: setup-dev ## run the tests; ARGS="-k name" chooses
	@$(BIN)/python -m pytest $(ARGS)

check: lint types contracts ## lint, types and contracts

lint: setup-dev ## rules and format of the code
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: setup-dev ## put the code into shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: setup-dev ## check the types
	@$(BIN)/mypy

contracts: setup-dev ## check who imports whom
	@$(BIN)/lint-imports

rooms: setup-dev ## show who imports whom in window and services
	@$(BIN)/python -m scripts.rooms

pictures: setup-dev ## take the pictures of README and docs; needs a display, Xvfb will do
	@$(BIN)/python -m scripts.pictures

benchmarks: setup-dev ## measure rates and memory
	@for file in tests/benchmarks/bench_*.py; do \
		$(BIN)/python -m tests.benchmarks.$$(basename $$file .py) || exit; \
	done

installed: setup-dev ## build a wheel, install it into an empty environment and use it there
	@$(BIN)/python -m tests.benchmarks.check_installed

lock: setup-dev ## renew the locks from pyproject.toml; ARGS=--upgrade takes newer versions
	@command -v uv >/dev/null || { $(BIN)/python -m venv build/uv && build/uv/bin/python -m pip install --quiet uv; }
	@$(COMPILE) $(ARGS) pyproject.toml -o requirements.lock
	@$(COMPILE) $(ARGS) --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

hooks: setup-dev ## let git run lint, types and contracts before each commit
	@$(BIN)/pre-commit install

setup: ## set up what running needs
	@sh scripts/setup.sh runtime

setup-dev: ## set up what developing needs
	@sh scripts/setup.sh dev

clean: ## remove what the tools left (not .venv)
	@rm -rf build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache *.egg-info
	@find app reid_models trainer tests -name __pycache__ -type d -prune -exec rm -rf {} +
