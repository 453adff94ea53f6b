# make demo   environment, install, examine the example clips, write the evidence PDFs
# make test   environment, install, lint, types, layers, tests: the same commit, the same answer
# make fuzz   the property tests with new random examples
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --progress-bar off
USER := $(VENV)/.installed
DEVELOPER := $(VENV)/.installed-for-development

.PHONY: demo test fuzz lint clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(USER): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -c constraints.txt -e .
	touch $@

$(DEVELOPER): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -c constraints.txt -e ".[dev,train]"
	touch $@ $(USER)

demo: $(USER)
	$(BIN)/voxproof verify examples/*.wav --report demo --exit-zero
	@echo "The evidence reports are in $(CURDIR)/demo"

test: lint
	$(BIN)/python -m pytest --hypothesis-profile=ci

fuzz: $(DEVELOPER)
	$(BIN)/python -m pytest --hypothesis-profile=default -m hypothesis

lint: $(DEVELOPER)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) demo build dist *.egg-info
