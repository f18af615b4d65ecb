# Mailroom's commands. Each sets up what it needs first: a virtual environment from the hashed lock, the Temporal server.

# The Pythons on which the lock installs, newest first; a name that does not run (a shim of pyenv for a version that is not
# chosen) is passed over. PYTHON=... takes another: the environment is made anew where it is not of that Python.
SUPPORTED := python3.13 python3.12 python3.11
WORKING := $(shell for python in $(SUPPORTED); do $$python -c '' 2>/dev/null && command -v $$python; done)
RECENT := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(or $(firstword $(WORKING)),$(shell python3 -c '$(RECENT)' 2>/dev/null && command -v python3))
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CRMS := $(VENV)/crms/.installed
PEERS := $(VENV)/peers/.installed
IDENTITY := import sys; print(sys.base_prefix, *sys.version_info[:2])
STALE := $(shell test -e $(VENV)/pyvenv.cfg && test -n "$(PYTHON)" && \
	test "$$($(PYTHON) -c '$(IDENTITY)' 2>&1)" != "$$($(BIN)/python -c '$(IDENTITY)' 2>/dev/null)" && echo stale)

# What cancels and waits is tested on the other supported Pythons as well: asyncio is not the same in all of them.
OTHERS := $(filter-out $(shell test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; print("python%d.%d" % sys.version_info[:2])' 2>/dev/null), \
	$(notdir $(WORKING)))
ON_OTHERS := tests/infra/database/test_pool.py tests/infra/test_tasks.py tests/activities/mailbox/test_leases.py tests/activities/core/test_attempts.py
NOT_ON_OTHERS := mypy|ruff|twisted

.PHONY: run test endurance bench lock temporal

# Everything embedded, with a sandbox mailbox; ONCE=1 ends as soon as its mail is retrieved and linked.
run: $(INSTALLED)
	$(BIN)/python worker.py --dev $(if $(filter-out 0,$(ONCE)),--once)

test: $(INSTALLED) $(CRMS) temporal $(OTHERS:%=$(VENV)/%/.installed)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	@for python in $(OTHERS); do echo "$$python:" && $(VENV)/$$python/bin/pytest -n 2 $(ON_OTHERS) || exit 1; done
	$(BIN)/pytest -n 4 --dist worksteal

# What `make test` has in small, at full size: PostgreSQL is stopped and killed 200 times under watching accounts, workers 100
# times, everything around a Tryton 27 times, and every answer of a CRM is given to every request. A bit over half an hour.
endurance: $(INSTALLED) $(CRMS) temporal
	MAILROOM_ENDURANCE=200 $(BIN)/pytest -s $(addprefix tests/end_to_end/test_,endurance.py kill.py outages.py send_kill.py tryton_kill.py) \
		tests/activities/crm/adapters/test_answers.py tests/infra/dev/test_services.py tests/domain/bounces/test_notices.py

# About a quarter of an hour; HUGE=1 retrieves a mailbox of 5 GB instead (20 GB of disk, 10 minutes).
bench: $(INSTALLED) $(PEERS) temporal
ifneq ($(filter-out 0,$(HUGE)),)
	$(BIN)/python -m bench.huge
else
	$(BIN)/python -m bench.retrieve
	$(BIN)/python -m bench.many
	$(BIN)/python -m bench.parse
	$(BIN)/python -m bench.refusals
	$(BIN)/python -m bench.charsets
	$(BIN)/python -m bench.bounces
	$(BIN)/python -m bench.idle
	$(BIN)/python -m bench.neighbours
	$(BIN)/python -m bench.linking
	$(BIN)/python -m bench.address_book
	$(BIN)/python -m bench.search --messages 200000
endif

# Exact versions with hashes, and nothing about where they came from; of the oldest Python, because it needs the most.
lock:
	$(or $(lastword $(WORKING)),$(PYTHON)) -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet --disable-pip-version-check pip-tools
	$(VENV)/lock/bin/pip-compile --quiet --upgrade --output-file=requirements.lock requirements.in
	$(VENV)/lock/bin/pip-compile --quiet --upgrade --output-file=tests/crms.lock tests/crms.in
	$(VENV)/lock/bin/pip-compile --quiet --upgrade --output-file=bench/peers.lock bench/peers.in

temporal: $(INSTALLED)
	$(BIN)/python -m infra.dev.temporal.provision

$(INSTALLED): requirements.lock $(STALE)
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(RECENT)' || { echo "mailroom: Python 3.11 or newer is needed: install it (Debian: apt-get install python3-venv, macOS: brew install python)"; exit 1; }
	@$(if $(STALE),rm -rf $(addprefix $(VENV)/,.installed bin include lib lib64 pyvenv.cfg))
	@$(PYTHON) -m venv $(VENV) || { echo "mailroom: $(PYTHON) cannot make virtual environments (Debian: apt-get install python3-venv)"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.PHONY: stale

# The CRMs that the tests run, in an environment of their own: they are servers beside Mailroom, not a part of it.
$(CRMS): tests/crms.lock | $(INSTALLED)
	@$(PYTHON) -m venv $(VENV)/crms
	$(VENV)/crms/bin/pip install --quiet --disable-pip-version-check --require-hashes -r tests/crms.lock
	@touch $@

# Of the lock without what those tests do not need and what is large.
$(VENV)/python3.%/.installed: requirements.lock | $(INSTALLED)
	@$(filter %/python3.$*,$(WORKING)) -m venv --clear $(@D)
	@awk '/^[a-z]/ { wanted = !/^($(NOT_ON_OTHERS))==/ } wanted' $< > $(@D)/lock.txt
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r $(@D)/lock.txt
	@touch $@

# Libraries that benchmarks run beside Mailroom, likewise.
$(PEERS): bench/peers.lock $(INSTALLED)
	@$(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/pip install --quiet --disable-pip-version-check --require-hashes -r bench/peers.lock
	@touch $@
