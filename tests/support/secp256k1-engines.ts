/** The verifiers of signatures by engine, for tests. */
import { sha256 as platformSha256 } from "#platform";
import type { Engine } from "../../lib/engine/engine.ts";
import { makeSecp256k1, type Secp256k1 } from "../../lib/engine/secp256k1/mod.ts";
import { SeededRandom } from "../../lib/sim/random.ts";

const random = new SeededRandom(1);
const made = new Map<Engine, Secp256k1>();

/** The verifier of an engine, or of the next slower one where it does not run. */
export function secp256k1Of(engine: Engine): Secp256k1 {
  const found = made.get(engine) ?? makeSecp256k1({
    sha256: (bytes) => platformSha256([bytes]),
    fillRandom: (bytes) => bytes.set(random.bytes(bytes.length)),
    from: engine,
  });
  made.set(engine, found);
  return found;
}
