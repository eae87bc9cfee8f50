#!/usr/bin/env bash
# Sets everything up and passes every test: formatter, linter, types and tests on Bun and on Deno, the compiled binary,
# and real peers where Python is there. Ends with `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh
set +e
exec bun tests/support/run.ts "$@"
