/**
 * Simulated worlds in which payments are made: each is soon at every node and in the end in a block, whatever malicious peers
 * do against it; and bugs in what holds them off are found.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TransactionDownload } from "../../lib/bitcoin/relay/download.ts";
import { Waster } from "../../lib/bitcoin/relay/judging-line.ts";
import { Orphanage } from "../../lib/bitcoin/relay/orphanage.ts";
import { TransactionRequestTracker } from "../../lib/bitcoin/relay/request-tracker.ts";
import type { RelayLie } from "../../lib/sim/play.ts";
import { effort, isLong, someWorlds } from "../support/effort.ts";
import { replaced } from "../support/replaced.ts";
import { BEYOND_TRICKLE_MS, runPayments } from "./payment-worlds.ts";

const TIMEOUT_MS = isLong ? 7_200_000 : 300_000;
const LIES: readonly RelayLie[] = ["ids", "orphans", "withhold", "costly"];

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

  for (const lie of someWorlds("what malicious peers do with payments", LIES)) {
    test(`so it is where malicious peers do this: ${lie}`, { timeout: TIMEOUT_MS }, async () => {
      const { report, told, transactions: { made, mined, p99, beyond_trickle: beyond } } = await runPayments(lie);
      assert.equal(report.breach_count, 0, told);
      assert.ok((beyond.p99 ?? Infinity) < BEYOND_TRICKLE_MS, `${beyond.p99}`);
      assert.ok(made > 40 && mined === made, `${mined} of ${made}`);
      assert.ok((p99 ?? Infinity) < 60_000, `${p99}`);
    });
  }
});

describe("a planted bug of the relay is found:", () => {
  const bugs: readonly (readonly [
    what: string,
    lie: RelayLie | undefined,
    rule: string,
    plant: () => () => void,
    hours?: number,
  ])[] = [
    [
      "what is announced is asked for seconds too late",
      undefined,
      "a hop takes seconds beyond its trickle",
      () =>
        replaced(
          TransactionRequestTracker.prototype,
          "announced",
          (announced) =>
            function (this: TransactionRequestTracker, peer, id, isPreferred, requestAt) {
              announced.call(this, peer, id, isPreferred, requestAt + 6_000);
            },
        ),
    ],
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
  for (const [what, lie, rule, plant, hours] of someWorlds("planted bugs about payments", bugs)) {
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
