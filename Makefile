# Mailroom's commands. Each sets up what it needs first: a virtual environment from the hashed lock, the Temporal server.

PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CRMS := $(VENV)/crms/.installed
PEERS := $(VENV)/peers/.installed

.PHONY: run test bench lock temporal

# Everything embedded, with a sandbox mailbox; ONCE=1 ends as soon as its mail is retrieved and linked.
run: $(INSTALLED)
	$(BIN)/python worker.py --dev $(if $(filter-out 0,$(ONCE)),--once)

test: $(INSTALLED) $(CRMS) temporal
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/pytest -n 4 --dist worksteal

# About a quarter of an hour; HUGE=1 retrieves a mailbox of 5 GB instead (20 GB of disk, 10 minutes).
bench: $(INSTALLED) $(PEERS) temporal
ifneq ($(filter-out 0,$(HUGE)),)
	$(BIN)/python -m bench.huge
else
	$(BIN)/python -m bench.retrieve
	$(BIN)/python -m bench.many
	$(BIN)/python -m bench.parse
	$(BIN)/python -m bench.bounces
	$(BIN)/python -m bench.idle
	$(BIN)/python -m bench.neighbours
	$(BIN)/python -m bench.linking
	$(BIN)/python -m bench.address_book
endif

# Exact versions with hashes, and nothing about where they came from.
lock:
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet --disable-pip-version-check pip-tools
	$(VENV)/lock/bin/pip-compile --quiet --upgrade --output-file=requirements.lock requirements.in
	$(VENV)/lock/bin/pip-compile --quiet --upgrade --output-file=tests/crms.lock tests/crms.in
	$(VENV)/lock/bin/pip-compile --quiet --upgrade --output-file=bench/peers.lock bench/peers.in

temporal: $(INSTALLED)
	$(BIN)/python -m infra.temporal.provision

$(INSTALLED): requirements.lock
	@test -n "$(PYTHON)" || { echo "mailroom: Python 3.11 or newer is needed: install it (Debian: apt-get install python3-venv, macOS: brew install python)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "mailroom: $(PYTHON) cannot make virtual environments (Debian: apt-get install python3-venv)"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

# The CRMs that the tests run, in an environment of their own: they are servers beside Mailroom, not a part of it.
$(CRMS): tests/crms.lock $(INSTALLED)
	@$(PYTHON) -m venv $(VENV)/crms
	$(VENV)/crms/bin/pip install --quiet --disable-pip-version-check --require-hashes -r tests/crms.lock
	@touch $@

# Libraries that benchmarks run beside Mailroom, likewise.
$(PEERS): bench/peers.lock $(INSTALLED)
	@$(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/pip install --quiet --disable-pip-version-check --require-hashes -r bench/peers.lock
	@touch $@
