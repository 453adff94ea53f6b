# make demo   environment, install, examine the example clips, write the evidence PDFs
# make test   environment, install, lint, types, layers, tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --progress-bar off --upgrade "pip>=24"
	$(BIN)/python -m pip install --quiet --progress-bar off -c constraints.txt -e ".[dev,train]"
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/voxproof verify examples/*.wav --report demo --exit-zero

test: lint
	$(BIN)/python -m pytest

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) demo build dist *.egg-info
