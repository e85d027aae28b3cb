# Two commands: `make demo` does the main job on real input, `make test` proves it.
# Everything is installed into .venv; what users must have is Python 3.11+ and make.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 3
N ?= 200
SECONDS ?= 300
SPREAD := -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations=10
MEASURED := tests/tlogverify tests/tlog/log/merkle tests/tlog/hashing

# Without bytecode every process that tests start would compile all of ours again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo release-dry-run test format lint types tests measured others coverage sanitize test-kubernetes test-browser fuzz crash shared standby many bench bench-long bench-check clean

demo: $(VENV)/installed
	$(BIN)/python docs/demo.py

# Build twice, install alone and together, attest, log, verify: nothing leaves the machine.
release-dry-run: $(VENV)/installed
	$(BIN)/python docs/release.py

test: lint types tests coverage sanitize

format: $(VENV)/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/installed
	$(BIN)/mypy

# The pure parts are measured by their own tests alone, and the others run without the
# tracer, which doubles the time of what it watches.  Both run at once; those that are
# measured only compute, one after the other, and show what they say at their end.
tests: $(VENV)/installed
	$(MAKE) --no-print-directory -j2 measured others

measured: $(VENV)/installed
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest --durations=5 $(MEASURED) > $(VENV)/measured.log 2>&1; status=$$?; cat $(VENV)/measured.log; rm $(VENV)/measured.log; exit $$status

# Files are taken in the order of their names: by default those of few tests come last,
# and they are the longest.
others: $(VENV)/installed
	$(BIN)/python -m pytest $(SPREAD) $(MEASURED:%=--ignore=%) --ignore=tests/kubernetes

# Without a compiler there are no kernels, and nothing of what binds them is run.
coverage: $(VENV)/installed
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --skip-covered $(if $(wildcard tlog/hashing/*.so),,--omit='tlog/hashing/native.py,tlog/hashing/built.py')

# The C of kernels and scanner alone, under sanitizers and valgrind; what the machine lacks is skipped.
sanitize: $(VENV)/installed
	$(BIN)/python -m tests.kernels.run

# Change inputs of kernels and scanner for as long as that reaches new code: SECONDS for each of three.
fuzz: $(VENV)/installed
	nice -n 15 $(BIN)/python -m tests.fuzz.run --seconds $(SECONDS)

# A real API server asks a real gate; docs/contributing.md says how to get one.
test-kubernetes: $(VENV)/installed
	$(BIN)/python -m pytest --durations=5 tests/kubernetes

# Kill a real server N times under load.
crash: $(VENV)/installed
	TLOG_CRASH_KILLS=$(N) $(BIN)/python -m pytest -s -m crash tests/system

# Break one thing after the other under three nodes that share a log, N times; stop a
# writer in each step of a publication; kill each step of a change of its key.
shared: $(VENV)/installed
	TLOG_SHARED_ROUNDS=$(N) $(BIN)/python -m pytest -s tests/system/test_shared_faults.py tests/system/test_shared_publication.py tests/system/test_shared_rotation.py

# Kill the database's primary and promote its standby: what is lost must be found.
standby: $(VENV)/installed
	TLOG_STANDBY=1 $(BIN)/python -m pytest --durations=3 tests/system/test_shared_standby.py

# All stories of the explorer in Debian's chromium: apt-get install chromium.
test-browser: $(VENV)/installed
	command -v chromium || { echo 'chromium is missing: apt-get install chromium'; exit 1; }
	TLOG_BROWSER=1 $(BIN)/python -m pytest tests/tlog/explorer tests/system/test_explorer.py tests/system/test_status.py

# Submit 12,000 files to a log that takes a hundred entries a second.
many: $(VENV)/installed
	TLOG_SUBMIT_FILES=12000 $(BIN)/python -m pytest tests/system/test_submit.py -k rate_limit

# All figures but those of long runs, with nothing else on the machine.
bench: $(VENV)/installed
	$(BIN)/python -m benchmarks

# The others: up to 10 million entries, a browser, many compilations.
bench-long: $(VENV)/installed
	$(BIN)/python -m benchmarks --long

# The client first: the server's requirement of it is met here, not on the index.
$(VENV)/installed: pyproject.toml client/pyproject.toml tests/constraints.txt $(wildcard tlog/hashing/kernels/* tlog/entries/scanner/*)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint tests/constraints.txt -e ./client -e '.[dev]'
	$(BIN)/tlog --version
	touch $@

# Has the CPU of an entry grown?  BASE=REV measures that commit beside this one.
bench-check: $(VENV)/installed
	$(BIN)/python -m benchmarks.check $(if $(BASE),--base $(BASE))

clean:
	rm -rf $(VENV) build dist client/build .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
	rm -rf *.egg-info client/*.egg-info tlog/hashing/*.so tlog/entries/*.so
