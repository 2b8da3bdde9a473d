# Ringside: one non-recursive Makefile for three targets (metal, hosted, plain Linux) and the tests.
# `make help` says what there is. Everything built goes below build/.

MAKEFLAGS += -rR
CROSS_COMPILE ?=
APP    ?= apps/httpd
NIC    ?= e1000
PORT   ?= 8080
# OVMF of 2025 leaves GRUB too little of 64M.
MEM    ?= $(if $(filter uefi,$(BOOT)),256M,64M)
APPEND ?=
BOOT   ?= kernel
MACHINE ?= pc
TIME   ?= 600
N      ?= 20000
BOTH   ?=
FIRST  ?= 1
SEED   ?=
SUITE  ?= trixie
V      ?=
WERROR ?=
LTO    ?= 1

CC      := $(CROSS_COMPILE)gcc
LD      := $(CROSS_COMPILE)ld
OBJCOPY := $(CROSS_COMPILE)objcopy
NM      := $(CROSS_COMPILE)nm
AR      := $(CROSS_COMPILE)ar
HOSTCC  := gcc
CLANG   ?= clang
PYTHON  ?= /usr/bin/python3
FONT    ?=
B       := build
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2))

# A variable that nobody reads is a mistyped one: it must not be as if it had not been said.
VARIABLES := APP NIC PORT MEM APPEND BOOT MACHINE TIME N FIRST SEED SUITE V WERROR LTO CROSS_COMPILE LLHTTP_DIR \
             PACKETDRILL SCRIPTS AGAINST BOTH CC LD OBJCOPY NM AR HOSTCC HOST_EXTRA CLANG PYTHON FONT B \
             QEMU QEMU_EXTRA OVMF BOOTS ROUNDS LOADS PEERS NICS CELLS MIRROR KEYRING ONLY WRITE SHELL MAKEFLAGS
GIVEN := $(foreach v,$(.VARIABLES),$(if $(findstring command line,$(origin $(v))),$(v)))
ifneq ($(filter-out $(VARIABLES),$(GIVEN)),)
$(error $(filter-out $(VARIABLES),$(GIVEN)): no such variable; there are $(VARIABLES))
endif

APP_DIR  := $(patsubst %/,%,$(APP))
APP_NAME := $(notdir $(APP_DIR))
ifeq ($(wildcard $(APP_DIR)/*.c),)
$(error APP=$(APP): no such folder, or no *.c in it; allowed is a folder with a server's sources)
endif
APP_LLHTTP :=
APP_COMPOSES :=
APP_LIBS :=
APP_DEPS :=
-include $(APP_DIR)/app.mk
# Objects are kept by the folder's name; this file changes when another folder of that name is built,
# or with other libraries.
APP_PATH := $(B)/gen/$(APP_NAME).path

LLHTTP_DIR ?= $(B)/llhttp
LLHTTP_STAMP := $(B)/llhttp.stamp
# As the sources are, in strict mode: the loose one of 8.1 lets bytes pass unseen behind a chunk
# size. 9.x is strict by itself.
LLHTTP_FLAGS = -w -DLLHTTP_STRICT_MODE=1 -I$(LLHTTP_DIR)/include

# Static libraries compiled by others: -lNAME is searched for where the compiler does. Their headers
# come after ours on the metal: <unistd.h> is ours, <zlib.h> theirs. -lm is musl's there, of whose one
# archive only what we have not is taken: glibc's chooses its functions at the start (IFUNC).
MUSL := /usr/lib/x86_64-linux-musl/libc.a
lib_file = $(if $(filter -lm,$(1)),$(MUSL),$(if $(filter -l%,$(1)),$(shell \
        $(CC) -print-file-name=lib$(1:-l%=%).a),$(1)))
APP_ARCHIVES = $(foreach l,$(APP_LIBS),$(call lib_file,$(l)))
APP_LIB_INC = $(if $(APP_LIBS),$(addprefix -idirafter ,$(wildcard \
        /usr/include/$(shell $(CC) -print-multiarch) /usr/include)))
LIB_MISSING = $(foreach l,$(APP_ARCHIVES),$(if $(wildcard $(l)),,$(l)))
LIB_HINT = $(if $(APP_DEPS),: make deps APP=$(APP) installs $(APP_DEPS))

# ---- flags -----------------------------------------------------------------------------------
# What a compiler warns of is an error where WERROR=1 says so, in CI: the next compiler knows more
# warnings, and must not break a user's build.
ERROR := $(if $(WERROR),-Werror)
WARN := -Wall -Wextra $(ERROR) -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith \
        -Wundef -Wvla -Wimplicit-fallthrough -Wno-unused-parameter
# No sibling calls: a backtrace must show every function that has not returned. A frame larger than
# the guard page below a stack is touched page by page: it cannot step over that.
BASE := -std=gnu11 -O2 -g -fno-strict-aliasing -fno-common -fno-omit-frame-pointer \
        -fno-optimize-sibling-calls -fstack-clash-protection \
        -ffile-prefix-map=$(CURDIR)=. -MD -MP -I. -I$(B)/gen
APP_WARN := -Wall -Wextra $(ERROR) -Wno-unused-parameter

# The metal's applications are compiled as the ABI has it, and the part of libc that has doubles; the
# rest without floating point, and without a red zone, for its inline assembly pushes. -fbuiltin, for
# -ffreestanding alone has each memcpy of 8 bytes be a call; not in libc, whose calloc would become
# a call of calloc.
METAL_COMMON = $(BASE) -m64 -ffreestanding $(if $(filter kernel/libc/%,$<),,-fbuiltin) -nostdinc \
        -isystem $(shell $(CC) -print-file-name=include) -isystem kernel/libc \
        -isystem kernel/include -isystem net/include \
        -mno-omit-leaf-frame-pointer -fno-pic -fno-pie -fcf-protection=none \
        -fstack-protector-strong -mstack-protector-guard=tls -mstack-protector-guard-reg=fs \
        -mstack-protector-guard-offset=40 -fno-asynchronous-unwind-tables \
        -fno-tree-loop-distribute-patterns -ffunction-sections -fdata-sections
METAL_FLAGS = $(METAL_COMMON) -mgeneral-regs-only -mno-red-zone
METAL_APP = $(METAL_COMMON) $(APP_LIB_INC)
HOST_FLAGS  := $(BASE) -D_GNU_SOURCE $(HOST_EXTRA)
HOST_APP    := -isystem kernel/include -isystem net/include
LINUX_FLAGS := -std=gnu11 -O2 -g -fno-omit-frame-pointer -MD -MP -I.
SAN         := -fsanitize=address,undefined -fno-sanitize-recover=all
# cmocka 2 deprecates what cmocka 1.1 has no other word for.
TEST_FLAGS  := -std=gnu11 -O1 -g -fno-omit-frame-pointer -fno-strict-aliasing -MD -MP -I. \
        -I$(B)/gen -D_GNU_SOURCE $(APP_WARN) -Wno-deprecated-declarations $(SAN)
SIM_FLAGS   := $(filter-out -O1 $(SAN),$(TEST_FLAGS)) -O2

# The stack, the kernel and the drivers are optimised as one (LTO=1) at the link of an image: a sixth
# of what an echo costs, and -O3 for the stack a twentieth. Objects are such that they can also be
# linked one by one (LTO=), as a debugger wants it: the core of an image has no lines to be shown.
# Fields that lie side by side are stored one by one: to gather them in a vector register first
# costs as many instructions again. An application is linked as it is, its flags being others. The seed makes objects reproducible.
# What runs at the start, once in a while or when something is wrong is made small: a tenth of the
# image, and no instruction of a request.
COLD       := boot/% apps/root/% \
        $(addprefix arch/x86_64/,acpi/% apic/% console/% entropy/% irq/% mm/% pci/% power/% trap/% \
        time/calibrate.c time/guard.c time/ref.c time/rtc.c time/watch.c) \
        $(addprefix drivers/e1000/,e1000.c errata.c facts.c ids.c link.c loopback.c moderation.c nvm.c \
        own.c phy.c queues.c recover.c reset.c setup.c stats.c watchdog.c) \
        $(addprefix kernel/,cmdline.c log.c panic.c pthread.c reboot.c stats.c) \
        $(addprefix net/,dhcp/% limits.c ip/frag.c ip/icmp.c ip/pmtu.c ip/reass.c link/acd.c link/arp.c \
        link/arp_pending.c posix/addr.c posix/inet.c posix/msg.c posix/opt.c posix/opt_tcp.c \
        posix/socket.c sock/opt.c tcp/icmp.c tcp/info.c tcp/opt.c tcp/tcp.c tcp/user.c \
        tcp/life/pressure_records.c tcp/send/mtu.c wire/arp.c wire/dhcp.c wire/icmp.c)
ONE        := -flto=2 -flto-partition=one
LTO_FLAGS   = $(if $(filter $(COLD),$<),-Os,$(if $(filter net/% kernel/%,$<),-O3 -fno-tree-slp-vectorize)) \
        -flto -ffat-lto-objects -frandom-seed=$<

# ---- sources ---------------------------------------------------------------------------------
# An application that joins the device to something else than the stack has this part of its own.
ROOT_STACK  := apps/root/ending.c apps/root/stack.c apps/root/stats.c
ROOT_COMMON := apps/root/config.c apps/root/divide.c $(if $(APP_COMPOSES),,$(ROOT_STACK))
KERNEL_SRC  := $(sort $(wildcard kernel/*.c))
# The stack: what a LINK line of a test calls @net. The POSIX calls stand on the kernel as well.
NET_STACK   := $(sort $(filter-out net/posix/%,$(wildcard net/*.c net/*/*.c net/*/*/*.c)))
NET_SRC     := $(NET_STACK) $(sort $(wildcard net/posix/*.c))
METAL_SRC   := $(sort $(wildcard boot/*.[cS] boot/*/*.c arch/context/*.[cS] arch/x86_64/*.c \
               arch/x86_64/*/*.[cS] kernel/libc/*.c kernel/libc/float/*.c drivers/*.c drivers/*/*.c)) \
               $(KERNEL_SRC) $(NET_SRC) $(ROOT_COMMON) apps/root/selftest.c \
               apps/root/nics.c apps/root/nic_test.c apps/root/nic_irqs.c apps/root/loopback.c \
               apps/root/offload_test.c apps/root/report.c apps/root/metal.c
HOST_SRC    := $(sort $(wildcard arch/context/*.[cS] arch/host/*.c drivers/*.c)) $(KERNEL_SRC) $(NET_SRC) \
               $(ROOT_COMMON) apps/root/host.c
APP_ALL     := $(sort $(wildcard $(APP_DIR)/*.c))
APP_SRC     := $(filter-out $(APP_DIR)/linux_%.c,$(APP_ALL))

# $(1) target folder, $(2) sources of ours
objs = $(patsubst %,$(B)/$(1)/%.o,$(basename $(2)))
app_objs = $(patsubst $(APP_DIR)/%.c,$(B)/$(1)/app/$(APP_NAME)/%.o,$(2))
llhttp_lib = $(if $(APP_LLHTTP),$(B)/$(1)/libllhttp.a)

METAL_OBJ := $(call objs,metal,$(METAL_SRC)) $(B)/metal/font.o $(call app_objs,metal,$(APP_SRC))
# What becomes one: not what applications call and is rarely called, nor what names them.
CORE_SRC  := $(filter-out %.S kernel/libc/% kernel/pthread.c kernel/sleep.c kernel/reboot.c \
             kernel/stats.c kernel/panic.c arch/x86_64/cpu/vectors.c apps/root/metal.c \
             apps/root/nic_test.c,$(METAL_SRC))
CORE_OBJ  := $(call objs,metal,$(CORE_SRC))
CORE      := $(B)/metal/core$(if $(APP_COMPOSES),-$(APP_NAME)).o
METAL_IN  := $(if $(LTO),$(CORE) $(filter-out $(CORE_OBJ),$(METAL_OBJ)),$(METAL_OBJ))
HOST_OBJ  := $(call objs,host,$(HOST_SRC)) $(call app_objs,host,$(APP_SRC))
HOST_ASAN_OBJ := $(HOST_OBJ:$(B)/host/%=$(B)/host-asan/%)
LINUX_OBJ := $(call app_objs,linux,$(APP_ALL))

KERNEL := $(B)/$(APP_NAME).elf
HOSTED := $(B)/host/$(APP_NAME)
LINUX  := $(B)/linux/$(APP_NAME)
ISO    := $(B)/$(APP_NAME).iso

PACKETDRILL ?=
SCRIPTS ?=
.PHONY: all run iso netboot matrix host linux test check gdb deps deps-test clean help fuzz sim sim-table \
        figures bench bench-docs bench-echo bench-guest bench-boot bench-irq packetdrill newcomer metal-compiler FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(KERNEL)

help:
	@printf '%s\n' \
	'make [all]   the kernel with its server: build/NAME.elf (multiboot 1 and 2)' \
	'make run     boots it in QEMU; then http://localhost:8080 (PORT=, MEM=, APPEND=)' \
	'    BOOT=     kernel, iso (the image below BIOS), uefi (the same below OVMF)' \
	'    MACHINE=  pc, q35    NIC=  e1000, e1000-82545em, e1000-82544gc, e1000e, igb (QEMU 8 or later)' \
	'make iso     a CD and USB stick image for BIOS and UEFI, with a GRUB menu: build/NAME.iso' \
	'make netboot a folder to be served by TFTP, for a boot over the network: build/netboot' \
	'make host    the same stack and server as a Linux process over TAP: build/host/NAME' \
	'make relay   a wire with rate, delay, queue, loss and disorder between two links: build/relay' \
	'make linux   the same server on plain Linux sockets: build/linux/NAME' \
	'make test    everything; ends with "N passed, N failed"' \
	'make newcomer SUITE=  make run and make test in a fresh Debian or Ubuntu (trixie); needs root' \
	'make check   the static rules: layering, symbols, lengths, format' \
	'make fuzz    the fuzz targets for TIME= seconds each (600)' \
	'make figures  instructions an echo costs the stack, and a request all of it, by layer' \
	'    AGAINST=COMMIT  and an echo at that commit    WRITE=1  stores them for this compiler' \
	'make bench   Ringside beside Linux, nginx and a reflector: a table, build/bench/report.md' \
	'    ROUNDS=5 LOADS=keep64 PEERS=ringside,linux NICS=e1000  (all of them; docs/performance.md)' \
	'make bench-docs  puts the report and its pictures into docs/performance' \
	'make bench-guest  instructions the emulated machine executes for a request' \
	'make bench-boot  how long boots take on this host, beside Linux (BOOTS=5)' \
	'make bench-irq   a request and idleness by MSI-X, MSI, INTx and polling, on this host' \
	'make matrix  every NIC, machine, way to boot, interrupt and QEMU (CELLS=words that select)' \
	'make sim     simulated worlds: N= of them (20000) from seed FIRST= on, or SEED= alone, told' \
	'    BOTH=1    each with TCP'"'"'s short way and without it, and compared' \
	'make sim-table  measures tests/sim/goodput.txt anew' \
	'make packetdrill PACKETDRILL= SCRIPTS=  a folder of packetdrill scripts against the stack' \
	'make gdb     boots stopped, with gdb attached' \
	'make deps    installs what is missing with apt; run and test do it by themselves' \
	'make clean' \
	'Variables: APP=apps/httpd (or a folder of your own) CROSS_COMPILE= LLHTTP_DIR= FONT= V=1 WERROR=1 LTO='

# What the servers of this tree want is wanted by the tests, too.
deps:
	@APP_DEPS='$(APP_DEPS)' tools/deps.sh run

deps-test:
	@APP_DEPS='$(shell sed -n 's/^APP_DEPS *:= *//p' apps/*/app.mk tests/*/app.mk)' tools/deps.sh test

# Before anything of the server is compiled: its headers would be what is missing first.
.PHONY: app-libs
app-libs:
	@$(foreach l,$(LIB_MISSING),echo '$(APP_DIR)/app.mk: APP_LIBS wants $(l), which is not there$(LIB_HINT)' >&2; exit 1;):

# ---- metal -----------------------------------------------------------------------------------
$(B)/gen/version.h: FORCE
	@mkdir -p $(@D)
	@printf '#define RINGSIDE_VERSION "%s"\n#define RINGSIDE_APP "$(APP_NAME)"\n' \
	  "$$(git describe --always --dirty 2>/dev/null || echo unknown)" > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(B)/gen/lto: FORCE
	@mkdir -p $(@D)
	@echo '$(LTO)' | cmp -s - $@ || echo '$(LTO)' > $@

$(APP_PATH): FORCE
	@mkdir -p $(@D)
	@echo '$(abspath $(APP_DIR)) $(APP_LIBS)' | cmp -s - $@ || \
	  echo '$(abspath $(APP_DIR)) $(APP_LIBS)' > $@

$(addprefix $(B)/,metal/apps/root/metal.o metal/apps/root/nic_test.o test/obj/apps/root/nic_test.o \
  host/apps/root/host.o host-asan/apps/root/host.o): $(B)/gen/version.h

$(B)/metal/%.o: %.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(METAL_FLAGS) $(if $(filter $@,$(CORE_OBJ)),$(LTO_FLAGS)) $(WARN) -c $< -o $@

# The framebuffer console's font; made anew when another one is named.
$(B)/gen/font.name: FORCE
	@mkdir -p $(@D)
	@echo '$(FONT)' | cmp -s - $@ || echo '$(FONT)' > $@
$(B)/gen/font.c: $(B)/gen/font.name $(FONT) tools/font.py tools/get-font.sh
	$(call say,FONT,$@)
	$(Q)FONT='$(FONT)' PYTHON='$(PYTHON)' tools/get-font.sh $@
$(B)/metal/font.o: $(B)/gen/font.c Makefile
	$(Q)$(CC) $(METAL_FLAGS) $(WARN) -c $< -o $@

$(B)/metal/kernel/libc/float/%.o: kernel/libc/float/%.c Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(METAL_COMMON) $(WARN) -c $< -o $@

$(B)/metal/%.o: %.S Makefile
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(METAL_FLAGS) -c $< -o $@

$(B)/metal/app/$(APP_NAME)/%.o: $(APP_DIR)/%.c Makefile $(APP_PATH) $(if $(APP_LLHTTP),$(LLHTTP_STAMP)) | app-libs
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(METAL_APP) $(APP_WARN) -I$(LLHTTP_DIR)/include -Dmain=app_main -c $< -o $@

$(B)/metal/libllhttp.a: $(LLHTTP_STAMP) Makefile
	$(call make_llhttp,$(CC) $(METAL_APP))
METAL_LIBS := $(call llhttp_lib,metal)

# The core, once for all applications: linked with what else the image has but them, so that only
# what is used from outside keeps a symbol, and the functions of POSIX. Of that the link makes one
# object file on its way, which is what is wanted. What names the application or the version is
# compiled for each, and uses the same symbols. An application that composes has a core of its own.
NAMING   := $(call objs,metal,apps/root/metal.c apps/root/nic_test.c)
CORE_ALL := $(filter-out $(NAMING) $(if $(APP_COMPOSES),,$(call app_objs,metal,$(APP_SRC))),$(METAL_OBJ)) \
            $(B)/metal/symbols-none.o
$(CORE): $(CORE_ALL) apps/root/metal.c apps/root/nic_test.c arch/x86_64/linker.ld | $(NAMING)
	$(call say,LTO,$@)
	@rm -rf $@.d && mkdir -p $@.d
	$(Q)$(CC) $(filter-out -MD -MP,$(METAL_FLAGS)) -g0 $(ONE) -save-temps -nostdlib -static \
	  -Wl,--build-id=none,--orphan-handling=error,--unresolved-symbols=ignore-all \
	  -Wl,-T,arch/x86_64/linker.ld \
	  $$($(NM) -g --defined-only $(filter $(B)/metal/net/posix/%,$^) | \
	     sed -n 's/.* T \(rs_.*\)/-Wl,-u,\1/p') -o $@.d/core $(CORE_ALL) $(NAMING)
	@mv $@.d/core.ltrans0.ltrans.o $@ && rm -r $@.d

# Linked twice: the first link's symbols become the table that backtraces read. What nothing refers to
# is left out: of libc most servers use a part.
LINK_METAL = $(LD) -m elf_x86_64 -nostdlib -static --gc-sections -z noexecstack -z max-page-size=4096 \
             --build-id=none --orphan-handling=error -T arch/x86_64/linker.ld
SYMBOLS := $(B)/metal/symbols

$(SYMBOLS)-none.S: tools/symbols.awk
	@mkdir -p $(@D)
	$(Q)awk -f tools/symbols.awk < /dev/null > $@
$(SYMBOLS)-$(APP_NAME).S: $(B)/metal/$(APP_NAME)-first.elf tools/symbols.awk
	$(Q)$(NM) -n $< | LC_ALL=C awk -f tools/symbols.awk > $@
$(SYMBOLS)-%.o: $(SYMBOLS)-%.S
	$(Q)$(CC) $(METAL_FLAGS) -c $< -o $@
$(B)/metal/$(APP_NAME)-first.elf: $(METAL_IN) $(SYMBOLS)-none.o $(METAL_LIBS) \
  $(wildcard $(APP_ARCHIVES)) arch/x86_64/linker.ld $(B)/gen/lto
	$(Q)$(LINK_METAL) -o $@ $(METAL_IN) $(SYMBOLS)-none.o $(METAL_LIBS) $(APP_ARCHIVES)
$(B)/$(APP_NAME).elf64: $(METAL_IN) $(SYMBOLS)-$(APP_NAME).o $(METAL_LIBS) \
  $(wildcard $(APP_ARCHIVES)) arch/x86_64/linker.ld $(B)/gen/lto
	$(call say,LD,$@)
	$(Q)$(LINK_METAL) -o $@ $(METAL_IN) $(SYMBOLS)-$(APP_NAME).o $(METAL_LIBS) $(APP_ARCHIVES)
$(KERNEL): $(B)/$(APP_NAME).elf64
	$(call say,ELF32,$@)
	$(Q)$(OBJCOPY) -S -O elf32-i386 $< $@

# Changes when another folder is named.
$(B)/gen/llhttp.path: FORCE
	@mkdir -p $(@D)
	@echo '$(abspath $(LLHTTP_DIR))' | cmp -s - $@ || echo '$(abspath $(LLHTTP_DIR))' > $@
$(LLHTTP_STAMP): tools/get-llhttp.sh $(B)/gen/llhttp.path
	@mkdir -p $(@D)
	$(Q)$(if $(filter file,$(origin LLHTTP_DIR)),DIR,LLHTTP_DIR)=$(LLHTTP_DIR) tools/get-llhttp.sh
	@touch $@

# A target's library: of the C sources, $(1) being the compiler with its flags, or the one that the
# distribution compiled where it has no sources (tools/get-llhttp.sh).
define make_llhttp
$(call say,AR,$@)
@mkdir -p $@.o && rm -f $@
$(Q)if [ -e $(LLHTTP_DIR)/lib/libllhttp.a ]; then cp $(LLHTTP_DIR)/lib/libllhttp.a $@; else \
  for c in llhttp api http; do \
    $(1) $(LLHTTP_FLAGS) -c $(LLHTTP_DIR)/src/$$c.c -o $@.o/$$c.o || exit 1; \
  done && $(AR) rcs $@ $@.o/llhttp.o $@.o/api.o $@.o/http.o; fi
endef

iso: $(ISO)
# Changes when other words are to go onto the command line.
$(B)/gen/iso.append: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(APPEND)' | cmp -s - $@ || printf '%s\n' '$(APPEND)' > $@
$(ISO): $(KERNEL) iso/grub.cfg tools/mkiso.sh tools/grub.sh $(B)/gen/iso.append
	$(call say,ISO,$@)
	$(Q)tools/mkiso.sh $(KERNEL) $@ '$(APPEND)'

# To be served by TFTP: iPXE's script, GRUB for UEFI with its menu, the kernel.
netboot: $(KERNEL)
	$(call say,NETBOOT,$(B)/netboot)
	$(Q)tools/mknetboot.sh $(KERNEL) $(B)/netboot '$(APPEND)'

RUN := KERNEL='$(KERNEL)' ISO='$(ISO)' NIC='$(NIC)' PORT='$(PORT)' MEM='$(MEM)' \
       MACHINE='$(MACHINE)' APPEND='$(APPEND)'
run:
	@$(RUN) BOOT='$(BOOT)' tools/run.sh check
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory $(if $(filter iso uefi,$(BOOT)),iso,all)
	@$(RUN) BOOT='$(BOOT)' tools/run.sh

gdb:
	@$(RUN) BOOT=kernel tools/run.sh check
	@$(MAKE) --no-print-directory all LTO=
	@$(RUN) BOOT=kernel GDB=$(B)/$(APP_NAME).elf64 tools/run.sh

# ---- hosted and plain Linux ------------------------------------------------------------------
host: $(HOSTED)
linux: $(LINUX)

$(B)/host/%.o: %.c Makefile
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_FLAGS) $(LTO_FLAGS) $(if $(filter net/posix/% kernel/pthread%,$<),$(HOST_APP)) $(WARN) -c $< -o $@
$(B)/host/%.o: %.S Makefile
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_FLAGS) -c $< -o $@
$(B)/host/app/$(APP_NAME)/%.o: $(APP_DIR)/%.c Makefile $(APP_PATH) $(if $(APP_LLHTTP),$(LLHTTP_STAMP)) | app-libs
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_FLAGS) $(HOST_APP) $(APP_WARN) -I$(LLHTTP_DIR)/include -Dmain=app_main -c $< -o $@
$(B)/host/libllhttp.a: $(LLHTTP_STAMP)
	$(call make_llhttp,$(HOSTCC) $(HOST_FLAGS))
$(HOSTED): $(HOST_OBJ) $(call llhttp_lib,host) $(B)/gen/lto
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(HOST_EXTRA) $(if $(LTO),$(ONE),-fno-lto) -o $@ $(filter %.o %.a,$^) $(APP_LIBS)

$(B)/linux/app/$(APP_NAME)/%.o: $(APP_DIR)/%.c Makefile $(APP_PATH) $(if $(APP_LLHTTP),$(LLHTTP_STAMP)) | app-libs
	$(call say,LINUXCC,$<)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(LINUX_FLAGS) $(APP_WARN) -I$(LLHTTP_DIR)/include -c $< -o $@
$(B)/linux/libllhttp.a: $(LLHTTP_STAMP)
	$(call make_llhttp,$(HOSTCC) $(LINUX_FLAGS))
$(LINUX): $(LINUX_OBJ) $(call llhttp_lib,linux)
	$(call say,LD,$@)
	$(Q)$(HOSTCC) -pthread -o $@ $^ $(APP_LIBS)

$(LINUX)-static: $(LINUX_OBJ) $(call llhttp_lib,linux)
	$(Q)$(HOSTCC) -static -pthread -o $@ $^ $(APP_LIBS)

.PHONY: host-asan relay attackers bench-programs bpf-library
# The hosted program with the sanitizers in it, for the hostile frames of tests/system.
host-asan: $(B)/host-asan/$(APP_NAME)
$(B)/host-asan/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(HOST_FLAGS) $(SAN) $(if $(filter net/posix/% kernel/pthread%,$<),$(HOST_APP)) $(WARN) -c $< -o $@
$(B)/host-asan/%.o: %.S Makefile
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(HOST_FLAGS) -c $< -o $@
$(B)/host-asan/app/$(APP_NAME)/%.o: $(APP_DIR)/%.c Makefile $(APP_PATH) $(if $(APP_LLHTTP),$(LLHTTP_STAMP)) | app-libs
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(HOST_FLAGS) $(SAN) $(HOST_APP) $(APP_WARN) -I$(LLHTTP_DIR)/include -Dmain=app_main -c $< -o $@
$(B)/host-asan/libllhttp.a: $(LLHTTP_STAMP)
	$(call make_llhttp,$(CLANG) $(HOST_FLAGS))
$(B)/host-asan/$(APP_NAME): $(HOST_ASAN_OBJ) $(call llhttp_lib,host-asan)
	$(call say,LD,$@)
	$(Q)$(CLANG) $(SAN) -o $@ $^ $(APP_LIBS)

# ---- tests -----------------------------------------------------------------------------------
# A test names the project's files it links on a line "// LINK: ...".
UNIT := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
SIM  := $(patsubst tests/sim/%.c,%,$(sort $(wildcard tests/sim/sim_*.c)))
FUZZ := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
link_of = $(sort $(wildcard $(patsubst @net,$(NET_STACK),$(shell sed -n 's|^// LINK: ||p' $(1)))))
# llhttp, for the tests whose LINK line says @llhttp
uses_llhttp = $(shell sed -n 's|^// LINK: .*@llhttp.*|1|p' $(1))

# $(1) name, $(2) source folder, $(3) object folder, $(4) link flags
define TEST_PROGRAM
$(B)/$(3)/$(1): $(call objs,$(3)/obj,tests/$(2)/$(1).c tests/unit/support.c $(call link_of,tests/$(2)/$(1).c)) \
  $(if $(call uses_llhttp,tests/$(2)/$(1).c),$(B)/$(3)/obj/libllhttp.a)
	$$(Q)$(CLANG) $(4) -o $$@ $$^ -lcmocka
endef
$(foreach t,$(UNIT),$(eval $(call TEST_PROGRAM,$(t),unit,test,$(SAN))))
$(foreach t,$(SIM),$(eval $(call TEST_PROGRAM,$(t),sim,test,$(SAN))))
$(foreach t,$(FUZZ),$(eval $(call TEST_PROGRAM,$(t),fuzz,fuzz,$(SAN) -fsanitize=fuzzer)))
# The simulator for many seeds: optimised, with assertions and without sanitizers. Measuring goodput
# takes many worlds that the other programs' sanitizers have seen: it is always built so.
SIM_FAST := sim_goodput
$(foreach t,$(SIM),$(eval $(call TEST_PROGRAM,$(t),sim,sim,)))

# Packet scripts: one program plays them all (tests/scripts/README.md).
SCRIPTS_MAIN := tests/scripts/engine/main.c
$(B)/test/scripts: $(call objs,test/obj,tests/unit/support.c $(call link_of,$(SCRIPTS_MAIN)))
	$(Q)$(CLANG) $(SAN) -o $@ $^

# The stack as packetdrill wants it (docs/testing.md): plain objects that can be loaded.
PD_SRC := $(sort $(wildcard tests/packetdrill/so/*.c)) $(NET_STACK) net/posix/opt_tcp.c kernel/pkt.c \
          kernel/pool.c kernel/timer.c tests/unit/support.c
PD_FLAGS = $(HOST_FLAGS) -fPIC -fvisibility=hidden $(APP_WARN)
$(B)/pd/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(PD_FLAGS) $(if $(filter net/posix/%,$<),$(HOST_APP)) -c $< -o $@
$(B)/packetdrill.so: $(call objs,pd,$(PD_SRC))
	$(call say,LD,$@)
	$(Q)$(HOSTCC) -shared -o $@ $^ -lpthread
packetdrill: $(B)/packetdrill.so
	@test -n "$(PACKETDRILL)" -a -n "$(SCRIPTS)" || { echo \
	  "make packetdrill PACKETDRILL=/path/to/packetdrill SCRIPTS=/folder/of/scripts"; exit 2; }
	@$(PYTHON) tests/packetdrill/run.py $(PACKETDRILL) $(SCRIPTS)

$(B)/test/test_adapter: $(B)/test/obj/tests/packetdrill/test_adapter.o | $(B)/packetdrill.so
	$(Q)$(CLANG) $(SAN) -o $@ $^ -lcmocka -ldl -lpthread

TEST_INC = $(if $(filter tests/% apps/% kernel/pthread% net/posix/%,$<),-I$(LLHTTP_DIR)/include)
$(B)/test/obj/%.o: %.c Makefile $(LLHTTP_STAMP)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(TEST_FLAGS) $(TEST_INC) -c $< -o $@
$(B)/test/obj/%.o: %.S Makefile
	@mkdir -p $(@D)
	$(Q)$(CLANG) -I. -c $< -o $@
$(B)/sim/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(SIM_FLAGS) -c $< -o $@
# A fuzzer finds as much as it tries. What judges, not being what is fuzzed, is not watched for
# coverage; net/ and the targets are without a call at each comparison, the sanitizers' own among
# them: its hints help to guess words in a text, and the targets make frames right themselves.
# Together these took three quarters of the time of fuzz_tcp_state.
FUZZ_JUDGES := tests/unit/% tests/fuzz/tcp_model.c
FUZZ_FLAGS = $(filter-out -O1,$(TEST_FLAGS)) -O2 \
             $(if $(filter $(FUZZ_JUDGES),$<),,-fsanitize=fuzzer-no-link \
             $(if $(filter net/% tests/%,$<),-fno-sanitize-coverage=trace-cmp))
$(B)/fuzz/obj/%.o: %.c Makefile $(LLHTTP_STAMP)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_FLAGS) $(TEST_INC) -c $< -o $@
$(B)/test/obj/libllhttp.a $(B)/fuzz/obj/libllhttp.a: $(LLHTTP_STAMP)
	$(call make_llhttp,$(CLANG) -O1 -g)

unit-programs: $(patsubst %,$(B)/test/%,$(UNIT) $(SIM) scripts test_adapter)
fuzz-programs: $(patsubst %,$(B)/fuzz/%,$(FUZZ))

# What tools/figures.py counts instructions in: the stack alone, and all of the hosted program over
# a machine of memory (APP=apps/httpd). Of the objects and with the flags of the hosted program.
BENCH_ECHO := tests/bench/echo.c tests/bench/peer.c kernel/pkt.c kernel/pool.c kernel/timer.c $(NET_STACK)
BENCH_REQUEST := $(addprefix tests/bench/,request.c machine.c peer.c) \
        $(filter-out arch/host/platform.c arch/host/tap.c apps/root/host.c,$(HOST_SRC))
BENCH_LINK = $(Q)mkdir -p $(@D) && $(HOSTCC) $(HOST_EXTRA) $(if $(LTO),$(ONE),-fno-lto) -o $@ $^
$(B)/bench/echo: $(call objs,host,$(BENCH_ECHO))
	$(BENCH_LINK)
$(B)/bench/lines: $(call objs,host,$(BENCH_ECHO) tests/bench/where.c)
	$(BENCH_LINK) -no-pie
$(B)/bench/request: $(call objs,host,$(BENCH_REQUEST)) $(call app_objs,host,$(APP_SRC)) $(call llhttp_lib,host)
	$(BENCH_LINK) $(APP_LIBS)

# The filters of net/bpf/ as a library, which a test holds against libpcap.
bpf-library: $(B)/bpf.so
$(B)/bpf.so: $(wildcard net/bpf/*.[ch]) net/core/text.h tests/unit/support.c Makefile
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(filter-out $(SAN) -MD -MP,$(TEST_FLAGS)) -fPIC -shared -o $@ $(filter %.c,$^)

# Programs that the system tests put between or against the machines under test.
relay: $(B)/relay
$(B)/relay: tests/relay/relay.c Makefile
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(LINUX_FLAGS) -D_GNU_SOURCE $(APP_WARN) -o $@ $<
attackers: $(patsubst %,$(B)/attack/%,flood guess slow)
$(B)/attack/%: tests/attack/%.c tests/attack/frames.c tests/attack/frames.h Makefile
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(LINUX_FLAGS) -MF $@.d -D_GNU_SOURCE $(APP_WARN) -o $@ $< tests/attack/frames.c

# Programs that ask what `make bench` measures (tools/bench).
LOADERS := $(patsubst %,$(B)/bench/%,load idle frames)
bench-programs: $(LOADERS)
$(LOADERS): $(B)/bench/%: tests/bench/%.c tests/bench/bench.c tests/bench/bench.h Makefile
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(LINUX_FLAGS) -MF $@.d -D_GNU_SOURCE $(APP_WARN) -o $@ $< tests/bench/bench.c

# Without a network there may be no QEMU for the NIC igb: its test says so.
test: deps-test
	@tools/get-qemu.sh > /dev/null || true
	@$(PYTHON) tools/test.py

# One seed runs sanitized and tells everything; many run as fast as they can, and say how fast.
ifneq ($(SEED),)
sim: $(B)/test/sim_transfer
	RINGSIDE_SIM_SEED=$(SEED) RINGSIDE_SIM_BOTH=$(BOTH) $<
else
sim: $(B)/sim/sim_transfer
	RINGSIDE_SIM_SEEDS=$(N) RINGSIDE_SIM_FIRST=$(FIRST) RINGSIDE_SIM_BOTH=$(BOTH) $<
endif

unit-programs: $(patsubst %,$(B)/sim/%,$(SIM_FAST))

sim-table: $(B)/sim/sim_goodput
	RINGSIDE_SIM_TABLE=write $<

fuzz: deps-test
	@$(MAKE) --no-print-directory fuzz-programs
	@$(PYTHON) tools/test.py --only fuzz --fuzz-seconds $(TIME)

check:
	@$(PYTHON) tools/check.py
# How it compiles a file of the metal once more, to see what it writes.
metal-compiler:
	@printf '%s\n' '$(CC) $(filter-out -MD -MP,$(METAL_FLAGS))'

newcomer:
	@tools/deps.sh newcomer
	@tools/newcomer.sh $(SUITE)

figures bench-echo:
	@$(PYTHON) tools/figures.py $(if $(AGAINST),--against $(AGAINST)) $(if $(WRITE),--write)

bench-guest: all
	@$(PYTHON) tools/bench-guest.py --nic $(NIC)

bench-boot: all $(B)/linux/httpd-static
	@$(PYTHON) tools/bench-boot.py $(if $(BOOTS),--boots $(BOOTS))

# One guest of each peer, built or taken from packages; then the words are looked at before a machine
# is booted. apps/reflect is left out where it is not there.
BENCH := $(PYTHON) tools/bench --rounds '$(or $(ROUNDS),5)' --loads '$(LOADS)' --peers '$(PEERS)' --nics '$(NICS)'
bench:
	@$(BENCH) --check
	@tools/deps.sh bench
	@$(MAKE) --no-print-directory APP=apps/httpd all $(B)/linux/httpd-static bench-programs
	@[ ! -d apps/reflect ] || $(MAKE) --no-print-directory APP=apps/reflect all
	@tools/get-linux.sh $(B)/bench/linux $(B)/linux/httpd-static nginx
	@$(BENCH)

# What a run measured, put into the documentation.
bench-docs:
	@$(PYTHON) tools/bench --report --docs

matrix: deps-test all
	@tools/get-qemu.sh > /dev/null
	@$(PYTHON) tools/matrix.py $(CELLS)

bench-irq: all
	@$(PYTHON) tools/bench-irq.py

clean:
	rm -rf --one-file-system $(B)

# Of another folder of that name there may be objects whose sources are not there any more.
$(shell [ ! -f $(APP_PATH) ] || echo '$(abspath $(APP_DIR)) $(APP_LIBS)' | cmp -s - $(APP_PATH) || \
  rm -rf $(wildcard $(B)/*/app/$(APP_NAME)))
%.d: ;
-include $(shell find $(B) -name newcomer -prune -o -type f -name '*.d' -print 2>/dev/null)
