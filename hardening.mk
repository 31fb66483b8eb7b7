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
