# Causeway: five small programs out of six folders.
#
# The suffix rule: a file that touches a library or the system says so in its
# name (_lws _uv _zmq _redis _jwt _yaml _z _os) or is a main.c. Every other .c file
# is core: pure. The unit tests link all of the core with no library at all,
# so a clock or a socket that slips into it fails the link.

CC      ?= gcc
MODE    ?= release
BUILD   := build
OUT     := $(BUILD)$(if $(filter-out release,$(MODE)),/$(MODE))

warnings := -Wall -Wextra -Werror -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wno-format-zero-length
sanitize := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
hardening := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
flags_release  := -O2 -DNDEBUG $(hardening)
flags_asan     := -O1 $(sanitize)
flags_valgrind := -O1
CFLAGS  := -std=gnu11 -g $(warnings) $(flags_$(MODE)) -D_GNU_SOURCE -Icommon -MMD -MP
link_release  := -pie -Wl,-z,relro,-z,now
link_asan     := $(sanitize)
LDFLAGS := $(link_$(MODE))

daemons  := gateway router presence auth
folders  := common $(daemons) cli
shells   := %/main.c %_lws.c %_uv.c %_zmq.c %_redis.c %_jwt.c %_yaml.c %_z.c %_os.c
core_of   = $(filter-out $(shells),$(wildcard $(1)/*.c))
shell_of  = $(filter-out %/main.c,$(filter $(shells),$(wildcard $(1)/*.c)))
objects   = $(patsubst %.c,$(OUT)/obj/%.o,$(1))

common_core  := $(call core_of,common)
common_shell := $(call shell_of,common)
core         := $(foreach f,$(folders),$(call core_of,$(f)))

libs_common   := -lczmq -lzmq -luv -lyaml -lcrypto
libs_gateway  := -lwebsockets -lssl -lz
libs_router   :=
libs_presence := -lhiredis
libs_auth     := -ljwt -ljansson
libs_cli      := -ljwt -ljansson
with_cli      := $(addprefix auth/,mint_jwt.c key_jwt.c keyfile_jwt.c alg.c)    # 'causeway token' mints

programs := $(foreach d,$(daemons),$(OUT)/causeway-$(d)) $(OUT)/causeway

.PHONY: all help build check test test-programs test-fresh bench fuzz fuzz-build fuzz-corpus tidy docs install clean deps
all: build

help:           ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /  \1\t/p' Makefile | expand -t 16
build: $(programs)      ## the four daemons and the command line tool
deps:           ## install what build, run and tests need (scripts/deps)
	@scripts/deps
check: $(BUILD)/asan/unit   ## unit tests and transcripts: sanitized, no network, under 5 s
	@$(MAKE) --no-print-directory MODE=asan run-check
test:           ## everything: what scripts/test runs
	@scripts/test
test-fresh:     ## the README's two commands in a bare Debian 12 root (debootstrap; as root)
	@tests/fresh
bench: build    ## ratios beside Node's socket.io, into bench/RESULTS.md
	@bench/run
docs: build     ## what is generated: docs/TOPOLOGY.md, docs/WIRE.md's and ZMQ-API.md's tables
	@scripts/docs
install: build  ## to $(DESTDIR)$(PREFIX)
	install -D -t $(DESTDIR)$(or $(PREFIX),/usr/local)/bin $(programs)
clean:          ## remove build/
	rm -rf $(BUILD)

# ---- programs
define program
$(OUT)/causeway$(if $(filter cli,$(1)),,-$(1)): $(call objects,$(common_core) $(common_shell) $(call core_of,$(1)) $(call shell_of,$(1)) $(wildcard $(1)/main.c) $(with_$(1)))
	$$(CC) $(LDFLAGS) -o $$@ $$^ $(libs_$(1)) $(libs_common)
endef
$(foreach p,$(daemons) cli,$(eval $(call program,$(p))))

$(OUT)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -I$(firstword $(subst /, ,$*)) -c -o $@ $<

# ---- unit tests: all of the core, no library
unit_sources := $(wildcard tests/*.c tests/unit/*.c tests/transcript/*.c)
unit_flags    = $(CFLAGS) -Itests $(addprefix -I,$(daemons) cli)
$(OUT)/obj/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(unit_flags) -c -o $@ $<
$(OUT)/unit: $(call objects,$(core) $(unit_sources))
	$(CC) $(LDFLAGS) -o $@ $^
ifneq ($(MODE),asan)
$(BUILD)/asan/unit: FORCE
	@$(MAKE) --no-print-directory MODE=asan $@
endif
.PHONY: FORCE run-check
FORCE:
run-check: $(OUT)/unit
	@$(OUT)/unit

# ---- tests over real libraries: each a program with its own main, run by tests/run
bus_parts     = $(call objects,$(common_core) $(common_shell) tests/bus/party.c)
auth_parts    = $(call objects,$(common_core) $(common_shell) $(call core_of,auth) $(call shell_of,auth))
define test_program
$(OUT)/$(1): $(2)
	$$(CC) $(LDFLAGS) -o $$@ $$^ $(3)
test_programs += $(OUT)/$(1)
endef
$(eval $(call test_program,test-yaml,$(call objects,$(common_core) $(filter %_yaml.c,$(common_shell)) tests/t.c tests/yaml/test_config_yaml.c),-lyaml))
$(eval $(call test_program,test-auth,$(auth_parts) $(call objects,$(wildcard tests/auth/test_*.c) tests/auth/lab.c tests/tree.c tests/t.c),$(libs_auth) $(libs_common)))
$(eval $(call test_program,test-auth-daemon,$(auth_parts) $(call objects,tests/auth/daemon.c),$(libs_auth) $(libs_common)))
$(eval $(call test_program,rules-cost,$(call objects,$(common_core) $(filter %_yaml.c,$(common_shell)) $(call core_of,gateway) tests/rules/cost.c),-lyaml))
$(eval $(call test_program,auth-rate,$(auth_parts) $(call objects,tests/auth/rate.c tests/auth/lab.c tests/tree.c),$(libs_auth) $(libs_common)))
$(eval $(call test_program,test-bus,$(bus_parts) $(call objects,$(wildcard tests/bus/test_*.c) tests/bus/world.c tests/t.c),$(libs_common)))
$(eval $(call test_program,test-bus-echo,$(bus_parts) $(call objects,tests/bus/echo.c),$(libs_common)))
$(eval $(call test_program,presence-gateway,$(call objects,$(common_core) $(common_shell) tests/presence/gateway.c),$(libs_common)))
$(eval $(call test_program,test-deflate,$(call objects,$(core) gateway/deflate_z.c $(wildcard tests/*.c tests/transcript/*.c) tests/deflate/test_deflate_z.c),-lz))
test-programs: $(programs) $(test_programs)

# ---- fuzzing: one target per parser that a stranger can reach
fuzz_targets := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz_object   = $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(1))
fuzz_flags   := -std=gnu11 -g -O1 -D_GNU_SOURCE -fno-sanitize-recover=all -Icommon -Itests -MMD -MP
FUZZ_SECONDS ?= 20
fuzz-build: $(fuzz_targets:%=$(BUILD)/fuzz/%)
fuzz: fuzz-build        ## each fuzz target for FUZZ_SECONDS (20), from its corpus
	@for t in $(fuzz_targets); do mkdir -p $(BUILD)/fuzz/new/$$t; echo "fuzz $$t"; \
	  $(BUILD)/fuzz/$$t -max_total_time=$(FUZZ_SECONDS) -print_final_stats=0 -verbosity=0 \
	    -artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/new/$$t tests/fuzz/corpus/$$t || exit 1; done
fuzz-corpus: fuzz-build ## each fuzz target once over its corpus
	@bad=0; for t in $(fuzz_targets); do \
	  $(BUILD)/fuzz/$$t -runs=0 -verbosity=0 -artifact_prefix=$(BUILD)/fuzz/ tests/fuzz/corpus/$$t > $(BUILD)/fuzz/$$t.log 2>&1 || \
	    { cat $(BUILD)/fuzz/$$t.log; echo "FAILED fuzz $$t"; bad=$$((bad + 1)); }; done; \
	  echo "$$(($(words $(fuzz_targets)) - bad)) passed, $$bad failed"; [ $$bad = 0 ]
$(BUILD)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	clang $(fuzz_flags) -fsanitize=fuzzer-no-link,address,undefined -I$(firstword $(subst /, ,$*)) \
	  $(if $(filter tests/%,$*),$(addprefix -I,$(daemons) cli)) -c -o $@ $<
$(BUILD)/fuzz/core.a: $(call fuzz_object,$(core) gateway/deflate_z.c $(wildcard tests/*.c))
	@rm -f $@ && ar rcs $@ $^
$(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/tests/fuzz/fuzz_%.o $(BUILD)/fuzz/core.a
	clang -fsanitize=fuzzer,address,undefined -o $@ $^ -lz
.PRECIOUS: $(BUILD)/fuzz/obj/%.o

tidy:           ## clang-tidy over all sources (.clang-tidy says which checks); minutes
	@printf '%s\n' $(foreach f,$(folders),$(wildcard $(f)/*.c)) | xargs -P"$$(nproc)" -I{} \
	  clang-tidy --quiet {} -- -std=gnu11 -D_GNU_SOURCE -Icommon $(addprefix -I,$(daemons) cli)

-include $(shell find $(OUT)/obj $(BUILD)/fuzz/obj -name '*.d' 2>/dev/null)
