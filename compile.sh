#!/usr/bin/env bash
# Builds dist/gemel, one self-contained executable, and its sha256.
#
#   ./compile.sh                       for this machine
#   ./compile.sh --target bun-linux-arm64   for another platform whose Bun runtime is at hand
#   ./compile.sh --no-check            without the type check
set -euo pipefail
cd "$(dirname "$0")"

target=""
check=1
while [ $# -gt 0 ]; do
  case "$1" in
    --target) target="$2"; shift 2 ;;
    --no-check) check=0; shift ;;
    *) echo "usage: ./compile.sh [--target bun-PLATFORM] [--no-check]" >&2; exit 2 ;;
  esac
done

. tests/setup.sh
if [ "$check" = 1 ]; then
  echo "checking types" >&2
  tsc -p .
fi
out=dist/gemel${target:+-${target#bun-}}
mkdir -p dist
# What the executable would emit at each start: the condition "prepared" puts it in the place of lib/engine/prepared.ts.
bun compile/programs.ts dist/prepared.js
# Bytecode takes two thirds off the time to the first line of output. Splitting leaves out of memory what only other commands
# use: 5 MB of a running node. Without the --no-compile-autoload switches the
# program would read .env and bunfig.toml of whatever folder it is started in, and run the code that they name. The second
# entry is what the program's threads run.
bun build --compile --bytecode --splitting --format=esm --minify-syntax --conditions=bun --conditions=prepared \
  --no-compile-autoload-dotenv --no-compile-autoload-bunfig \
  --no-compile-autoload-tsconfig --no-compile-autoload-package-json \
  ${target:+--target="$target"} --outfile "$out" cli/main.ts lib/worker.ts >&2
(cd dist && sha256sum "$(basename "$out")" > "$(basename "$out").sha256")
echo "$out $(du -m "$out" | cut -f1) MB sha256 $(cut -d' ' -f1 "$out.sha256")"
