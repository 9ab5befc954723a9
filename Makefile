# Everything a developer does, from a fresh clone with nothing but Python and make.
# The first call of a target makes the virtual environment that it needs.

.DEFAULT_GOAL := help

# Any Python from 3.8 on starts the tools; they look for the one that the project needs.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python,$(if $(shell $(name) -c "import sys; sys.version_info >= (3, 8) and print(1)" 2>/dev/null),$(name))) python3)

# The Python of the main environment.
MAIN = $(PYTHON) tools/environments.py main
# A small one of its own, with the package and nothing else.
DEMO = $(PYTHON) tools/environments.py demo
IN_MAIN = python=$$($(MAIN)) && bin=$$(dirname "$$python")

.PHONY: help
help: ## Say what there is (this)
	@echo "Usage: make <target>"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-19s %s\n", $$1, $$2}'

.PHONY: test
test: ## Run the tests on all databases and versions; make test ARGS="-k name" for some
	@$(PYTHON) tools/test.py $(ARGS)

.PHONY: upgrade-test
upgrade-test: ## Fill a database with release 0.9.4.1 itself and test the upgrade; KEEP=1 keeps it
	@$(PYTHON) tools/upgrade_test.py $(if $(KEEP),--keep)

# How much is done for each promise, on every database.
FULL = \
  ATM_TEST_RUNS=1000 ATM_TEST_KILLS=30 ATM_TEST_EXAMPLES=1000 ATM_PROOF_PLAY=20 ATM_TEST_PLACES=all \
  ATM_TEST_QUEUES=all ATM_PROOF_SCALE=3 ATM_PROOF_BACKLOG=100000 ATM_PROOF_AIMED=30 \
  ATM_PROOF_TIMERS=10000 ATM_PROOF_RANDOM=500 ATM_PROOF_WORKERS=4 ATM_PROOF_RUNS=2000 \
  ATM_TEST_DROPS=34 ATM_TEST_OUTSIDE_KILLS=40 ATM_TEST_FREEZES=17 ATM_PROOF_DEPLOYED=100 \
  ATM_PROOF_TRIPLES=100 ATM_PROOF_PAIRS=300 ATM_PROOF_FORCED=200 ATM_PROOF_RACES=500 \
  ATM_PROOF_MESSAGES=10000 ATM_PROOF_BUSY_RUNS=5000 ATM_PROOF_BUSY_WORKERS=8 ATM_PROOF_ASLEEP=5 \
  ATM_PROOF_QUEUE_RUNS=2000 ATM_PROOF_QUEUE_KILLS=100 ATM_PROOF_QUEUE_RESTARTS=20 ATM_PROOF_POISONED=1000 \
  ATM_TEST_POSTS=10000 ATM_PROOF_INBOX=10000 ATM_PROOF_HISTORY=1000000

.PHONY: proofs
proofs: ## Run the proofs on all databases at full size, which takes long; DATABASE= for one; PAGE=1 writes the page
	@$(FULL) $(PYTHON) tools/proofs.py $(if $(PAGE),--page) $(if $(DATABASE),--database $(DATABASE)) $(if $(LEFT),--left) $(if $(SINCE),--since $(SINCE)) $(ARGS)

.PHONY: mutation
mutation: ## Make small faults in the code and look which the tests notice; SIZE=0 all, PACKAGES=, AGAIN=1, PAGE=1 writes the page
	@$(IN_MAIN) && nice "$$python" tools/mutation.py $(PACKAGES) $(if $(SIZE),--size $(SIZE)) $(if $(AGAIN),--again) $(if $(PAGE),--page)

.PHONY: bench
bench: ## Measure how fast the package is beside floors written by hand; QUICK=1 is a smoke run, ARGS="--database postgresql"
	@$(IN_MAIN) && ATM_BENCH_QUICK=$(QUICK) "$$python" -m benchmarks $(ARGS)

.PHONY: bench-peers
bench-peers: ## Measure what Viewflow and DBOS can express of it beside ours, each in an environment of its own
	@$(IN_MAIN) && ATM_BENCH_QUICK=$(QUICK) "$$python" -m benchmarks.peers $(ARGS)

.PHONY: looks
looks: ## Look at every page in a browser, in each language, size and colour; the tests try each two of them together
	@$(IN_MAIN) && chromium=$$($(PYTHON) tools/chromium.py) && ATM_TEST_CHROMIUM="$$chromium" ATM_TEST_LOOKS=all "$$python" -m pytest -n 2 --dist worksteal tests/browser

.PHONY: contact-sheet
contact-sheet: ## Draw all processes of the corpus on one sheet, in build/contact-sheet
	@$(IN_MAIN) && "$$python" tools/contact_sheet.py

.PHONY: oracle
oracle: ## Hold our verdict of soundness against pm4py's; PROCESSES=500 random ones
	@$(PYTHON) tools/oracle.py $(if $(PROCESSES),--processes $(PROCESSES))

.PHONY: bpmn-proof
bpmn-proof: ## Let others read our BPMN: the schema of the OMG, a linter, bpmn-js and an engine; PROCESSES=500 random ones
	@$(PYTHON) tools/bpmn_proof.py $(if $(PROCESSES),--processes $(PROCESSES)) $(if $(KEEP),--keep)

.PHONY: lint
lint: ## Check style, format and the floors (which module may import which)
	@$(IN_MAIN) && set -x && "$$bin/ruff" check . && "$$bin/ruff" format --check . && "$$bin/lint-imports"

.PHONY: format
format: ## Put the code into the project's format
	@$(IN_MAIN) && set -x && "$$bin/ruff" check --fix . ; "$$bin/ruff" format .

.PHONY: types
types: ## Check the types of the package, and of what authors write
	@$(IN_MAIN) && set -x && "$$bin/mypy"

.PHONY: pyright
pyright: ## Check what authors write with pyright, which must be on the PATH
	@$(MAIN) > /dev/null && set -x && pyright

.PHONY: docs
docs: ## Build the documentation into docs/_build/html
	@$(IN_MAIN) && set -x && "$$bin/sphinx-build" -W --keep-going -b html docs docs/_build/html

.PHONY: api-coverage
api-coverage: ## Write the page of what is promised and which tests prove it
	@$(IN_MAIN) && set -x && "$$python" -m tests.api.table

.PHONY: screenshots
screenshots: ## Make pictures of the pages: all in build/screenshots, those of the documentation in docs/images
	@$(IN_MAIN) && "$$python" tools/screenshots.py

PORT ?= 8000
SPEED ?= 3600

.PHONY: demo
demo: ## Show the demo on http://127.0.0.1:8000 (PORT=), an hour in a second (SPEED=1: real time)
	@$(PYTHON) tools/demo.py show --port $(PORT) --speed $(SPEED)

.PHONY: demo-run
demo-run: ## Play the demo's week without a browser, and check what came of it
	@$(PYTHON) tools/demo.py play

.PHONY: demo-reset
demo-reset: ## Let the demo begin anew
	@$(PYTHON) tools/demo.py reset

.PHONY: package
package: ## Build what is published into dist, and check what is in it
	@$(PYTHON) tools/package.py

.PHONY: first-five-minutes
first-five-minutes: ## Follow the tutorial with the wheel in a fresh environment; PICTURES=1 takes its pictures anew
	@$(PYTHON) tools/first_minutes.py $(if $(PICTURES),--pictures)

.PHONY: translations
translations: ## Compile the translations from locale/*/LC_MESSAGES/django.po
	@$(IN_MAIN) && "$$python" tools/translations.py

.PHONY: clean
clean: ## Remove the environments and everything that was built
	rm -rf .venv .venv-* .coverage .coverage.* htmlcov docs/_build dist build
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests tools docs -name __pycache__ -type d -prune -exec rm -rf {} +
