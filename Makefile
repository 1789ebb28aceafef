# Everything happens in .venv; a fresh Debian machine needs python3.11 (with python3-venv), git and make.
# Debian's own comes first: it was compiled with profiles, and runs the engine a quarter faster than
# a Python 3.11 that was compiled without.
PYTHON ?= $(shell for one in /usr/bin/python3.11 python3.11 python3; do \
	if $$one -c 'import ensurepip' 2>/dev/null; then echo $$one; exit; fi; done; echo python3)
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test faults laws lint check bench bench-peers clean lock

demo: $(READY)
	$(BIN)/identity-engine demo

# One test more at once than there are processors, because many wait for a broker, a server or the
# disk; each process has servers of its own.
PYTEST := $(BIN)/pytest -n $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )) --maxprocesses 4 --dist worksteal

# The second run puts the stores of the laws on PostgreSQL.
test: $(READY)
	$(PYTEST)
	$(PYTEST) -q --store postgres -m "not slow" tests/properties \
		tests/integration/test_reevaluation_steps.py tests/integration/test_unmerging.py

# Many faults where a test run makes a few, and the table of them in docs/explanation/reliability.md.
# It needs Java and Maven, and takes the better part of an hour.
faults: $(READY)
	REQUIRE_KAFKA=1 $(BIN)/pytest --faults --timeout 3600 tests/faults \
		tests/integration/kafka/test_workers.py tests/integration/kafka/test_relays.py \
		tests/properties/test_interleaved_writers.py

# The laws with so many times as many examples, by chance. One time takes two minutes on two processors.
TIMES := 20
laws: $(READY)
	$(PYTEST) --laws $(TIMES) --timeout 7200 tests/properties

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint
	$(PYTEST) -q -m "not slow"

bench: $(READY)
	$(BIN)/identity-engine bench $(if $(DATA),--data $(DATA))

# Other tools on the same streams, each in an environment of its own under .peers.
# One that cannot be built is a row in the result, hence the dash.
# OPTIONS: --peer NAME, --table NAME, --limit-seconds N.
PEERS := splink goldenmatch recordlinkage dedupe

bench-peers: $(READY)
	$(if $(DATA),,$(error Say where the labelled streams are: make bench-peers DATA=FOLDER))
	-$(MAKE) --no-print-directory --keep-going $(PEERS:%=.peers/%/.ready)
	$(BIN)/python -m tests.benchmarks.peers.run --data $(DATA) $(OPTIONS)

.peers/%/.ready: tests/benchmarks/peers/requirements/%.txt
	rm -rf .peers/$*
	$(PYTHON) -m venv .peers/$*
	.peers/$*/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

clean:
	rm -rf .venv .demo .peers build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Resolve the newest versions within the ranges of pyproject.toml and write them down.
lock: $(READY)
	$(BIN)/pip freeze --exclude-editable --exclude pip --exclude setuptools > requirements.lock

$(READY): pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(READY)
