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
PEERS := .venv-peers
PEERS_READY := $(PEERS)/.ready
NAME ?= http
ARGS ?=
MODEL := .local/embedder/manifest.json
LOCAL := $(PY) -m infrastructure.local
WORKERS ?= 3
QUICK ?= tests/unit tests/contract
# For suites whose single tests may take longer than any test of the others.
LONG := -o faulthandler_timeout=0
ENV ?= dev
export PARAMETERS ?=
export PYTHONPATH := .:functions
export SAM_CLI_TELEMETRY := 0

.PHONY: help setup demo up down reset logs push status test test-quick test-pythons test-engines test-outside test-isolation test-faults test-kills check format openapi lock bench package test-packages deploy undeploy

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

$(MODEL): $(READY) $(wildcard layers/embedder/*.py) layers/embedder/model-requirements.txt
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

test: setup $(TOOLS_READY) ## all tests that need only Python, on a stack of their own
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup

test-quick: setup $(TOOLS_READY) ## all tests that need no stack
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup -m "not journey" $(QUICK)

# Lambda runs none of these: gates are programs of .venv-tools, the others help whoever develops, measures or deploys, with the
# Python of `make setup`, on which `make test` runs them.
NEVER_ON_LAMBDA := benchmarks engines examples gates local packages
ON_LAMBDA := $(filter-out $(NEVER_ON_LAMBDA:%=tests/unit/%),$(patsubst %/,%,$(wildcard tests/unit/*/)))

test-pythons: setup ## the unit tests of what runs on Lambda, on the lowest and the highest other Python found on this machine
	@$(PY) -m infrastructure.pythons --except $(PY) | while read -r python; do \
	  EXAMPLES=few $(MAKE) --no-print-directory test-quick QUICK="$(ON_LAMBDA)" PYTHON="$$python" VENV=".venv-$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" || exit 1; \
	done

test-isolation: setup ## every operation, by everybody, with what is everybody else's: in process, and a share on a deployed stack; an hour
	@mkdir -p .local; ISOLATION=whole $(PY) -m pytest $(LONG) -n $(WORKERS) --dist loadgroup -rP tests/isolation > .local/isolation.txt 2>&1 \
	  || { cat .local/isolation.txt; exit 1; }
	@grep '^isolation ' .local/isolation.txt
	@awk '/^isolation / { for (i = 2; i <= NF; ++i) if ($$i == "cells,") sum += $$(i - 1) } END { print sum " cells, no leak" }' .local/isolation.txt

test-faults: setup ## a thousand histories under faults, and as many shuffled streams; minutes
	@MEMORYSYNC_FAULT_RUNS=$${MEMORYSYNC_FAULT_RUNS:-1000} $(PY) -m pytest $(LONG) -n0 -s tests/integration/faults

test-kills: setup ## twenty kills (-9) of a stack under four writers, 500 acknowledged memories before each; many minutes
	@$(PY) -m pytest $(LONG) -n0 -s tests/integration/faults/kills

# What speaks to DynamoDB. What reads pages does it with pages of one item, as a real table may end one anywhere: that is what a
# whole page would show too, which `make test` reads from moto. The rest, and what counts the calls of a page, has whole ones.
ON_PAGES := $(addprefix tests/contract/,audit encryption jobs memories state tenancy transcripts turns usage)
ON_TABLES := tests/contract/memories/test_query_calls.py tests/contract/kit tests/contract/tree/test_tree_answers.py $(wildcard tests/unit/kit/test_kit_dynamodb_*.py)

test-engines: setup ## the contracts on a real OpenSearch and a strict DynamoDB; needs JDK 17, Maven, cargo and a C compiler
	@missing=$$($(PY) -m infrastructure.engines missing) || { echo "ENGINES NOT RUN: $$missing"; exit 1; }
	@$(PY) -m infrastructure.engines build
	@$(PY) -m pytest -n0 tests/engines
	@DYNAMODB_ENGINE=dynoxide $(PY) -m pytest -n $(WORKERS) $(ON_TABLES)
	@DYNAMODB_ENGINE=dynoxide DYNAMODB_PAGE=1 $(PY) -m pytest -n $(WORKERS) $(ON_PAGES)

test-outside: setup $(TOOLS_READY) ## the served contract, tried with a hundred examples an operation and five seeds; many minutes
	@OUTSIDE_SEEDS=$${OUTSIDE_SEEDS:-5} OUTSIDE_EXAMPLES=$${OUTSIDE_EXAMPLES:-100} $(PY) -m pytest $(LONG) -n0 tests/journeys/outside

check: $(READY) $(TOOLS_READY) ## format, lint, types, import rules, contract, template, permissions, secrets, our own rules
	@mkdir -p .local
	@$(PY) -m ruff format --check --quiet . && echo "format ok"
	@$(PY) -m ruff check --quiet . && echo "lint ok"
	@$(PY) -m mypy --no-error-summary shared/backend functions infrastructure layers examples benchmarks tests && echo "types ok"
	@$(VENV)/bin/lint-imports --no-cache > .local/imports.txt || { cat .local/imports.txt; exit 1; }; echo "import rules ok"
	@$(PY) -m infrastructure.openapi --check && echo "contract current"
	@$(VENV)/bin/sam validate --lint --region us-east-1 > .local/template.txt 2>&1 || { cat .local/template.txt; exit 1; }; echo "template ok"
	@$(PY) -m infrastructure.gates

format: $(READY) ## put the code into its form
	@$(PY) -m ruff check --quiet --fix --exit-zero . && $(PY) -m ruff format --quiet .

openapi: $(READY) ## write shared/backend/openapi.json anew
	@$(PY) -m infrastructure.openapi

lock: ## resolve all requirement files anew
	@for each in uv dev tools peers; do \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header requirements/$$each.in -o requirements/$$each.txt; done
	@for layer in runtime:dependencies embedder:embedder; do \
	  $(UV) pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-header \
	    -c requirements/dev.txt requirements/$${layer%%:*}.in -o layers/$${layer##*:}/requirements.txt; done

bench: setup ## measure: NAME=http (default: the running stack), load, handlers, embedding, index, query, recall, filled, peers, capacity, growth, bulk, extraction, routing; ARGS=...
	@$(PY) -m benchmarks.$(NAME) $(ARGS)

$(PEERS_READY): requirements/peers.txt | $(READY)
	@echo "Making the environment of the stores that are measured beside ours in $(PEERS) ..."
	@$(PYTHON) -m venv --clear $(PEERS)
	@export VIRTUAL_ENV=$(abspath $(PEERS)); sync="pip sync --quiet --require-hashes requirements/peers.txt"; \
	  $(UV) $$sync 2> $(PEERS)/sync.log || $(UV) --system-certs $$sync || { cat $(PEERS)/sync.log >&2; exit 1; }
	@touch $@

package: setup ## the archives that AWS gets, for both of its processors, in .local/packages
	@$(PY) -m infrastructure.packages build

test-packages: package ## those archives, unpacked: their machine, their Python, their weight, and the x86-64 ones at work
	@$(PY) -m pytest -n0 tests/packages

# PARAMETERS='Name=value ...' goes before samconfig.toml; GUIDED=1 asks about everything again, YES=1 about nothing.
deploy: setup ## deploy to AWS: make deploy, or make deploy ENV=prod (docs/deploy.md)
	@$(PY) -m infrastructure.packages deploy --env $(ENV) --parameters "$$PARAMETERS" $(if $(GUIDED),--guided) $(if $(YES),--yes)

# DATA=1 also removes what holds data, after the stack's name was typed.
undeploy: $(READY) ## take a deployment away again; what holds data stays
	@$(PY) -m infrastructure.packages remove --env $(ENV) $(if $(DATA),--data) $(if $(YES),--yes)
