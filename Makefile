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

libraries := spool service net policy wire lib
programs := $(patsubst src/%/main.c,%,$(wildcard src/*/main.c))

# The trust map: which program may link which library beyond lib, wire,
# policy and service. The queue is open to these alone.
uses-spool := queue send clean qread tern
uses-net := remote smtpd tern

# The program of folder X is tern-X; that of src/tern is tern. Some have further
# names and look at what they were called.
binary = $B/bin/$(if $(filter tern,$1),tern,tern-$1)
links := sendmail:tern-inject newaliases:tern-inject mailq:tern-qread tern-qstat:tern-qread
link-name = $(firstword $(subst :, ,$1))
link-target = $(lastword $(subst :, ,$1))

.PHONY: all tests fuzzers clean install uninstall install-sendmail
all: $(foreach p,$(programs),$(call binary,$p)) $(foreach l,$(links),$B/bin/$(call link-name,$l))

archives = $(if $(filter $1,$(uses-spool)),$B/spool.a) $(if $(filter $1,$(uses-net)),$B/net.a) \
           $B/service.a $B/policy.a $B/wire.a $B/lib.a

define program
$(call binary,$1): $(patsubst src/%.c,$B/%.o,$(wildcard src/$1/*.c)) $(if $(filter tern,$1),$B/tern/defaults.o) \
    $(call archives,$1)
	@mkdir -p $$(@D)
	$(CC_LINE) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach p,$(programs),$(eval $(call program,$p)))

define link
$B/bin/$(call link-name,$1):
	@mkdir -p $$(@D)
	ln -sf $(call link-target,$1) $$@
endef
$(foreach l,$(links),$(eval $(call link,$l)))

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

# The default settings, which tern init writes: control/* as a table in C.
$B/tern/defaults.c: src/tern/defaults.sh $(wildcard control/*)
	@mkdir -p $(@D)
	sh src/tern/defaults.sh control >$@.new
	mv $@.new $@

$B/tern/defaults.o: $B/tern/defaults.c src/tern/defaults.h
	$(CC_LINE) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Tests in C: tests/DIR/NAME.c becomes $B/tests/DIR/NAME; fuzzers need clang.
tests := $(patsubst tests/%.c,$B/tests/%,$(filter-out tests/fuzz/% tests/crash/% tests/fault/%,$(wildcard tests/*/*.c)))
fuzzers := $(patsubst tests/%.c,$B/%,$(wildcard tests/fuzz/*.c))
tests: $(tests)
fuzzers: $(fuzzers)

$B/tests/%: tests/%.c tests/tap.h $(libraries:%=$B/%.a)
	@mkdir -p $(@D)
	$(CC_LINE) $(CPPFLAGS) -I. $(CFLAGS) -o $@ $< $(libraries:%=$B/%.a) \
	    $(libraries:%=$B/%.a) $(LDFLAGS) $(LDLIBS)

# Those of tests/smtpd run whole sessions, with what they replace of the libraries.
smtpd-objects := $(patsubst src/%.c,%.o,$(filter-out src/smtpd/main.c,$(wildcard src/smtpd/*.c)))
$B/tests/smtpd/%: tests/smtpd/%.c tests/tap.h tests/smtpd/inprocess.h $(smtpd-objects:%=$B/%) \
    $(libraries:%=$B/%.a)
	@mkdir -p $(@D)
	$(CC_LINE) $(CPPFLAGS) -I. $(CFLAGS) -o $@ $< $(smtpd-objects:%=$B/%) $(libraries:%=$B/%.a) \
	    $(libraries:%=$B/%.a) $(LDFLAGS) $(LDLIBS)

fuzz-clang := clang -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
    -fno-sanitize-recover=undefined -std=c11 -MMD -MP
$B/fuzz/%.o: src/%.c
	@mkdir -p $(@D)
	$(fuzz-clang) $(CPPFLAGS) -c -o $@ $<

$B/fuzz/tern.a: $(patsubst src/%.c,$B/fuzz/%.o,$(foreach l,$(libraries),$(wildcard src/$l/*.c)))
	@rm -f $@
	ar -rcs $@ $^

$B/fuzz/%: tests/fuzz/%.c $B/fuzz/tern.a
	$(fuzz-clang) $(CPPFLAGS) -I. -fsanitize=fuzzer -o $@ $(filter %.c %.o,$^) $B/fuzz/tern.a $(LDLIBS)

# What some of them need of programs.
$B/fuzz/session $B/fuzz/framing: tests/smtpd/inprocess.h $(smtpd-objects:%=$B/fuzz/%)
$B/fuzz/smtpdsettings: $B/fuzz/smtpd/limits.o $B/fuzz/smtpd/dnsbls.o
$B/fuzz/listenaddress: $B/fuzz/listen/address.o
$B/fuzz/routetests: $B/fuzz/tern/routetests.o $B/fuzz/tern/routewords.o

# Owners and modes come from the table in src/tern/table.c, which "tern owners"
# applies here, and "tern init" when it has made the users.
DESTDIR :=
PREFIX := /usr/local
SBINDIR := $(PREFIX)/sbin
MANDIR := $(PREFIX)/share/man
bin-dir = $(DESTDIR)$(HOME_LINE)/bin
pages := $(wildcard man/*.[1-9])
page-path = $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $1))/$(notdir $1)
system-links := /usr/sbin/sendmail:sendmail /usr/lib/sendmail:sendmail \
    /usr/bin/mailq:mailq /usr/bin/newaliases:newaliases

install: all
	install -d $(bin-dir) $(DESTDIR)$(SBINDIR)
	install -m 755 $(foreach p,$(programs),$(call binary,$p)) $(bin-dir)
	$(foreach l,$(links),ln -sf $(call link-target,$l) $(bin-dir)/$(call link-name,$l) &&) true
	ln -sf $(HOME_LINE)/bin/tern $(DESTDIR)$(SBINDIR)/tern
	$(foreach p,$(pages),install -D -m 644 $p $(call page-path,$p) &&) true
	$(call binary,tern) owners $(if $(DESTDIR),--root $(DESTDIR))

# Under the names that other programs call. Never over another MTA's.
install-sendmail:
	@for l in $(system-links); do f=$(DESTDIR)$${l%%:*}; \
	    if [ -e $$f -o -L $$f ] && [ "$$(readlink $$f)" != $(HOME_LINE)/bin/$${l##*:} ]; then \
	        echo "make: fatal: $$f belongs to another program: remove that one first" >&2; exit 1; fi; done
	$(foreach l,$(system-links),install -d $(DESTDIR)$(dir $(call link-name,$l)) && \
	    ln -sf $(HOME_LINE)/bin/$(call link-target,$l) $(DESTDIR)$(call link-name,$l) &&) true

# What install put there; never control, queue or mail.
uninstall:
	@for l in $(system-links) $(SBINDIR)/tern:tern; do f=$(DESTDIR)$${l%%:*}; \
	    if [ "$$(readlink $$f)" = $(HOME_LINE)/bin/$${l##*:} ]; then echo "rm $$f"; rm -f $$f; fi; done
	rm -f $(foreach p,$(programs),$(bin-dir)/$(notdir $(call binary,$p))) \
	    $(foreach l,$(links),$(bin-dir)/$(call link-name,$l)) $(foreach p,$(pages),$(call page-path,$p))
	-rmdir $(bin-dir)

clean:
	rm -rf $B

-include $(wildcard $B/*/*.d $B/fuzz/*/*.d)
