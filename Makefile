# make demo: install, show a tune, train on the bundled tune books for two minutes, write out/index.html. make test: run the test suite.
PYTHON ?= $(or $(shell command -v python3.11),python3)
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.installed
PLUGINS := plugins/text plugins/abc plugins/midi plugins/handwriting
EDITABLE := -e . -e corpora $(addprefix -e ,$(PLUGINS))
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
MINUTES ?= 2
MUTANTS ?= 100000

.PHONY: install demo test coverage check crash fuzz docs models wheels clean help

help:
	@echo "make install   create $(VENV) with pinned versions; pip's settings are not changed"
	@echo "make demo      show a tune, train for $(MINUTES) minutes on three tune books, write out/index.html"
	@echo "make test      run the test suite on all cores"
	@echo "make coverage  run the tests and compare the coverage of each package with its floor"
	@echo "make check     run ruff, codespell, mypy and import-linter"
	@echo "make crash     kill train, prepare and generate at every file operation, resume them, compare the files"
	@echo "make fuzz      read $(MUTANTS) damaged files of every kind; faults are saved in out/fuzz/faults/"
	@echo "make docs      build the site in out/site; broken links and anchors are errors"
	@echo "make models    train the shipped models again (some hours; docs/midi.md names the GPU trainings)"
	@echo "make wheels    build a wheel per distribution in dist/"

install: $(SETUP)

KERNELS := hatch_build.py $(wildcard seqforge/inference/*.c seqforge/inference/*.h seqforge/network/*.c seqforge/network/*.h)

$(SETUP): pyproject.toml $(KERNELS) corpora/pyproject.toml $(addsuffix /pyproject.toml,$(PLUGINS)) constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { echo "seqforge needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --upgrade pip
	$(PIP_INSTALL) --group dev $(EDITABLE)
	@touch $@

demo: install
	$(BIN)/python -m tools.demo --minutes $(MINUTES) --output out
	@echo "activate the environment:   . $(BIN)/activate"
	@echo "for example:                seqforge generate --model out/run --key Edor --meter C --rhythm reel -o reel.svg"

# Python stores compiled modules, also where PYTHONDONTWRITEBYTECODE is set: hundreds of child processes read them.
TEST_ENVIRONMENT := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=

test: install
	$(TEST_ENVIRONMENT) $(BIN)/python -m pytest -q -n auto --maxprocesses 8

coverage: install
	@mkdir -p out
	$(TEST_ENVIRONMENT) $(BIN)/python -m pytest -q -n auto --maxprocesses 8 --cov --cov-report=
	$(BIN)/coverage report
	$(BIN)/coverage json -q -o out/coverage.json
	$(BIN)/python tools/coverage_floors.py out/coverage.json

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports

crash: install
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.crash

fuzz: install
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.fuzz --count $(MUTANTS)

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

models: install
	@rm -rf out/models
	$(BIN)/seqforge train --plugin text --corpus tinyshakespeare --minutes 10 --run out/models/text
	$(BIN)/seqforge train --plugin abc --epochs 14 --dropout 0.3 --recurrent-dropout 0.3 --input-dropout 0.1 --run out/models/abc
	$(BIN)/seqforge train --plugin midi --corpus lieder --corpus openscore --song-labels key,density,polyphony --minutes 60 --batch-size 64 --dropout 0.15 --recurrent-dropout 0.1 --run out/models/songs
	$(BIN)/seqforge train --plugin midi --corpus jsb --song-labels key --minutes 45 --hidden 512 --batch-size 16 --dropout 0.4 --recurrent-dropout 0.3 --run out/models/chorales
	$(BIN)/seqforge train --plugin midi --corpus jsb16 --minutes 25 --hidden 400 --embedding 96 --lookback 32 --dropout 0.35 --recurrent-dropout 0.3 --input-dropout 0.05 --bptt 80 --run out/models/voices
	$(BIN)/seqforge train --plugin midi --corpus groove --minutes 4 --hidden 256 --dropout 0.4 --recurrent-dropout 0.3 --run out/models/drums
	$(BIN)/seqforge train --plugin handwriting --minutes 60 --batch-size 64 --run out/models/handwriting-lines
	$(BIN)/python -m tools.compose_lines --model out/models/handwriting-lines -o out/models/composed/train/lines.jsonl
	$(BIN)/seqforge train --plugin handwriting --corpus unipen --corpus out/models/composed --init out/models/handwriting-lines --minutes 40 --batch-size 48 --bptt 96 --learning-rate 0.0015 --run out/models/handwriting-composed
	$(BIN)/python -m tools.average_models out/models/handwriting-lines out/models/handwriting-composed --corpus unipen -o out/models/handwriting.safetensors
	for model in songs chorales voices drums; do $(BIN)/python -m tools.export_model --mantissa-bits 6 out/models/$$model plugins/midi/src/seqforge_midi/models/$$model.safetensors; done
	$(BIN)/python -m tools.export_model out/models/abc plugins/abc/src/seqforge_abc/models/default.safetensors
	$(BIN)/python -m tools.export_model out/models/handwriting.safetensors --corpus unipen plugins/handwriting/src/seqforge_handwriting/models/default.safetensors
	$(BIN)/python -m tools.export_model out/models/text plugins/text/src/seqforge_text/models/default.safetensors
	@command -v tesseract >/dev/null && $(BIN)/python benchmarks/hand_legibility.py --store plugins/handwriting/src/seqforge_handwriting/models/default.safetensors || echo "tesseract is missing: without a style, any hand is drawn"

wheels: install
	for folder in . corpora $(PLUGINS); do $(BIN)/python -m build --quiet --wheel --outdir dist $$folder; done

clean:
	rm -rf $(VENV) out dist
