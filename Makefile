# Two words are enough: `make try` shows what dockerkit does, `make test` proves it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST ?=

.PHONY: help try test check lint format bench clean packages

.NOTPARALLEL:

help: ## Show these words
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

try: $(VENV)/ready-try ## Install into .venv, start a daemon of its own, run containers, leave nothing
	@$(BIN)/python -m dockerkit.cli.tour

# A formatting error must not hide a failing test: all of it runs, and whatever fails makes the target fail.
# Two workers of pytest-xdist share the tests, each with daemons of its own; those that measure, or look at the whole machine,
# come alone afterwards: there are two summaries. What failed beside another worker is tried once more, with the machine to
# itself: a third summary says what of it still fails. With PYTEST=... (a path, -k, -x) one process runs what it says.
test: packages $(VENV)/ready-test ## Install what the tests need, check, and run every test
	@status=0; $(MAKE) --no-print-directory lint || status=$$?; \
	if $(if $(strip $(PYTEST)),true,false); then \
	  $(BIN)/python -m pytest $(PYTEST) || status=$$?; \
	else \
	  together=0; $(BIN)/python -m pytest -n 2 --dist loadfile -m "not alone" || together=$$?; \
	  if [ $$together = 1 ]; then together=0; \
	    $(BIN)/python -m pytest --lf --lfnf=none -m "not alone" || together=$$?; fi; \
	  [ $$together = 0 ] || status=$$together; \
	  $(BIN)/python -m pytest -m alone || status=$$?; \
	fi; \
	exit $$status

check: lint ## Formatter, linter, strict types, and the rules of the house
	$(BIN)/python -m pytest -q tests/architecture

# Each says what is wrong, whatever the others said.
lint: $(VENV)/ready-test
	@status=0; for words in "ruff format --check ." "ruff check ." "mypy"; do \
	  echo "$(BIN)/$$words"; $(BIN)/$$words || status=$$?; \
	done; \
	exit $$status

format: $(VENV)/ready-test ## Format, and fix what the linter can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: packages $(VENV)/ready-test ## Measure, beside dockerd where there is one
	@$(BIN)/python tests/bench/run_echo.py
	@$(BIN)/python tests/bench/run_alive.py
	@$(BIN)/python tests/bench/run_memory.py
	@$(BIN)/python tests/bench/run_images.py
	@$(BIN)/python tests/bench/run_names.py
	@$(BIN)/python tests/bench/run_bootstrap.py
	@$(BIN)/python tests/bench/run_networks.py

clean: ## Remove what make made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

packages:
	@.ci/packages

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "dockerkit needs Python 3.11 or newer, and $(PYTHON) is not: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments: install them first (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/ready-try: pyproject.toml | $(BIN)/pip
	@echo "installing dockerkit into $(VENV)"
	@$(BIN)/pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/ready-test: pyproject.toml | $(BIN)/pip
	@echo "installing dockerkit and what its tests need into $(VENV)"
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[test,check,browser]'
	@touch $@ $(VENV)/ready-try
