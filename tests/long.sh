#!/usr/bin/env bash
# The full counts of what tests/run.sh only samples.
set -euo pipefail
cd "$(dirname "$0")/.."
export GEMEL_LONG=1
exec tests/run.sh "$@"
