/** Spends of one output by scripts at random, of every kind that has scripts, and by changed ones of Bitcoin Core's cases. */
import { sha256 } from "../../lib/codec/sha256.ts";
import { hash160, taggedHash } from "../../lib/bitcoin/hash.ts";
import { Op } from "../../lib/bitcoin/types/mod.ts";
import type { SeededRandom } from "../../lib/sim/random.ts";
import { bitcoinDataMissing, bitcoinJson } from "../vectors/bitcoin-data.ts";
import { KEYS, tweaked } from "./script-keys.ts";
import type { ScriptQuestion } from "./script-oracle.ts";
import { join, mutated, randomElement, randomFlags, randomScript } from "./script-random.ts";
import { parseScript, push, spendOf } from "./script-text.ts";

const CASES = "core/script_tests.json";
const EMPTY = new Uint8Array(0);

interface Pair {
  readonly scriptSig: Uint8Array;
  readonly scriptPubKey: Uint8Array;
}

let known: readonly Pair[] | undefined;

/** The scripts of Core's cases without witness; none where the data is absent. */
function knownPairs(): readonly Pair[] {
  return known ??= bitcoinDataMissing(CASES) !== false
    ? []
    : bitcoinJson<unknown[][]>(CASES).filter((row) => row.length > 1 && typeof row[0] === "string").map((row) => ({
      scriptSig: parseScript(row[0] as string),
      scriptPubKey: parseScript(row[1] as string),
    }));
}

/** Changes none, one or several times. */
function changed(random: SeededRandom, script: Uint8Array): Uint8Array {
  let result = script;
  for (let left = random.below(3); left > 0; left--) result = mutated(random, result);
  return result;
}

/** Elements that scripts compare and check. */
const elements = [
  ...KEYS.slice(0, 3).flatMap(({ compressed, uncompressed, xOnly }) => [compressed, uncompressed, xOnly]),
];

/** One spend. */
export function randomQuestion(random: SeededRandom): ScriptQuestion {
  const flags = randomFlags(random);
  const pairs = knownPairs();
  const long = random.chance(0.05) ? 300 : 16;
  const stack = Array.from({ length: random.below(random.chance(0.02) ? 1_200 : 6) }, () => randomElement(random));
  const script = randomScript(random, long, elements, stack.length);
  const scriptSig = join(...stack.map(push));
  const ask = (scriptPubKey: Uint8Array, sig: Uint8Array, witness: readonly Uint8Array[] = []): ScriptQuestion => {
    const { transaction, spent } = spendOf(scriptPubKey, sig, { witness, value: BigInt(random.below(2)) });
    return { transaction, spent: [spent], flags };
  };
  switch (random.below(8)) {
    case 0:
      return ask(script, scriptSig);
    case 1:
      return ask(randomScript(random, long, elements, 3), randomScript(random, 8, elements));
    case 2:
      return ask(join(Op.OP_HASH160, push(hash160(script)), Op.OP_EQUAL), join(scriptSig, push(script)));
    case 3:
    case 4:
      return ask(join(Op.OP_0, push(sha256(script))), EMPTY, [...stack, script]);
    case 5: {
      const internal = KEYS[0]!;
      const size = script.length < 0xfd ? [script.length] : [0xfd, script.length & 0xff, script.length >> 8];
      const { xOnly, parity } = tweaked(
        internal,
        taggedHash("TapLeaf", Uint8Array.of(0xc0), Uint8Array.from(size), script),
      );
      return ask(join(Op.OP_1, push(xOnly)), EMPTY, [...stack, script, join(0xc0 | parity, internal.xOnly)]);
    }
    default: {
      if (pairs.length === 0) return ask(script, scriptSig);
      const pair = random.pick(pairs);
      const other = random.chance(0.9) ? pair : random.pick(pairs);
      return ask(changed(random, pair.scriptPubKey), changed(random, other.scriptSig));
    }
  }
}
