# On a fresh machine two commands are enough: `make demo` and `make test`. `make help` lists the others.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
REGIONS ?=
PROSE := README.md CONTRIBUTING.md CHANGELOG.md SECURITY.md .github docs flags/README.md gitops/README.md
CODE := fleet components policy waves regions gates front bootstrap sandbox
# Without compiled files, each of hundreds of processes would compile the clouds' SDKs again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.complete: requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --disable-pip-version-check --no-compile -r requirements-dev.txt
	$(VENV)/bin/pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

.PHONY: environment
environment: $(VENV)/.complete ## create the virtual environment

.PHONY: toolchain
toolchain: environment ## find or build every binary of the sandbox
	$(RUN) -m sandbox.toolchain

.PHONY: demo
demo: environment ## bring up all regions, roll out good and bad commits, add a region (REGIONS=staging: bring up these alone)
	$(RUN) -m sandbox demo --regions "$(REGIONS)"

.PHONY: picture
picture: demo ## run the demo, and keep its picture for README.md
	cp build/demo.svg docs/images/demo.svg

.PHONY: check
check: environment ## in a minute, without any tool: lint, types and the quick tests
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint-code test-quick

.PHONY: test-quick
test-quick: environment ## the tests of `make check`
	$(RUN) -m pytest -q -n 3 -m "not (toolchain or sandbox or slow)"

.PHONY: test
test: toolchain ## run all tests: unit, engine, sandbox
	$(RUN) -m pytest -n 2

.PHONY: test-deep
test-deep: toolchain ## run longer searches: 100,000 steps of the rollout, 1,000 edits of the program, a fault in each cloud call (two hours)
	ROLLOUT_STEPS=100000 $(RUN) -m pytest tests/waves/rollout/test_machine.py
	AFFECTED_EDITS=1000 $(RUN) -m pytest -s tests/waves/review/test_affected_edits.py
	AFFECTED_ENGINE=all $(RUN) -m pytest -s tests/engine/test_affected_engine.py
	FAULTS=all $(RUN) -m pytest -n 2 tests/engine/clouds

.PHONY: bench
bench: toolchain ## measure speed and memory into bench/RESULTS.md (BENCH="waves": this part alone, --help lists the parts)
	$(RUN) -m bench $(BENCH)

.PHONY: lint
lint: lint-code ## check style, types, imports, the fleet's files, the rendered manifests, workflows
	$(RUN) -m sandbox.toolchain actionlint

.PHONY: lint-code
lint-code: environment ## run `make lint` without actionlint, which needs a build
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/zizmor --offline --quiet --no-progress .github
	$(RUN) -m regions check
	$(RUN) -m regions validate

.PHONY: lint-docs
lint-docs: environment ## check the prose of documents, docstrings and comments (builds Vale once, with a C compiler)
	$(RUN) -m sandbox.toolchain vale $(PROSE) $(CODE)

# --quiet would hide warnings from --strict.
.PHONY: docs
docs: environment ## build docs/ as a site in build/site (a broken link or anchor is an error)
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

.PHONY: schema
schema: environment ## regenerate the JSON Schemas of stack files and waves.yaml
	$(RUN) -m regions schema

.PHONY: places
places: environment ## read a cloud's own list of locations and machine types again (CLOUD=aws: signed in with its command line)
	$(RUN) -m fleet.places.renew $(CLOUD)

.PHONY: models
models: environment ## write the clouds' own API models again from their newest Python packages (tests/models)
	for file in authorization aws azure-native cloudformation gcp; do $(RUN) -m tests.models.renew $$file || exit 1; done

.PHONY: reference
reference: environment ## write the reference pages of the settings and of the command line from the code
	$(RUN) -m fleet.reference > docs/reference/settings.md
	$(RUN) -m typer regions.__main__ utils docs --name regions --title "Command line" --output docs/reference/cli.md

.PHONY: snapshots
snapshots: environment ## regenerate the regions' resources and two regions' manifests (tests/*/snapshots, golden)
	$(RUN) -m tests.components.snapshot
	$(RUN) -m tests.gitops.golden

.PHONY: lock
lock: environment ## regenerate the requirements.txt files and requirements-dev.txt from the .in files
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
		--no-annotate requirements.in -o requirements.txt
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
		--no-annotate -c requirements.txt gates/requirements.in -o gates/requirements.txt
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
		--no-annotate -c requirements.txt front/requirements.in -o front/requirements.txt
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
		--no-annotate -c requirements.txt waves/requirements.in -o waves/requirements.txt
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
		--no-annotate -c requirements.txt waves/scm/requirements.in -o waves/scm/requirements.txt
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
		--no-annotate -c requirements.txt bootstrap/requirements.in -o bootstrap/requirements.txt
	build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url \
		--no-annotate requirements-dev.in -o requirements-dev.txt
