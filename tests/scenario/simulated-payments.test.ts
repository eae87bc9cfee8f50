/**
 * Simulated worlds in which payments are made: each is soon at every node and in the end in a block, whatever malicious peers
 * do against it; and bugs in what holds them off are found.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { TransactionDownload } from "../../lib/bitcoin/relay/download.ts";
import { Waster } from "../../lib/bitcoin/relay/judging-line.ts";
import { Orphanage } from "../../lib/bitcoin/relay/orphanage.ts";
import { TransactionRequestTracker } from "../../lib/bitcoin/relay/request-tracker.ts";
import type { RelayLie } from "../../lib/sim/play.ts";
import { effort, isLong, seed } from "../support/effort.ts";
import { replaced } from "../support/replaced.ts";
import { runSmall } from "./simulated-worlds.ts";

const TIMEOUT_MS = isLong ? 7_200_000 : 300_000;
/** Two of these are malicious where any are. */
const NODES = 8;
const EVERY_MS = 3_000;
const LIES: readonly RelayLie[] = ["ids", "orphans", "withhold", "costly"];

/** Runs a world of payments in which malicious peers do one thing, or nothing. */
async function runPayments(
  lie: RelayLie | undefined,
  { nodes = NODES, hours = 0.2 }: { readonly nodes?: number; readonly hours?: number | undefined } = {},
) {
  const payments = { everyMs: EVERY_MS, ...(lie && { lies: [lie] }) };
  const malicious = lie === undefined ? 0 : 2 / nodes;
  const options = { nodes, hours, malicious, faults: "none", blockEveryMs: 300_000, payments } as const;
  const { report, told } = await runSmall({ chain: "bitcoin", seed, ...options });
  const { transactions = assert.fail("there were no payments") } = report;
  process.stdout.write(`payments among ${nodes} nodes, ${lie ?? "no attack"}: ${JSON.stringify(transactions)}\n`);
  return { report, told, transactions };
}

describe("in a simulated world of payments", () => {
  test("every payment reaches every node within a minute, and is mined", { timeout: TIMEOUT_MS }, async () => {
    const nodes = effort("nodes of a world of payments", 16, 200);
    const { report, told, transactions: { made, mined, samples, max } } = await runPayments(undefined, { nodes });
    assert.equal(report.breach_count, 0, told);
    assert.ok(made > 50 && mined === made, `${mined} of ${made}`);
    // But for those that a block brought before.
    assert.ok(samples > 0.97 * made * (nodes - 1), `${samples}`);
    assert.ok((max ?? Infinity) < 60_000, `${max}`);
  });

  for (const lie of LIES) {
    test(`so it is where malicious peers do this: ${lie}`, { timeout: TIMEOUT_MS }, async () => {
      const { report, told, transactions: { made, mined, p99 } } = await runPayments(lie);
      assert.equal(report.breach_count, 0, told);
      assert.ok(made > 40 && mined === made, `${mined} of ${made}`);
      assert.ok((p99 ?? Infinity) < 60_000, `${p99}`);
    });
  }
});

describe("a planted bug of the relay is found:", () => {
  const bugs:
    readonly (readonly [what: string, lie: RelayLie, rule: string, plant: () => () => void, hours?: number])[] = [
      [
        "announcements of a peer are kept without bound",
        "ids",
        "what the relay keeps is bounded",
        () => replaced(TransactionDownload.prototype, "hears", () => () => true),
        0.06,
      ],
      [
        "what waits for parents is not counted",
        "orphans",
        "what the relay keeps is bounded",
        () => {
          const { get } = Object.getOwnPropertyDescriptor(Orphanage.prototype, "points")!;
          Object.defineProperty(Orphanage.prototype, "points", { get: () => 0, configurable: true });
          return () => void Object.defineProperty(Orphanage.prototype, "points", { get: get!, configurable: true });
        },
      ],
      [
        "the peer that announced a transaction first is the only one that is asked for it",
        "withhold",
        "a payment reaches every node",
        () =>
          replaced(
            TransactionRequestTracker.prototype,
            "announced",
            (announced) =>
              function (this: TransactionRequestTracker, peer, id, isPreferred, requestAt) {
                if (this.candidates(id.hash).length === 0) announced.call(this, peer, id, isPreferred, requestAt);
              },
          ),
      ],
      [
        "whose transactions cost much in vain waits no longer than others",
        "costly",
        "a payment reaches every node",
        () => replaced(Waster.prototype, "wasted", () => () => 0),
      ],
    ];
  for (const [what, lie, rule, plant, hours] of bugs) {
    test(what, { timeout: TIMEOUT_MS }, async () => {
      const end = plant();
      try {
        const { report } = await runPayments(lie, { hours });
        assert.ok(report.breaches.some((breach) => breach.rule === rule), JSON.stringify(report.breaches));
      } finally {
        end();
      }
    });
  }
});
