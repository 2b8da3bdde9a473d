# zlib as Debian has it: the static library, compiled by others.
APP_LIBS := -lz
APP_DEPS := zlib1g-dev
