# tern: a program is a folder of src; everything else in src is a library of
# its own. GNU make. conf-cc and conf-home say how and for where to build.

B := build
CC_LINE := $(shell head -n 1 conf-cc)
HOME_LINE := $(shell head -n 1 conf-home)
VERSION := 0.1

CPPFLAGS += -Isrc -D_POSIX_C_SOURCE=200809L -D_XOPEN_SOURCE=700 \
            -DTERN_HOME='"$(HOME_LINE)"' -DTERN_VERSION='"$(VERSION)"'
CFLAGS += -std=c11 -Wall -Wextra -Wshadow -Wconversion -pedantic -MMD -MP
LDLIBS += -lskarnet

libraries := lib wire net policy service spool
programs := $(patsubst src/%/main.c,%,$(wildcard src/*/main.c))

# The trust map: which program may link which library beyond lib, wire,
# policy and service. The queue is open to these alone.
uses-spool := queue send clean qread tern
uses-net := remote tern

.PHONY: all tests fuzzers clean install uninstall
all: $(programs:%=$B/bin/tern-%)

archives = $(if $(filter $1,$(uses-spool)),$B/spool.a) $(if $(filter $1,$(uses-net)),$B/net.a) \
           $B/service.a $B/policy.a $B/wire.a $B/lib.a

define program
$B/bin/tern-$1: $(patsubst src/%.c,$B/%.o,$(wildcard src/$1/*.c)) $(call archives,$1)
	@mkdir -p $$(@D)
	$(CC_LINE) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach p,$(programs),$(eval $(call program,$p)))

define library
$B/$1.a: $(patsubst src/%.c,$B/%.o,$(wildcard src/$1/*.c))
	@mkdir -p $$(@D)
	@rm -f $$@
	ar -rcs $$@ $$^
endef
$(foreach l,$(libraries),$(eval $(call library,$l)))

# Objects.
$B/%.o: src/%.c conf-cc conf-home
	@mkdir -p $(@D)
	$(CC_LINE) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Tests in C: tests/DIR/NAME.c becomes $B/tests/DIR/NAME; fuzzers need clang.
tests := $(patsubst tests/%.c,$B/tests/%,$(filter-out tests/fuzz/%,$(wildcard tests/*/*.c)))
fuzzers := $(patsubst tests/%.c,$B/%,$(wildcard tests/fuzz/*.c))
tests: $(tests)
fuzzers: $(fuzzers)

$B/tests/%: tests/%.c tests/tap.h $(libraries:%=$B/%.a)
	@mkdir -p $(@D)
	$(CC_LINE) $(CPPFLAGS) -I. $(CFLAGS) -o $@ $< $(libraries:%=$B/%.a) \
	    $(libraries:%=$B/%.a) $(LDFLAGS) $(LDLIBS)

$B/fuzz/%: tests/fuzz/%.c $(wildcard src/*/*.[ch])
	@mkdir -p $(@D)
	clang -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined $(CPPFLAGS) \
	    -I. -std=c11 -o $@ $< $(wildcard src/lib/*.c src/wire/*.c src/policy/*.c) $(LDLIBS)

clean:
	rm -rf $B

-include $(wildcard $B/*/*.d)
