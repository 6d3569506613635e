# Two commands are all that a fresh machine needs (Python 3.11 to 3.13, git, make): `make demo` and `make test`.
# They make .venv themselves, with uv where it is there, else with venv and pip. PYTHON=... chooses the interpreter.
PYTHON ?=
BIN := .venv/bin
STAMP := .venv/.installed
PYTEST := $(BIN)/python -m pytest
# DIST= runs the tests in one process. Tests wait half of their time, so three processes are right for two cores; each of those of the stack has Trino beside it.
DIST ?= -n 3 --dist loadfile --no-loadscope-reorder
STACK_DIST ?= -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo test test-kill test-stack test-stack-long bench lint settings-page screenshots transcript lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

$(STAMP): requirements.lock pyproject.toml
	@scripts/install "$(PYTHON)"
	@touch $(STAMP)

demo: $(STAMP) ## a generated world, loaded, computed, released; ends with numbers and commands to copy
	@scripts/demo

test: $(STAMP) ## all tests but the long ones
	$(PYTEST) $(DIST) -p scripts.no_skips -m "not kill and not stack" --durations=15 $(ARGS)

test-kill: $(STAMP) ## SIGKILL at many random moments, and at each step of a run alone; many random loads
	$(PYTEST) -p scripts.no_skips -m kill $(ARGS)

test-stack: $(STAMP) ## on real servers: object store, REST catalog, Trino, PostgreSQL (docs/stack.md says what they need)
	$(PYTEST) $(STACK_DIST) -p scripts.no_skips -m "stack and not long" --durations=15 $(ARGS)

test-stack-long: $(STAMP) ## the slowest of them: parity step by step, on recorded hours and after random loads, kills and dying servers, Spark
	$(PYTEST) -p scripts.no_skips -m long $(ARGS)

bench: $(STAMP) ## the benchmarks, one after the other (benchmarks/README.md)
	@scripts/bench

lint: $(STAMP) ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

settings-page: $(STAMP) ## write docs/settings.md anew from the settings' tree
	$(BIN)/python -m scripts.settings_page > docs/settings.md.new
	mv docs/settings.md.new docs/settings.md

screenshots: $(STAMP) ## take the pictures of docs/orchestration.md anew (needs uv, and Debian's chromium and chromium-driver)
	uv run --quiet --no-project --with selenium==4.38.0 scripts/dagster_screenshots.py

transcript: $(STAMP) ## write docs/transcript.md and docs/api-transcript.md anew (starts the servers of make test-stack)
	OSSLAKE_WRITE_TRANSCRIPT=1 $(PYTEST) -q tests/end_to_end/test_api_transcript.py
	OSSLAKE_WRITE_TRANSCRIPT=1 $(PYTEST) -q tests/stack/test_transcript.py

lock: ## choose the versions of all dependencies anew (needs uv)
	uv pip compile --quiet --universal --no-strip-extras --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --extra dev --extra stack --extra dagster --extra bigquery pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --no-strip-extras --python-version 3.13 --generate-hashes --no-emit-index-url --no-header \
	  tests/bigquery/requirements.in -o tests/bigquery/requirements.lock

clean: ## remove .venv, the demo and what tools left
	rm -rf .venv demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
