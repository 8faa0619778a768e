#!/bin/sh
# The compiler for this project's own code (RUSTC_WORKSPACE_WRAPPER), with deliberate faults: its dependencies are built once for both.
exec "$@" --cfg shokyo_faults
