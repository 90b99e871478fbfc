# make demo: set up, train on a bundled corpus for two minutes, generate. make test: the whole suite.
PYTHON ?= $(or $(shell command -v python3.11),python3)
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.installed
EDITABLE := -e . -e corpora -e plugins/text
MINUTES ?= 2

.PHONY: install demo test check models wheels clean help

help:
	@echo "make install  sets up $(VENV) (pip's settings stay yours)"
	@echo "make demo     trains for $(MINUTES) minutes on tinyshakespeare and writes text into out/"
	@echo "make test     runs every test"
	@echo "make check    ruff, mypy and the walls between the rooms"
	@echo "make models   trains what ships (ten minutes; nobody needs to)"
	@echo "make wheels   builds one wheel a distribution into dist/"

install: $(SETUP)

$(SETUP): pyproject.toml corpora/pyproject.toml plugins/text/pyproject.toml constraints.txt requirements-dev.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { echo "seqforge needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r requirements-dev.txt $(EDITABLE)
	@touch $@

demo: install
	@mkdir -p out
	@rm -rf out/run
	$(BIN)/seqforge train --plugin text --corpus tinyshakespeare --minutes $(MINUTES) --run out/run
	$(BIN)/seqforge generate --model out/run --prompt "ROMEO:" --length 800 --seed 1 -o out/romeo.txt
	$(BIN)/seqforge generate --model out/run --length 400 -n 3 --seed 1 -o out/scenes/
	@echo
	@cat out/romeo.txt
	@echo
	@echo "written: out/romeo.txt, out/scenes/0001.txt to 0003.txt, out/run/model.safetensors"
	@echo "activate the environment:   . $(BIN)/activate"
	@echo "then, for instance:         seqforge generate --model out/run --prompt \"JULIET:\" --length 500"

test: install
	$(BIN)/python -m pytest -q

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

models: install
	@rm -rf out/models/text
	$(BIN)/seqforge train --plugin text --corpus tinyshakespeare --minutes 10 --run out/models/text
	$(BIN)/python -m seqforge.forge.ship out/models/text plugins/text/src/seqforge_text/models/default.safetensors

wheels: install
	for each in . corpora plugins/text; do $(BIN)/python -m build --quiet --wheel --outdir dist $$each; done

clean:
	rm -rf $(VENV) out dist
