# A newcomer needs `make run` and `make test`; both install what they need into .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ENV ?= local
SECONDS ?= 600
INSTALLED := $(VENV)/installed

.PHONY: run test soak fuzz check mutants viz bench clean

run: $(INSTALLED) ## the whole chain on synthetic motion; ends with a table and a report
	$(BIN)/kedro run

test: check ## every check and every test but those of soak; ends with the ten slowest
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --durations=10

soak: $(INSTALLED) ## the slow tests of stops, full disks and damaged inputs by command, which test leaves out
	$(BIN)/python -m pytest -m soak

fuzz: $(INSTALLED) ## looks for inputs that break a reader, for SECONDS, guided by coverage; keeps them in build/fuzz
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[fuzz]'
	$(BIN)/python tools/fuzz.py $(SECONDS)

check: $(INSTALLED) ## formatting, lint, types, layers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright
	$(BIN)/lint-imports

mutants: $(INSTALLED) ## breaks the source in one place at a time and sees a test fail; ONLY=policy breaks some of them
	$(BIN)/python tools/mutants.py "$(ONLY)"

viz: $(INSTALLED) ## the pipelines and what the last run left, as a site in build/; ENV=cmu names another environment
	KEDRO_ENV=$(ENV) PYTHONWARNINGS=ignore $(BIN)/kedro viz build --include-previews
	@echo "Open it with: $(BIN)/python -m http.server --directory build 4141, at http://localhost:4141"

bench: $(INSTALLED) ## every benchmark, one after the other; DATA_ROOT=DIR names a folder of motion capture
	set -e; for script in benchmarks/[!_]*.py; do echo "== $$script"; DATA_ROOT=$(DATA_ROOT) $(BIN)/python $$script; done

clean: ## everything that runs and tools left behind, but no virtual environment
	find data -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
	rm -rf .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist .viz

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
