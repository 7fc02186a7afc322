# What can be done with this checkout. Every target sets up what it needs.

SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.complete
TESTS ?= tests
MINUTES ?= 5
RUNS ?= 50
JOBS ?= 200
ENGINE ?= docker
# Of the tests that need an engine, those that `make test` repeats on Podman: docs/engines.md.
ON_PODMAN := $(addprefix tests/, faults/test_podman.py faults/test_verdict_matrix.py \
  faults/test_adoption.py faults/test_cancel.py e2e/test_readme.py)

.DEFAULT_GOAL := help
.PHONY: help demo test test-podman test-podman-all lint images images-cpu images-all bench quality soak many-jobs gpu-ledger test-gpu trials schema locks clean

help:  ## show the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

demo: images  ## a film clip with subtitles, from nothing
	@$(BIN)/python demo/film.py demo/media/demo.mkv
	@test -e out/demo || $(BIN)/stagerun init out/demo --input media=demo/media/demo.mkv \
	  --input tmdb=demo/tmdb.json --input glossary=demo/glossary.tsv --set TARGET_LANGUAGES=es
	@$(BIN)/stagerun run out/demo --wait
	@$(BIN)/python demo/report.py out/demo

test: lint images-cpu  ## every check and every test
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not alone" $(TESTS)
	@$(BIN)/pytest -m alone $(TESTS)
	@$(MAKE) --no-print-directory test-podman

test-podman: images-cpu  ## the ends of runs and a film on Podman; part of make test
	@$(BIN)/pytest --engine podman -n 2 --dist worksteal $(ON_PODMAN)

test-podman-all: images-cpu  ## every test that needs an engine, on Podman
	@$(BIN)/pytest --engine podman -n 2 --dist loadfile --no-loadscope-reorder -m "not alone" $(TESTS)
	@$(BIN)/pytest --engine podman -m alone $(TESTS)

test-gpu: $(STAMP)  ## what only a machine with a GPU can show; part of make test, skipped without one
	@$(BIN)/pytest tests/gpu

lint: $(STAMP)  ## style, types, layers, the Python version of the in-container library
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy runner shared tests benchmarks demo
	@for stage in stages/*/; do MYPYPATH=.:$$stage $(BIN)/mypy $$stage || exit 1; done
	@$(BIN)/lint-imports > .cache/layers.txt || { cat .cache/layers.txt; exit 1; }
	@$(BIN)/vermin -t=3.9- --eval-annotations --no-tips -q shared stages

images: $(STAMP)  ## build the images of the embedded engines that are missing or older than their sources
	@$(BIN)/stagerun build

images-cpu: images  ## the same with the production engines for the CPU
	@$(BIN)/stagerun build 06_asr 08_translation --variant cpu

images-all: images-cpu  ## all images, the large ones for CUDA and demucs too
	@$(BIN)/stagerun build --all

bench: images  ## time against docker run; writes benchmarks/results.md
	@$(BIN)/python -m benchmarks.bench

quality: images  ## measure words, times and translations; writes docs/quality.md
	@$(BIN)/python -m benchmarks.quality

soak: $(STAMP)  ## kill runners and containers for MINUTES, then start RUNS at once; writes docs/reliability.md
	@$(BIN)/python -m tests.soak.soak --minutes $(MINUTES) --runs $(RUNS) --page $(if $(SEED),--seed $(SEED))

many-jobs: $(STAMP)  ## many jobs through two calls, one killed every 20 s, against docker run; writes docs/many-jobs.md
	@$(BIN)/python -m tests.soak.many_jobs --jobs $(JOBS) --page

gpu-ledger: $(STAMP)  ## kill processes that reserve memory of simulated GPUs; writes docs/gpu.md
	@$(BIN)/python -m tests.soak.gpu_ledger --page $(if $(SEED),--seed $(SEED))

trials: $(STAMP)  ## the verdict matrix, hostile stages, 100 000 malformed manifests in full; writes docs/reliability.md
	@$(BIN)/python -m tests.trials --engine $(ENGINE) $(SUITES)

schema: $(STAMP)  ## write docs/schema and the Compose files anew
	@$(BIN)/python -m runner.schema_files
	@$(BIN)/stagerun compose --quiet

locks: $(STAMP)  ## pin the newest versions that requirements/*.in allow
	@for name in runtime dev; do \
	  $(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe \
	    --no-emit-index-url --no-emit-find-links --no-emit-options --no-header \
	    --annotation-style=line --output-file requirements/$$name.lock requirements/$$name.in; \
	done

clean:  ## remove what make made here (images stay: see stagerun clean --images)
	rm -rf .venv .cache build dist *.egg-info out/demo demo/media

$(STAMP): requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "stagerun needs Python 3.11 or newer as $(PYTHON): make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is missing: sudo apt-get install python3-venv"; exit 1; }
	@echo "setting up .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  --config-settings editable_mode=compat -e . 2> .venv/install.log || { cat .venv/install.log; exit 1; }
	@mkdir -p .cache
	@touch $@
