# Everything a person does with this project. `make` alone says what there is.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
UV := $(VENV)/bin/uv
READY := $(VENV)/.ready
TOOLS := .venv-tools
TOOLS_READY := $(TOOLS)/.ready
MODEL := .local/embedder/manifest.json
LOCAL := $(PY) -m infrastructure.local
WORKERS ?= 2
export PYTHONPATH := .:functions
export SAM_CLI_TELEMETRY := 0

.PHONY: help setup demo up down reset logs push status test test-quick test-pythons test-engines check format openapi lock bench deploy

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(READY) $(MODEL) ## the environment and the embedding model; every other target does this by itself

$(READY): requirements/uv.txt requirements/dev.txt shared/pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "MemorySync needs Python 3.11 or newer, this is %d.%d. Name another one: make PYTHON=python3.13 ..." % v[:2])'
	@echo "Making the environment in $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@# A network with certificates of its own needs the system's; a bare machine may have none there. Either will do.
	@export VIRTUAL_ENV=$(abspath $(VENV)); sync="pip sync --quiet --require-hashes requirements/uv.txt requirements/dev.txt"; \
	  $(UV) $$sync 2> $(VENV)/sync.log || $(UV) --system-certs $$sync || { cat $(VENV)/sync.log >&2; exit 1; }
	@VIRTUAL_ENV=$(abspath $(VENV)) $(UV) pip install --quiet --no-deps --no-build-isolation --editable shared
	@touch $@

$(TOOLS_READY): requirements/tools.txt | $(READY)
	@echo "Making the environment of the outside tools in $(TOOLS) ..."
	@$(PYTHON) -m venv --clear $(TOOLS)
	@export VIRTUAL_ENV=$(abspath $(TOOLS)); sync="pip sync --quiet --require-hashes requirements/tools.txt"; \
	  $(UV) $$sync 2> $(TOOLS)/sync.log || $(UV) --system-certs $$sync || { cat $(TOOLS)/sync.log >&2; exit 1; }
	@touch $@

$(MODEL): $(READY) layers/embedder/build_model.py layers/embedder/model-requirements.txt
	@echo "Building the embedding model ..."
	@$(PY) layers/embedder/build_model.py --fetch --out .local/embedder
	@touch $@

demo: up ## the whole product on this machine: deploys it, adds a conversation, asks eight questions
	@$(PY) -m examples.demo

up: setup ## start the local stack and deploy template.yaml to it
	@$(LOCAL) up

down: $(READY) ## stop the local stack; its state stays
	@$(LOCAL) down

reset: $(READY) ## stop the local stack and forget its state
	@$(LOCAL) reset

logs: $(READY) ## follow the local stack's log
	@$(LOCAL) logs

push: $(READY) ## bring changed code into the running local stack
	@$(LOCAL) push

status: $(READY) ## say what runs where
	@$(LOCAL) status

test: setup ## all tests that need only Python, on a stack of their own
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup

test-quick: setup ## all tests that need no stack
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup -m "not journey" tests/unit tests/contract

test-pythons: setup ## the quick tests on the lowest and the highest other Python found on this machine
	@$(PY) -m infrastructure.pythons --except $(PY) | while read -r python; do \
	  $(MAKE) --no-print-directory test-quick PYTHON="$$python" VENV=".venv-$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" || exit 1; \
	done

test-engines: setup ## the index's contract on a real OpenSearch; needs JDK 17 and Maven
	@missing=$$($(PY) -m infrastructure.engines.opensearch missing) || { echo "ENGINES NOT RUN: $$missing"; exit 1; }
	@$(PY) -m pytest -n0 tests/engines

check: $(READY) ## format, lint, types, import rules, template, contract
	@mkdir -p .local
	@$(PY) -m ruff format --check --quiet . && echo "format ok"
	@$(PY) -m ruff check --quiet . && echo "lint ok"
	@$(PY) -m mypy --no-error-summary shared/backend functions infrastructure layers examples benchmarks tests && echo "types ok"
	@$(VENV)/bin/lint-imports --no-cache > .local/imports.txt || { cat .local/imports.txt; exit 1; }; echo "import rules ok"
	@$(PY) -m infrastructure.openapi --check && echo "contract current"
	@$(VENV)/bin/sam validate --lint --region us-east-1 > .local/template.txt 2>&1 || { cat .local/template.txt; exit 1; }; echo "template ok"

format: $(READY) ## put the code into its form
	@$(PY) -m ruff check --quiet --fix --exit-zero . && $(PY) -m ruff format --quiet .

openapi: $(READY) ## write shared/backend/openapi.json anew
	@$(PY) -m infrastructure.openapi

lock: ## resolve all requirement files anew
	@for each in uv dev tools; do \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header requirements/$$each.in -o requirements/$$each.txt; done
	@for layer in runtime:dependencies embedder:embedder; do \
	  $(UV) pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-header \
	    -c requirements/dev.txt requirements/$${layer%%:*}.in -o layers/$${layer##*:}/requirements.txt; done

bench: setup ## latency of the running local stack
	@$(PY) -m benchmarks.http

deploy: ## deploy to AWS
	@echo "This version cannot be deployed to AWS: the template neither makes an OpenSearch domain nor lets its functions call one."
	@echo "On one machine: make up."
	@exit 1
