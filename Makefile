# What people and CI run. Needs Python 3.11 or newer, make and git; everything else goes into .venv/.
.DEFAULT_GOAL := help
.PHONY: help install no-git repro test acceptance lint types bench catalogue ui system clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
ARGS ?=
PORT ?= 5000
# Debian packages that the tests need
SYSTEM := git make g++ postgresql
# data.dvc names the remote of the raw data; DVC warns that there is no default one unless it hears the name again
PULL = dvc pull $(patsubst %,-r %,$(shell awk '$$1 == "remote:" {print $$2}' data.dvc)) data.dvc

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.installed ## .venv/ with the exact versions of constraints.txt

no-git: install
	@git rev-parse > /dev/null 2>&1 || dvc config --local core.no_scm true

repro: no-git ## raw data to evaluated, tracked models: dvc repro
	$(PULL)
	dvc repro $(ARGS)

test: no-git ## the tests; ARGS="-k mlp" runs some of them
	$(PULL)
	pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not acceptance" $(ARGS)

acceptance: install ## the sizes that the documentation promises; slow
	$(PULL)
	pytest -m acceptance $(ARGS)

lint: install ## ruff: mistakes and format
	ruff check
	ruff format --check

types: install ## mypy
	mypy

bench: no-git ## speed and memory, side by side with what else there is, into benchmarks/results.md; a quarter of an hour
	$(PULL)
	python benchmarks/run.py $(ARGS)

catalogue: install ## train and evaluate every experiment anew, into docs/catalogue.md; slow
	trainbook catalogue

ui: install ## every run, in the browser: http://127.0.0.1:5000, or PORT=5001
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow ui --workers 1 --host 127.0.0.1 --port $(PORT) \
		--backend-store-uri "sqlite:///$(CURDIR)/mlflow.db" --default-artifact-root "$(CURDIR)/mlartifacts"

system: ## Debian packages that the tests need, where they are missing; as root
	@dpkg -s $(SYSTEM) > /dev/null 2>&1 || { apt-get update && apt-get install -y --no-install-recommends $(SYSTEM); }

clean: ## remove caches and build/; runs/, mlflow.db and .venv/ stay
	rm -rf build .pytest_cache .mypy_cache .ruff_cache
	find src tests benchmarks docs -name __pycache__ -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; PYTHON=… names it." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/.installed: pyproject.toml constraints.txt | .venv/bin/python
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	@touch $@
