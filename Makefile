# Each target installs what it needs. State: .venv/ and the stamps in it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --no-input
export PIP_ROOT_USER_ACTION := ignore
# The tests start hundreds of servers: each would compile all of the code again
unexport PYTHONDONTWRITEBYTECODE

BUILT_FROM := src/duologue/server/_lane.c $(shell find web -type f -not -path '*/node_modules/*' -not -path '*/dist-client/*')
INTEROP := tests/interop/js
NPM := $(BIN)/python tools/npm.py

PEERS := bench/peers
BENCH := bench/build/load bench/build/floor $(PEERS)/node_modules/.installed .venv/installed-bench

DOCS := docs/_build

# Half of the time tests wait for what others do
WORKERS ?= $(shell echo $$((2 * $$(nproc))))

.PHONY: help run test check web wheel docs protocol pictures torture bench bench-quick budgets clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 12

run: .venv/installed ## Start the server with its page, and print its address
	@exec $(BIN)/duologue serve

test: check web $(INTEROP)/node_modules/.installed ## Check everything, and run every test
	@command -v curl >/dev/null || { apt-get -q update && apt-get -qy install curl; } >/dev/null || \
	  { echo "The examples of docs/rest.md are run with curl: install it."; exit 1; }
	@DUOLOGUE_TEST_PYTHON="$(CURDIR)/$(BIN)/python" $(NPM) web test
	@browser="$$($(BIN)/python tools/browser.py)" && \
	  DUOLOGUE_TEST_BROWSER="$$browser" $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder

check: .venv/installed-dev web/node_modules/.tools ## Lint, and check formatting, types and layers
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "Run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	@$(NPM) web run lint
	@$(NPM) web run check

web: .venv/installed-dev ## Build what is not Python: the page, and the express lane in C
	@$(BIN)/python hatch_build.py

wheel: web ## Build the package, into dist/
	@$(BIN)/python -m hatchling build --target wheel

docs: .venv/installed-dev ## Renew the documents made from the code, and build the site
	@$(BIN)/python tools/settings_doc.py
	@$(BIN)/python tools/consent_doc.py
	@$(BIN)/python tools/sizing_doc.py
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs $(DOCS)
	@echo "The documentation is in $(DOCS)/index.html"

protocol: .venv/installed-dev ## Renew the browser client's types, which are made from the server's structs
	@$(BIN)/python tools/protocol_ts.py

pictures: web ## Take the README's pictures of the page
	@browser="$$($(BIN)/python tools/browser.py)" && \
	  DUOLOGUE_TEST_BROWSER="$$browser" $(BIN)/python tools/screenshots.py

torture: web ## Kill, cut and starve the server while clients keep account (about half an hour)
	@$(BIN)/python -m tests.torture --full --report docs/reliability.md

bench: web $(BENCH) ## Measure against other servers on this machine (about 15 minutes)
	@$(BIN)/python -m bench run
	@$(BIN)/python -m bench report
	@$(BIN)/python tools/sizing_doc.py

bench-quick: web $(BENCH) ## The same, a rough look in under two minutes
	@$(BIN)/python -m bench run --quick

budgets: .venv/installed-dev ## Hold the last benchmark against the budgets (or FILES="...")
	@$(BIN)/python -m bench budgets $(FILES)

clean: ## Remove everything that was built or installed here
	rm -rf .venv web/node_modules web/dist-client $(INTEROP)/node_modules src/duologue/_web dist build
	rm -f src/duologue/server/_lane*.so
	rm -rf $(DOCS) bench/build $(PEERS)/node_modules
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A half-made environment, left by an interrupted run, has no stamp and is made anew.
.venv/made:
	@rm -rf .venv
	@echo "Making .venv"
	@$(PYTHON) -m venv .venv || { \
	  echo "No venv in this Python; trying virtualenv"; rm -rf .venv; \
	  $(PYTHON) -m pip install --quiet --user virtualenv || \
	    $(PYTHON) -m pip install --quiet --user --break-system-packages virtualenv; \
	  $(PYTHON) -m virtualenv --quiet .venv; }
	@touch $@

.venv/installed: .venv/made pyproject.toml hatch_build.py $(BUILT_FROM)
	@echo "Installing Duologue"
	@$(PIP) install --editable .
	@touch $@

.venv/installed-dev: .venv/made pyproject.toml hatch_build.py
	@echo "Installing Duologue and the tools for its tests"
	@$(PIP) install --no-compile --editable '.[dev]'  # of much of it the tests need nothing
	@touch $@ .venv/installed

web/node_modules/.tools: web/package-lock.json .venv/installed-dev
	@echo "Installing the tools for the page's tests"
	@$(NPM) web install
	@touch $@

$(INTEROP)/node_modules/.installed: $(INTEROP)/package-lock.json .venv/installed-dev
	@echo "Installing the JavaScript clients for the tests"
	@$(NPM) $(INTEROP) ci
	@touch $@

.venv/installed-bench: .venv/installed-dev
	@echo "Installing the servers to compare with"
	@$(PIP) install --editable '.[dev,bench]'
	@touch $@

$(PEERS)/node_modules/.installed: $(PEERS)/package-lock.json .venv/installed-dev
	@echo "Installing the servers on Node.js to compare with"
	@$(NPM) $(PEERS) ci
	@touch $@

bench/build/%: bench/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -o $@ $<

bench/build/%: bench/peers/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -o $@ $<
