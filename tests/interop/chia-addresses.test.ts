/** One trace through chia-blockchain's own AddressManager and through our book: the same tables, slot by slot. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chiaAddressRules } from "../../lib/chia/addresses/rules.ts";
import { toHex } from "../../lib/codec/hex.ts";
import { AddressBook, BOOK } from "../../lib/core/addresses/book.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { chiaMissing } from "../support/chia-python.ts";
import { chiaTables, type Step } from "../support/eclipse/chia.ts";
import { HandClock, hostAt } from "../unit/core-addresses/book.ts";

/** What both take off the times of gossip. */
const PENALTY_S = 7_200;

test("AddressBook and chia-blockchain's AddressManager come to the same tables", { skip: chiaMissing() }, async () => {
  const random = new SeededRandom(11);
  const key = random.bytes(32);
  const clock = new HandClock();
  const steps: Step[] = [];
  // No address is told twice with a newer time: whether it gets another slot is chance, and each has its own.
  const crowd = (i: number) => `20.1.${i % 250}.${1 + Math.floor(i / 250)}`;
  for (let i = 0; i < 1_500; i++) {
    const host = i % 3 === 0 ? crowd(i) : i % 17 === 0 ? `2a01:4f8:${i}::${i}` : hostAt(i);
    const age = i % 11 === 0 ? 40 * 86_400 : i % 13 === 0 ? 0 : 3_600 + i;
    const timeS = age === 0 ? 0 : clock.nowS - age;
    const source = i % 5 === 0 ? "2001:470:1::5" : hostAt(2_000 + i % 97);
    steps.push(["learn", host, 8444 + i % 2, timeS, source]);
    if (i % 23 === 0) steps.push(["learn", host, 8444 + i % 2, Math.max(0, timeS - 10), hostAt(3_000 + i)]);
    if (i % 4 === 0) steps.push(["good", host, 8444 + i % 2, i % 8 === 0]);
    if (i % 29 === 0) steps.push(["good", host, 9_999, false], ["learn", "10.0.0.1", 8444, timeS, source]);
  }
  const theirs = await chiaTables({ key: toHex(key), now: clock.nowS, penalty: PENALTY_S, steps });
  const book = new AddressBook({ rules: chiaAddressRules(), clock, random, key, budget: false });
  for (const step of steps) {
    if (step[0] === "learn") {
      book.learn([{ host: step[1], port: step[2], timeS: step[3] }], step[4], { penaltyS: PENALTY_S });
    } else book.good({ host: step[1], port: step[2] }, { testBeforeEvict: step[3] });
  }
  const slots = [...book.entries()].flatMap(({ host, lastTryS, attempts, timeS, slots }) =>
    slots.map(({ table, bucket, position }) => {
      return [table, bucket * BOOK.bucketSize + position, host, lastTryS, attempts, timeS];
    })
  );
  const order = (list: readonly (readonly unknown[])[]) => list.map((each) => each.join(" ")).sort();
  assert.ok(book.size.tried > 100 && book.size.newSlots > 500);
  assert.deepEqual(order(slots), order(theirs.slots));
});
