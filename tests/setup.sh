# Gets what the build and the tests need: Bun, Deno and the locked packages. Sourced by compile.sh, tests/run.sh and
# tests/long.sh from the project's root. Needs Node with npm, or a Bun that is already there.
set -euo pipefail

BUN_VERSION=$(sed -n 's/.*"bun": "\([0-9.]*\)".*/\1/p' package.json)
if ! command -v bun > /dev/null || [ "$(bun --version)" != "$BUN_VERSION" ]; then
  if [ ! -x .cache/tools/node_modules/.bin/bun ] || [ "$(.cache/tools/node_modules/.bin/bun --version)" != "$BUN_VERSION" ]; then
    command -v npm > /dev/null || { echo "needs Bun $BUN_VERSION, or npm to get it" >&2; exit 1; }
    echo "getting Bun $BUN_VERSION from npm" >&2
    mkdir -p .cache/tools
    # npm by itself tries for minutes, in silence.
    npm install --loglevel=error --no-audit --no-fund --no-save --fetch-retries=1 --fetch-timeout=30000 \
      --prefix .cache/tools "bun@$BUN_VERSION" >&2 || {
      echo "npm could not get Bun $BUN_VERSION from $(npm config get registry); is it reachable from here?" >&2
      exit 1
    }
  fi
  # Where npm does not run install scripts, the launcher is a placeholder and the binary lies in its platform's package.
  if ! .cache/tools/node_modules/.bin/bun --version > /dev/null 2>&1; then
    for binary in .cache/tools/node_modules/@oven/*/bin/bun; do
      if "$binary" --version > /dev/null 2>&1; then mkdir -p .cache/tools/bin; ln -sf "$PWD/$binary" .cache/tools/bin/bun; fi
    done
  fi
  export PATH="$PWD/.cache/tools/bin:$PWD/.cache/tools/node_modules/.bin:$PATH"
fi
[ "$(bun --version)" = "$BUN_VERSION" ] || { echo "Bun $BUN_VERSION cannot be run here" >&2; exit 1; }
bun install --frozen-lockfile --silent || {
  echo "the locked packages could not be installed (bun install --frozen-lockfile); is the npm registry reachable?" >&2
  exit 1
}
export PATH="$PWD/node_modules/.bin:$PATH"
