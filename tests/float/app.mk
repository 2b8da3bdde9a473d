# The sine, and on the metal musl's: as a server gets what is not in <math.h> of ours.
APP_LIBS := -lm
APP_DEPS := musl-dev
