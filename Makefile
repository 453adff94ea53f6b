# make demo   environment, install, clone a sentence, examine it and the example clips, write the evidence PDFs
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
	$(PIP) -c constraints.txt -e ".[lite]"
	touch $@

$(DEVELOPER): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -c constraints.txt -e ".[dev,lite,train]"
	touch $@ $(USER)

demo: demo/cloned.wav
	$(BIN)/voxproof verify demo/cloned.wav examples/*.wav --key demo/key.json --register demo/register --report demo --exit-zero
	@echo "The cloned sentence and the evidence reports are in $(CURDIR)/demo"

demo/cloned.wav: export VOXPROOF_REGISTER = demo/register
demo/cloned.wav: export VOXPROOF_ISSUER_KEY = demo/issuer.pem
demo/cloned.wav: $(USER)
	rm -rf demo/register demo/key.json demo/issuer.pem demo/heads demo/consent.json
	mkdir -p demo/register
	$(BIN)/voxproof watermark keygen -o demo/key.json
	$(BIN)/voxproof consent create --subject "The machine voice of the examples" --recording examples/machine.wav \
		--scope internal --until $$(date -u -d tomorrow +%F) --language en -o demo/consent.json
	$(BIN)/voxproof clone --reference examples/machine.wav --consent demo/consent.json --key demo/key.json \
		--scope internal --text "This sentence was never spoken. It was cloned with consent, and it carries a mark." -o $@

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
