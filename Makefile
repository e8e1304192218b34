# `make` lists the targets. Everything is installed into $(VENV) from the hashed locks in requirements/,
# and again only when a lock changes: the stamps carry the lock's checksum in their names.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

VENV ?= .venv
ARGS ?=
PORT ?=

in_range := import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
ifeq ($(origin PYTHON), undefined)
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c '$(in_range)' 2>/dev/null && echo "$$p" && break; done)
endif

bin := $(VENV)/bin
checksum = $(firstword $(shell cksum < requirements/$(1).txt 2>/dev/null))
RUNTIME := $(VENV)/.runtime-$(call checksum,runtime)-$(call checksum,build)
TEST := $(VENV)/.test-$(call checksum,test)
DEV := $(VENV)/.dev-$(call checksum,dev)

# $(1): the lock's name. Prints one moving line instead of pip's hundreds.
define install
	@echo "Installing requirements/$(1).txt into $(VENV) (once per lock)"
	@$(bin)/python -m pip install --disable-pip-version-check --progress-bar off --require-hashes \
		-r requirements/$(1).txt \
		| awk -v moving="$$([ -t 2 ] && echo yes || true)" \
			'/^Collecting/ { n++; if (moving) { printf "\r  %d packages looked up", n; fflush() } } \
			/^Installing collected/ { if (moving) { printf "\r  unpacking %d packages ...", n; fflush() } } \
			END { printf "%s  %d packages installed%s\n", moving ? "\r" : "", n, moving ? "    " : "" }'
endef

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "  PYTHON=/path/to/python3.12 chooses the interpreter, PORT=9000 the sandbox's port, ARGS=... goes to pytest"

.PHONY: demo
demo: $(RUNTIME) ## the sandbox in your browser: no account, no network
	@$(bin)/python -m bot demo $(if $(PORT),--port $(PORT)) $(ARGS)

.PHONY: test
test: $(TEST) ## the test-suite
	@$(bin)/python -m pytest $(ARGS)

.PHONY: check
check: lint types contracts ## everything CI runs: lint, types, import contracts, tests with branch coverage
	@$(MAKE) test ARGS="--cov --cov-branch --cov-report=term:skip-covered $(ARGS)"

.PHONY: lint
lint: $(DEV) ## ruff, as linter and as formatter
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .

.PHONY: types
types: $(DEV) ## mypy --strict
	@$(bin)/mypy
	@find tests -name conftest.py | while read -r file; do MYPYPATH=$$(dirname "$$file"):tests $(bin)/mypy "$$file"; done

.PHONY: contracts
contracts: $(DEV) ## which package may import which
	@$(bin)/lint-imports

.PHONY: docs
docs: $(TEST) ## only the tests that keep documentation and layout true
	@$(bin)/python -m pytest tests/unit/house $(ARGS)

.PHONY: bench
bench: $(TEST) ## the measurements in tests/benchmarks
	@shopt -s nullglob; found=(tests/benchmarks/*.py); \
	[ $${#found[@]} -gt 0 ] || echo "There is no measurement in tests/benchmarks yet."; \
	for file in "$${found[@]}"; do echo "== $$file"; $(bin)/python "$$file"; done

# Runtime first; each further lock has to agree with the ones before it.
compile = $(bin)/uv pip compile --quiet --universal --generate-hashes --no-strip-extras --python-version 3.11 --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
.PHONY: lock
lock: $(DEV) ## write requirements/*.txt anew from pyproject.toml (UPGRADE=1: newest versions)
	@$(compile) pyproject.toml -o requirements/runtime.txt
	@$(compile) --group build -c requirements/runtime.txt -o requirements/build.txt
	@$(compile) pyproject.toml --group test -c requirements/runtime.txt -c requirements/build.txt -o requirements/test.txt
	@$(compile) pyproject.toml --group dev -c requirements/test.txt -c requirements/build.txt -o requirements/dev.txt

.PHONY: clean
clean: ## remove the environment, caches and build results (never your data)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(bin)/python:
	@if [ -z "$(PYTHON)" ] || ! "$(PYTHON)" -c '$(in_range)' 2>/dev/null; then \
		found=$$("$${PYTHON:-python3}" --version 2>&1) || found="none"; \
		echo "Deskbell needs Python 3.11, 3.12 or 3.13, and found $$found." >&2; \
		echo "Install one of them, or name it: make demo PYTHON=/path/to/python3.12" >&2; exit 1; fi
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "This Python cannot make virtual environments. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	@"$(PYTHON)" -m venv --clear $(VENV)

$(RUNTIME): | $(bin)/python
	$(call install,build)
	$(call install,runtime)
	@$(bin)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.runtime-* && touch $@

$(TEST): | $(RUNTIME)
	$(call install,test)
	@rm -f $(VENV)/.test-* && touch $@

$(DEV): | $(TEST)
	$(call install,dev)
	@rm -f $(VENV)/.dev-* && touch $@
