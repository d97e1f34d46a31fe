# make bot     set up, train the example bot on its own data, and chat with it (MASSIVE=path: train on MASSIVE instead)
# make web     the same bot in a browser, beside what its classifier thinks (WEB="--share" and the like go to the page)
# make tensorboard   look at the curves of the example bot's trainings
# make test    set up, check the code and run the tests that are not slow (PYTEST="-k name" and the like go to pytest)
# Python 3.10 is found on the PATH or among pyenv's versions; else uv downloads it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
READY := $(VENV)/ready
WEB_VENV := .venv-web
WEB_READY := $(WEB_VENV)/ready
BOT_DATA := $(if $(MASSIVE),$(CURDIR)/.cache/massive/train,$(CURDIR)/example_bot/data/nlu)
# Rasa reports usage over the network by default, and waits long where there is none.
export RASA_TELEMETRY_ENABLED ?= false
export PYTHONWARNINGS ?= ignore
export SQLALCHEMY_SILENCE_UBER_WARNING = 1
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: help setup bot train-bot web web-setup tensorboard test lint lock clean

help:
	@sed -n 's/^# make/make/p' Makefile

setup: $(READY)

# Writes the interpreter's path, or 3.10 for uv to fetch. A pyenv shim on the PATH may refuse to run, so each is tried.
FIND_PYTHON = for candidate in python3.10 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.10.*/bin/python; do \
	  path=$$(command -v "$$candidate") && "$$path" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' \
	    2>/dev/null && { echo "$$path"; exit; }; done; echo 3.10

# uv: the one on the PATH, else one that pip puts into .cache and nowhere else.
UV = $(if $(shell command -v uv),uv,PYTHONPATH=.cache/uv python3 -m uv)

.PHONY: uv
uv:
	@$(UV) --version >/dev/null 2>&1 || python3 -m pip install --quiet --target .cache/uv uv || \
	  { echo "error: neither uv nor pip is here. Install uv, or python3 with pip, and run make again."; exit 1; }

$(READY): pyproject.toml constraints.txt | uv
	$(UV) venv --quiet --clear --python "$$($(FIND_PYTHON))" $(VENV)
	$(UV) pip install --quiet --compile-bytecode --python $(VENV) --constraint constraints.txt --editable '.[offline,parquet,doctor,report,tune,postgresql,mysql,serve,ray,bot,dev]'
	@touch $@

bot: train-bot
	@cd example_bot && $(BIN)/python chat.py

web: $(WEB_READY) train-bot
	@cd example_bot && EXAMPLE_BOT_WEB_PYTHON=$(CURDIR)/$(WEB_VENV)/bin/python $(BIN)/python web.py $(WEB)

web-setup: $(WEB_READY)

# The page has a Python of its own, since Gradio goes with no pydantic of Rasa's. It asks Rasa, or ONNX Runtime: what
# trains a model is left out.
NOT_FOR_THE_PAGE := torch transformers peft accelerate onnx
$(WEB_READY): pyproject.toml | uv
	$(UV) venv --quiet --clear --python '>=3.11,<3.14' $(WEB_VENV)
	printf "%s; python_version < '3'\n" $(NOT_FOR_THE_PAGE) > $(WEB_VENV)/left-out.txt
	$(UV) pip install --quiet --compile-bytecode --python $(WEB_VENV) --override $(WEB_VENV)/left-out.txt --editable '.[demo]'
	@touch $@

train-bot: $(READY)
ifdef MASSIVE
	@$(BIN)/rasa-bert-intent convert '$(MASSIVE)' --split train --output-dir .cache/massive --force
endif
	@cd example_bot && $(BIN)/rasa train --data data/rules.yml data/stories.yml data/lookups.yml \
	  data/nlu/out_of_scope.yml $(notdir $(wildcard example_bot/corrections)) $(BOT_DATA)

tensorboard: $(READY)
	$(BIN)/tensorboard --logdir example_bot/.tensorboard

test: $(READY) lint
	@$(MAKE) --no-print-directory web-setup || echo "No environment for the page: its tests are skipped."
	$(BIN)/python -m pytest -m "not slow" $(PYTEST)

lint: $(READY)
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --no-cache --check .
	$(BIN)/mypy

# The versions that make setup installs, without the address of any index.
lock: | uv
	$(UV) pip compile pyproject.toml --all-extras --python-version 3.10 --no-emit-index-url --no-emit-find-links \
	  --no-annotate --no-header --upgrade --quiet --output-file constraints.txt

clean:
	rm -rf $(VENV) $(WEB_VENV) .cache example_bot/.rasa example_bot/models example_bot/results example_bot/.tensorboard example_bot/state.db
