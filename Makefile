# The commands of this project; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(CURDIR)/node_modules/.bin:$(PATH)
export PYTHONUTF8 := 1
export PYTHONDONTWRITEBYTECODE := # or each of the processes that a run starts compiles its libraries again
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1
INSTALLED := $(VENV)/.installed
PAGE := frontend/dist/index.html

.DEFAULT_GOAL := help
.PHONY: help setup up test test-programs test-quick coverage check check-types check-code check-templates audit sbom bench fuzz soak journey lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) $(PAGE) ## install everything into this folder

up: $(INSTALLED) $(PAGE) ## the whole stack on this machine, until Ctrl-C   (CONTEXT="-c auth=off", OPTIONS="--help")
	@exec $(BIN)/python -m local $(OPTIONS) $(CONTEXT)

test: test-programs $(PAGE) ## every test                                       (TESTS=tests/unit)
	$(BIN)/pytest -n 2 --dist loadgroup --no-loadscope-reorder $(TESTS)

test-programs: $(INSTALLED) # browsers and others that only the tests use
	@$(BIN)/python -m tests.install_programs

coverage: $(INSTALLED) $(PAGE) ## every test, and which lines and branches they run
	@$(MAKE) --no-print-directory test TESTS="--cov --cov-report=term:skip-covered"

test-quick: $(INSTALLED) $(PAGE) ## the tests that start no stack: unit, infra, data_planes
	$(BIN)/pytest -n 2 --dist loadgroup --no-loadscope-reorder --hypothesis-profile=quick -m "not slow" tests/unit tests/infra tests/data_planes

check: $(INSTALLED) $(PAGE) ## style, types, imports, templates (cdk-nag, cfn-lint), vulnerabilities
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target check-types check-code check-templates audit
	@cat .local/audit/not-checked.txt

audit: $(INSTALLED) ## known vulnerabilities of all pinned packages
	@$(BIN)/python -m supply_chain.audit

check-types: # the longest, so it starts first
	$(BIN)/mypy

check-code:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	prettier --check --log-level warn frontend
	tsc --project frontend

check-templates:
	cdk synth --quiet --no-notices --no-validation --output .local/check/auth-on
	cdk synth --quiet --no-notices --no-validation --output .local/check/auth-off -c auth=off -c rest=on -c frontend=on
	cdk synth --quiet --no-notices --no-validation --output .local/check/everything -c rest=on -c frontend=on -c snap_start=on -c retain_data=off -c signing_keys=1,2 -c uploads=on \
	  -c 'access=[{"principal": "users", "actions": ["read", "write"], "prefix": "home/{sub}/"}]'
	$(BIN)/cfn-lint .local/check/*/*.template.json

sbom: $(INSTALLED) ## list what is deployed (CycloneDX) and its licences
	@$(BIN)/python -m supply_chain.sbom

bench: $(INSTALLED) ## compare signing and listing with the alternatives     (OPTIONS="--help")
	@$(BIN)/python -m bench $(OPTIONS)

fuzz: $(INSTALLED) ## a million inputs for what parses and checks requests       (OPTIONS="--help")
	@$(BIN)/python -m fuzz $(OPTIONS)

soak: $(INSTALLED) $(PAGE) ## an hour of load on the local stack, with key rotations         (OPTIONS="--help")
	@$(BIN)/python -m soak $(OPTIONS)

journey: $(INSTALLED) ## deploy, test, rotate and delete a stack in an AWS account (OPTIONS="--help")
	@$(BIN)/python -m deploy.journey all $(OPTIONS)

lock: ## update the pins of all dependencies
	$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make lock" --all-extras --group dev pyproject.toml -o locks/python.txt
	$(BIN)/uv pip compile -q --upgrade --python-version 3.11 --generate-hashes --no-annotate \
	  --custom-compile-command "make lock" locks/fuzz.in -o locks/fuzz.txt
	for name in functions cryptography; do \
	  $(BIN)/uv pip compile -q --upgrade --python-version 3.13 --python-platform aarch64-manylinux2014 --generate-hashes \
	    --no-annotate --custom-compile-command "make lock" -c locks/python.txt locks/$$name.in -o locks/$$name.txt; \
	done
	rm -rf node_modules package-lock.json  # npm would drop the packages of other platforms from the lock
	npm install --package-lock-only

clean: ## remove everything that was installed or built
	rm -rf $(VENV) node_modules frontend/dist frontend/dist-graphiql .local .bundle cdk.out .mypy_cache .pytest_cache .ruff_cache .hypothesis

# The page and, for this machine only, GraphiQL; built again when one of their sources has changed.
$(PAGE): $(INSTALLED) examples.graphql $(shell find frontend -type f -not -path "frontend/dist*")
	@vite build frontend/graphiql --logLevel error
	@vite build frontend --logLevel error

# Everything is installed when this file is newer than what it was installed from.
$(INSTALLED): locks/install.sh locks/python.txt package-lock.json
	@PYTHON=$(PYTHON) locks/install.sh
