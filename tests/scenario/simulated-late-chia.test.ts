/**
 * Verdicts that come late, on Chia: bugs that are planted into simulated worlds, each found by the rule that it breaks. The
 * worlds themselves refuse late in every seed (simulated-seeds.test.ts).
 */
import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { Flight, Step } from "../../lib/chia/chain/flight.ts";
import { ProofRun } from "../../lib/chia/chain/prove.ts";
import { PeerGiver } from "../../lib/chia/sync/judging.ts";
import { SimValidator } from "../../lib/sim/chia/validator.ts";
import { seed as firstSeed } from "../support/effort.ts";
import { runSmall } from "./simulated-worlds.ts";

const SEEDS = 100;

/** Puts a method in the place of another for as long as a test takes; what it gives back puts the first one back. */
function replaced<T extends object, K extends keyof T>(type: T, name: K, make: (original: T[K]) => T[K]): () => void {
  const original = type[name];
  type[name] = make(original);
  return () => void (type[name] = original);
}

const bugs: readonly { readonly bug: string; readonly rule: string; readonly patch: () => () => void }[] = [
  {
    bug: "the peak moves before the verdict on the proofs",
    rule: "the tip is valid",
    patch: () => replaced(ProofRun.prototype, "verdict", () => () => Promise.resolve(undefined)),
  },
  {
    bug: "the peak moves before the verdict on the spends",
    rule: "the tip is valid",
    patch: () =>
      replaced(SimValidator.prototype, "spend", (spend) =>
        function (this: SimValidator, ...given) {
          // The answer is not waited for.
          spend.apply(this, given).catch(() => {});
          const [{ record: { headerHash, height }, parent }] = given;
          const record = { coin: {}, confirmedBlockIndex: height, spentBlockIndex: 0 } as never;
          const spent = parent === undefined ? [] : [parent.headerHash];
          return Promise.resolve({ ok: true, coins: { created: [{ id: headerHash, record }], spent } });
        }),
  },
  {
    bug: "nobody is charged for a block that is refused late",
    rule: "the giver of a refused block pays for it",
    patch: () => replaced(PeerGiver.prototype, "refused", () => () => {}),
  },
  {
    bug: "a block is charged to the giver of the block before it, and not to its own giver",
    rule: "no honest node is banned",
    patch: () =>
      replaced(Step.prototype, "giverOf", (giverOf) => {
        let last: ReturnType<typeof giverOf> = null;
        return function (this: Step, candidate) {
          const before = last;
          last = giverOf.call(this, candidate) ?? last;
          return before ?? last;
        };
      }),
  },
  {
    bug: "what was built on a refused block stays and is connected",
    rule: "the tip is valid",
    patch: () =>
      replaced(Flight.prototype, "withdraw", () =>
        function (this: Flight, step, from) {
          // Only the refused block itself is taken out of its run.
          this.forget(step.frames.splice(from ?? 0, from === undefined ? Infinity : 1).map(({ record }) => record));
        }),
  },
  {
    bug: "a late answer is applied to another branch",
    rule: "the tip is valid",
    patch: () => {
      // The last answer that came is taken for that of whatever is waited for.
      let newest: Promise<Awaited<ReturnType<ProofRun["verdict"]>>> | undefined;
      return replaced(ProofRun.prototype, "verdict", (verdict) =>
        function (this: ProofRun) {
          const own = verdict.call(this);
          const before = newest;
          newest = own.then((answer) => answer, () => undefined);
          return before ?? own;
        });
    },
  },
];

describe(`within ${SEEDS} seeds the rules find that`, () => {
  for (const { bug, rule, patch } of bugs) {
    test(bug, { timeout: 600_000 }, async () => {
      const undo = patch();
      try {
        for (let seed = firstSeed; seed < firstSeed + SEEDS; seed++) {
          const { report } = await runSmall({ chain: "chia", seed, malicious: 0.4 });
          if (report.breaches.some((breach) => breach.rule === rule)) {
            process.stdout.write(`found by seed ${seed - firstSeed + 1}: ${bug}\n`);
            return;
          }
        }
      } finally {
        undo();
      }
      assert.fail(`not found: ${rule}`);
    });
  }
});
