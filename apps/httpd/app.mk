# What this server needs from the Makefile beyond its own *.c: llhttp's three C files.
APP_LLHTTP := 1
