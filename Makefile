# Everything runs in the virtual environment that the first target makes; nothing but
# Python >= 3.11 and make is assumed. `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
UV_VERSION := 0.13.9

SAM_VERSION := 1.170.0
SAM_HOME := .sam
SAM := SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=eu-central-1 $(SAM_HOME)/bin/sam
ARCH ?= arm64
# What Lambda's runtime brings; it is not in the layer.
RUNTIME_HAS := boto3 botocore python-dateutil s3transfer six

.PHONY: help setup demo test check format bench lock clean sam-tools validate build events

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: $(VENV)/.ready ## Make the virtual environment (the other targets do it when needed)

$(VENV)/.ready: .ci/requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r .ci/requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## Two linked workspaces run flows in each other (KEEP=1 leaves them up)
	@$(BIN)/tieline demo $(if $(KEEP),--keep)

test: setup ## Run the whole test suite
	$(BIN)/pytest

check: setup ## Lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## Format the code
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

bench: setup ## Measure the remote no-op flow beside its floor
	$(BIN)/python benchmarks/remote_flow.py

sam-tools: $(SAM_HOME)/.ready ## Make an environment for the SAM command line alone

# Its own, since it pins what we pin otherwise.
$(SAM_HOME)/.ready: $(VENV)/.ready
	UV_TOOL_DIR=$(abspath $(SAM_HOME))/tools UV_TOOL_BIN_DIR=$(abspath $(SAM_HOME))/bin \
	  $(UV) tool install --quiet --force aws-sam-cli==$(SAM_VERSION)
	@touch $@

validate: sam-tools ## Check template.yaml
	$(SAM) validate --lint

build: sam-tools ## Build the functions and layers for Lambda (ARCH=x86_64: for that processor)
	UV=$(abspath $(UV)) ARCH=$(ARCH) $(SAM) build --parameter-overrides Architecture=$(ARCH)

events: setup ## Write the sample events anew
	$(BIN)/python events/generate.py

lock: setup ## Resolve the development lock anew from pyproject.toml
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --python-version 3.11 --upgrade pyproject.toml --extra embedded --extra dev \
	  --output-file .ci/requirements.lock
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --python-version 3.13 --constraint .ci/requirements.lock \
	  pyproject.toml --extra aws $(addprefix --no-emit-package ,$(RUNTIME_HAS)) \
	  --output-file layers/deps/requirements.txt

clean: ## Remove what the targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .demo $(SAM_HOME) .aws-sam
