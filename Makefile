# `make run` starts the service. Everything is installed into .venv; nothing outside this folder changes.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
FAULTS := mail_outages crashes isolation timing databases bursts redis malformed slow_clients refusals rolling_restart soak
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Only these plugins, and compiled files are kept: else each worker compiles hypothesis, schemathesis and all tests again.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --disable-plugin-autoload \
	-p xdist -p timeout -p randomly -n 3 --dist loadscope

.DEFAULT_GOAL := help
.PHONY: help run test test-ci test-long lint types docs lock bench faults clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

run: $(VENV)/.service ## start the service on http://localhost:8000
	@exec $(BIN)/python run.py

test: $(VENV)/.tests ## run the tests, on SQLite (ARGS="-k login" selects some)
	@$(PYTEST) --timeout 180 $(ARGS)

test-ci: $(VENV)/.tests ## what .ci/run runs: also PostgreSQL, MariaDB, proxies and what takes seconds
	@CI=true $(PYTEST) --timeout 180 $(ARGS)

test-long: $(VENV)/.tests ## the same with more rounds, clients and examples (ARGS="-m long": only what differs)
	@LONG_TESTS=1 $(PYTEST) --timeout 300 $(ARGS)

lint: $(VENV)/.tests ## check style, formatting and known mistakes
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/bandit -q -c .bandit.yml -r app clients/python config.py run.py

types: $(VENV)/.tests ## check types, strictly
	@$(BIN)/mypy

docs: $(VENV)/.docs ## build the documentation site into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs --quiet build --strict
	@echo "Open site/index.html."

lock: $(VENV)/.tests ## write requirements.lock from requirements.txt (ARGS=--upgrade takes newer versions of the rest)
	@$(BIN)/uv --quiet pip compile requirements.txt --constraints tests/requirements.txt --output-file requirements.lock \
		--universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-emit-index-url \
		--annotation-style line --custom-compile-command "make lock" $(ARGS)

bench: $(VENV)/.tests ## measure the speed of the main routes
	@$(BIN)/python -m tests.bench $(ARGS)

faults: $(VENV)/.tests ## test outages, crashes and floods (takes an hour; ARGS=--quick: minutes)
	@failed=; for script in $(FAULTS); do echo "== $$script"; \
		$(BIN)/python -m tests.faults.$$script $(ARGS) || failed="$$failed $$script"; done; \
		test -z "$$failed" || { echo "failed:$$failed" >&2; exit 1; }

clean: ## remove installed packages and caches; keeps instance/ (database, keys)
	rm -rf $(VENV) site .generators .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp per requirements file: pip runs only when the file changed.
$(VENV)/.service: requirements.lock | $(BIN)/pip
	@echo "Installing requirements.lock into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.tests: tests/requirements.txt $(VENV)/.service
	@echo "Installing tests/requirements.txt into $(VENV) ..."
	@$(PIP) install -r tests/requirements.txt
	@touch $@

$(VENV)/.docs: docs/requirements.txt | $(BIN)/pip
	@echo "Installing docs/requirements.txt into $(VENV) ..."
	@$(PIP) install -r docs/requirements.txt
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Latchkey needs Python 3.11 or newer, and '$(PYTHON)' is older. Choose another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
		echo "Python could not create a virtual environment. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
