# make demo, make lab, make test: each sets up what it needs first.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help tools node compiler setup ready docs lint test test-all test-statistical sanitize sanitize-sample demo lab packages pictures bench browser-test clean

help:
	@echo "make demo   set up, run tutorials/01_radon.ipynb, print its results"
	@echo "make lab    open it in JupyterLab"
	@echo "make test   all tests      make lint   checks      make bench   benchmarks"
	@echo "make docs   the documentation site, in build/site/html"
	@echo "make packages   a wheel and an sdist in dist/"
	@echo "make test-statistical   long runs against exact answers"
	@echo "make test-all   every case on every backend, hours      make sanitize   generated C under sanitizers"

# What runs notebooks; and what runs tests, too.
ready: .venv/installed kernel_ext/static/built workbench/lowered/made_of compiler
setup: js/node_modules/installed ready .venv/system

# A tool that is missing is one line, which says what to install.
define need
	@command -v $(1) >/dev/null || { echo "$(1) is missing: install $(2)"; exit 1; }
endef
tools:
	$(call need,$(PYTHON),Python 3.11 or later: apt install python3 python3-venv$(comma) or brew install python)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old: install Python 3.11 or later, and run make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv is missing: apt install python3-venv"; exit 1; }
node:
	$(call need,node,Node.js 20 or later: apt install nodejs npm$(comma) or brew install node)
	$(call need,npm,npm: apt install npm$(comma) or brew install node)
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' || { echo "Node.js $$(node --version) is too old: install Node.js 20 or later"; exit 1; }
compiler:
	@command -v gcc >/dev/null || command -v clang >/dev/null || echo "note: no C compiler, so Numba is used, which is slower: apt install gcc, or xcode-select --install"
comma := ,

.venv/installed: pyproject.toml requirements.lock | tools
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

js/node_modules/installed: js/package-lock.json | node
	cd js && npm ci --silent --no-audit --no-fund
	touch $@

# Made where it is not that of the sources; node is needed then alone.
kernel_ext/static/built: .venv/installed js/package-lock.json js/build.mjs hatch_build.py $(shell find js/src -type f)
	@$(BIN)/python hatch_build.py
	@touch $@

# Samplers, lowered for a first run: made anew when a source is changed, and not taken until then.
workbench/lowered/made_of: .venv/installed hatch_build.py $(shell find workbench -name '*.py')
	@$(BIN)/python -c 'import hatch_build, pathlib; hatch_build.ensure_lowered(pathlib.Path.cwd())'
	@touch $@

# Graphviz draws static pictures, Chromium runs the browser test: used where they can be had.
.venv/system:
	@if ! command -v dot >/dev/null || ! command -v chromium >/dev/null; then \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq graphviz chromium >/dev/null; \
	  else echo "note: install graphviz and chromium for static drawings and the browser test"; fi; fi
	@mkdir -p .venv && touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	cd js && npm run --silent check

# Processes that tests start read what the first has compiled of Python: each would take a second or two for it.
test: export PYTHONDONTWRITEBYTECODE :=
# Files in the order of tests/conftest.py: long ones first.
test: setup sanitize-sample
	cd js && npm run --silent test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
	$(BIN)/python tests/browser/run.py

# Of cases on Numba and JAX, which compile slowly, and of those in tests/long_tests.json, the tests above run a third, the others on the next two days: here all.
test-all: setup
	WORKBENCH_TESTS=all $(BIN)/python -m pytest -n 2 --dist loadfile

# Long runs of the sampler against exact answers, starts from 200 seeds, detailed balance of trees up to depth 5, 200 replicates of SBC, `infer` beside long runs.
test-statistical: setup
	WORKBENCH_TESTS=all $(BIN)/python -m pytest -n 2 --dist load --timeout=3600 tests/samplers tests/inference/test_sbc.py tests/inference/test_sbc_end_to_end.py tests/inference/test_random_stops.py tests/inference/test_smc.py tests/inference/approximations/test_inla.py tests/truth/test_posteriors.py tests/truth/test_chains.py tests/truth/test_long_runs.py tests/truth/test_warm_up.py tests/inference/test_resume.py

# Generated C under AddressSanitizer and UndefinedBehaviorSanitizer, over the tests of every operation; the sample takes a minute.
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g -O1
SANITIZED = LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" ASAN_OPTIONS=detect_leaks=0 \
	WORKBENCH_CFLAGS="$(SANITIZE)" WORKBENCH_BACKENDS=c $(BIN)/python -m pytest -n 2 -p no:cacheprovider -k "not numba and not jax"
sanitize: setup
	$(SANITIZED) tests/tensor tests/compile tests/transforms tests/samplers

sanitize-sample: setup
	@command -v gcc >/dev/null || { echo "note: no gcc, so generated C is not tested under sanitizers"; exit 0; }; \
	  $(SANITIZED) -q tests/tensor/test_ops.py tests/compile/test_native.py

demo: ready
	$(BIN)/python tutorials/run_demo.py

lab: ready
	$(BIN)/jupyter lab tutorials/01_radon.ipynb

# Packages: an sdist, and a wheel made of it, in dist/.
packages: ready
	$(BIN)/python -m build --no-isolation

# Tutorials run once, and again when their cells change; `make docs OPTIONS=--fresh` runs all, `--without-outputs` none.
docs: setup .venv/docs
	$(BIN)/python docs/site/build.py $(OPTIONS)

.venv/docs: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c requirements.lock -e ".[docs]"
	@touch $@

bench: setup
	$(BIN)/python benchmarks/radon.py
	$(BIN)/python benchmarks/predictive.py

# The README's pictures, from a real JupyterLab.
pictures: setup
	$(BIN)/python tests/browser/run.py readme

clean:
	rm -rf .venv js/node_modules kernel_ext/static workbench/lowered
