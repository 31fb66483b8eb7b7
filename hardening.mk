# What `make` checks beyond tests: how the code behaves under whatever comes.

# --- fuzzers ------------------------------------------------------------------------------------
# Each tests/fuzz/fuzz_<noun>.c is one program, with csrc/core and an instrumented cJSON.

.PHONY: fuzz
FUZZERS      := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS  = $(or $(SECONDS),$(if $(MINUTES),$(shell expr $(MINUTES) \* 60),10))
CJSON        := $(BUILD)/fuzz/cjson/cJSON

fuzz_FLAGS := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
fuzz_CC    := clang
$(eval $(call variant,fuzz))

$(CJSON).c:
	@tests/fuzz/cjson.sh $(@D)
$(CJSON).o: $(CJSON).c
	$(call say,fuzz cJSON.c)$(fuzz_CC) -g $(fuzz_FLAGS) -c $< -o $@

$(FUZZERS:%=$(BUILD)/fuzz/%): $(BUILD)/fuzz/%: $(BUILD)/fuzz/tests/fuzz/%.o $(BUILD)/fuzz/core.a $(CJSON).o
	$(call say,fuzz $(@F))$(fuzz_CC) $(fuzz_FLAGS) -fsanitize=fuzzer $^ -lm -o $@
-include $(FUZZERS:%=$(BUILD)/fuzz/tests/fuzz/%.d)

$(FUZZERS:%=run-%): run-%: $(BUILD)/fuzz/%
	@tests/fuzz/run.sh $< $(FUZZ_SECONDS)
.PHONY: $(FUZZERS:%=run-%)

fuzz: deps  ## fuzzers of all that reads what others wrote: 10 seconds each, or MINUTES=60
	@$(MAKE_QUIETLY) --jobs=$(JOBS) $(FUZZERS:%=$(BUILD)/fuzz/%)
	@$(MAKE_QUIETLY) --jobs=$(JOBS) --keep-going $(FUZZERS:%=run-%)

# --- what of the core the C tests reach ----------------------------------------------------------

.PHONY: coverage
coverage_FLAGS := -O0 --coverage
$(eval $(call variant,coverage))

coverage: build  ## what the C tests reach of csrc/core: at least 95 % of lines, 85 % of branches
	@$(MAKE_QUIETLY) --jobs=$(JOBS) $(CORE_TESTS:%=$(BUILD)/coverage/%)
	@find $(BUILD)/coverage -name '*.gcda' -delete
	@tests/c/run.sh $(CORE_TESTS:%=$(BUILD)/coverage/%)
	@$(VENV)/bin/gcovr --root . --filter csrc/core/ $(BUILD)/coverage/csrc/core \
	    --txt $(BUILD)/coverage/core.txt --print-summary --fail-under-line 95 --fail-under-branch 85

# --- the extension under sanitizers ---------------------------------------------------------------
# Built aside, and imported from a folder that has all else of the package by links.

.PHONY: test-asan-python
PY             := $(wildcard csrc/py/*.c)
SANITIZED      := $(BUILD)/sanitized/site/cometpresence/_core.so
SANITIZED_TESTS = $(if $(ALL),tests/python tests/isolated tests/trust,\
                  $(wildcard tests/python/test_core_*.py) tests/python/test_hostile_frames.py \
                  tests/python/test_listener_guarantees.py tests/python/test_streams.py)
sanitized_FLAGS = $(asan_FLAGS) -fPIC $(if $(filter csrc/py/%,$<),-I$(PYTHON_HEADERS))
PYTHON_HEADERS  = $(shell $(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("include"))')
SANITIZED_LOG   = $(abspath $(BUILD)/sanitized/found)
$(eval $(call variant,sanitized))

$(SANITIZED): $(PY:%.c=$(BUILD)/sanitized/%.o) $(BUILD)/sanitized/net.a $(BUILD)/sanitized/core.a
	@mkdir -p $(@D) && ln -sf $(filter-out %.so,$(wildcard $(CURDIR)/cometpresence/*)) $(@D)
	$(call say,sanitized $(@F))$(CC) -shared $(sanitized_FLAGS) $^ $(NET_LIBRARIES) -o $@
-include $(PY:%.c=$(BUILD)/sanitized/%.d)

# Python keeps much until it ends, so leaks are the business of tests that count.  Its own
# allocator would hide from the sanitizer what we do with blocks.  The C++ of others (matplotlib)
# must find its library loaded when the sanitizer looks for it.
test-asan-python: build  ## the extension's Python tests under sanitizers; ALL=1 for all of them
	@$(MAKE_QUIETLY) --jobs=$(JOBS) $(SANITIZED)
	@rm -f $(SANITIZED_LOG).*
	ASAN_OPTIONS=detect_leaks=0:log_path=$(SANITIZED_LOG) UBSAN_OPTIONS=log_path=$(SANITIZED_LOG) \
	    PYTHONMALLOC=malloc PYTHONPATH="$(abspath $(BUILD)/sanitized/site)" \
	    LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libstdc++.so.6)" \
	    $(VENV)/bin/python -P -X dev -W error tests/python/sanitized.py $(SANITIZED) \
	    --timeout 600 -p no:cacheprovider $(PYTEST_ARGS) $(SANITIZED_TESTS); \
	code=$$?; if cat $(SANITIZED_LOG).* 2>/dev/null; then exit 1; fi; exit $$code

# --- how processes end -----------------------------------------------------------------------------

.PHONY: lifecycle
RUNS ?= 1000

lifecycle: build  ## RUNS=1000 processes that end in each of 14 ways, and two that live long
	PYTHONPATH=tests $(VENV)/bin/python -m lifecycle.run --runs $(RUNS)

# --- analyzers ------------------------------------------------------------------------------------
# Three that see different things; a finding is mended, or refused where it is, with the reason.

.PHONY: analyze
ANALYZED      := $(wildcard csrc/*/*.c)
ANALYZE_FLAGS  = $(C_FLAGS) $(if $(filter csrc/py/%,$<),-isystem $(PYTHON_HEADERS))
# Deep enough for all of ours; as deep as it would go takes three times as long and finds no more.
BOUNDED       := -Xclang -analyzer-config -Xclang max-nodes=40000

$(ANALYZED:%=tidy-%): tidy-%: %
	$(call say,tidy $<)$(VENV)/bin/clang-tidy --quiet $< -- $(ANALYZE_FLAGS) $(BOUNDED) 2>/dev/null
$(ANALYZED:%=gcc-%): gcc-%: %
	$(call say,gcc $<)gcc $(ANALYZE_FLAGS) -O2 -fanalyzer -c $< -o /dev/null
.PHONY: $(ANALYZED:%=tidy-%) $(ANALYZED:%=gcc-%)

analyze: build  ## what clang-tidy, cppcheck and gcc's analyzer find in csrc: nothing
	@.ci/deps $@
	cppcheck --quiet --error-exitcode=1 --inline-suppr -j $(JOBS) --std=c11 -Icsrc \
	    --enable=warning,performance,portability --library=python,posix,gnu csrc
	@$(MAKE_QUIETLY) --jobs=$(JOBS) --keep-going $(ANALYZED:%=tidy-%) $(ANALYZED:%=gcc-%)
