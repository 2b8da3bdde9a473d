# It stands on the driver alone: reflect.c takes the place of the stack's part of apps/root.
APP_COMPOSES := 1
