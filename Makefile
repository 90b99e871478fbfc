# make demo: set up, train on the bundled tune books for two minutes, generate. make test: the whole suite.
PYTHON ?= $(or $(shell command -v python3.11),python3)
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.installed
PLUGINS := plugins/text plugins/abc plugins/midi plugins/handwriting
EDITABLE := -e . -e corpora $(addprefix -e ,$(PLUGINS))
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
MINUTES ?= 2

.PHONY: install demo test coverage check docs models wheels clean help

help:
	@echo "make install  sets up $(VENV) (pip's settings stay yours)"
	@echo "make demo     trains for $(MINUTES) minutes on three tune books and writes tunes into out/"
	@echo "make test     runs every test, on all cores"
	@echo "make coverage runs every test and compares the coverage of each package with its floor"
	@echo "make check    ruff, mypy and the walls between the rooms"
	@echo "make docs     builds the site into out/site; every link and anchor must lead somewhere"
	@echo "make models   trains what ships (53 minutes; nobody needs to)"
	@echo "make wheels   builds one wheel a distribution into dist/"

install: $(SETUP)

$(SETUP): pyproject.toml corpora/pyproject.toml $(addsuffix /pyproject.toml,$(PLUGINS)) constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { echo "seqforge needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --upgrade pip
	$(PIP_INSTALL) --group dev $(EDITABLE)
	@touch $@

demo: install
	@mkdir -p out
	@rm -rf out/run
	$(BIN)/seqforge train --plugin abc --minutes $(MINUTES) --run out/run
	for kind in abc mid svg; do $(BIN)/seqforge generate --model out/run --key D --meter 6/8 --rhythm jig --bars 16 --seed 1 -o out/tune.$$kind; done
	$(BIN)/seqforge generate --model out/run -n 5 --seed 2 -o out/book.abc
	@echo
	@cat out/tune.abc
	@echo
	@echo "written: out/tune.abc, out/tune.mid, out/tune.svg (open it in a browser), out/book.abc, out/run/model.safetensors"
	@echo "activate the environment:   . $(BIN)/activate"
	@echo "then, for instance:         seqforge generate --model out/run --key Edor --meter C --rhythm reel -o reel.svg"

test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --maxprocesses 8

coverage: install
	@mkdir -p out
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --maxprocesses 8 --cov --cov-report=
	$(BIN)/coverage report
	$(BIN)/coverage json -q -o out/coverage.json
	$(BIN)/python tools/coverage_floors.py out/coverage.json

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

models: install
	@rm -rf out/models
	$(BIN)/seqforge train --plugin text --corpus tinyshakespeare --minutes 10 --run out/models/text
	$(BIN)/seqforge train --plugin abc --minutes 12 --run out/models/abc
	$(BIN)/seqforge train --plugin midi --corpus lieder --minutes 15 --dropout 0.4 --recurrent-dropout 0.3 --run out/models/songs
	$(BIN)/seqforge train --plugin midi --corpus jsb --minutes 10 --dropout 0.3 --recurrent-dropout 0.2 --run out/models/chorales
	$(BIN)/seqforge train --plugin midi --corpus groove --minutes 3 --hidden 256 --dropout 0.4 --recurrent-dropout 0.3 --run out/models/drums
	$(BIN)/seqforge train --plugin handwriting --minutes 60 --batch-size 64 --run out/models/handwriting
	for each in songs chorales drums; do $(BIN)/python -m tools.export_model out/models/$$each plugins/midi/src/seqforge_midi/models/$$each.safetensors; done
	$(BIN)/python -m tools.export_model out/models/abc plugins/abc/src/seqforge_abc/models/default.safetensors
	$(BIN)/python -m tools.export_model out/models/handwriting plugins/handwriting/src/seqforge_handwriting/models/default.safetensors
	$(BIN)/python -m tools.export_model out/models/text plugins/text/src/seqforge_text/models/default.safetensors

wheels: install
	for each in . corpora $(PLUGINS); do $(BIN)/python -m build --quiet --wheel --outdir dist $$each; done

clean:
	rm -rf $(VENV) out dist
