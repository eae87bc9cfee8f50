/** The estimator of the eclipse experiment against draws from real books, and the experiment's bounds in small. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BOOK } from "../../../lib/core/addresses/book.ts";
import { ANCHORS } from "../../../lib/core/dialling/anchors.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { type Attack, ATTACKS } from "../../support/eclipse/attacks.ts";
import { type DumpedSlot, estimate, restartProducts, shareOf, slotChances } from "../../support/eclipse/estimate.ts";
import { ALL_OFF, ALL_ON, runWorld } from "../../support/eclipse/worlds.ts";
import { BOTH, hostAt, makeBook } from "./book.ts";

const small: Attack = { name: "A", text: "in small", groups: 40, perGroup: 20, trash: 0, sources: 4 };
const answersAlways = { slots: 8, onePerGroup: false, anchors: { count: 0, answers: 0 } };

describe("estimator", () => {
  for (const rules of BOTH) {
    test(`the chances of all slots sum to one and are those of AddressBook.select() (${rules.name})`, () => {
      const { book, clock } = makeBook({ rules });
      for (let i = 0; i < 900; i++) {
        const address = { host: hostAt(i), port: 8333 };
        book.learn([{ ...address, timeS: clock.nowS }], hostAt(i + 2_000));
        // A good part of the tried table in few buckets, so that walks and scans are far from uniform.
        if (i % 2 === 0) book.good(address);
      }
      for (let i = 0; i < 600; i++) {
        const address = { host: `20.1.${i % 250}.${1 + Math.floor(i / 3)}`, port: 8333 };
        book.learn([{ ...address, timeS: clock.nowS }], hostAt(i));
        book.good(address);
      }
      // Some were tried a moment ago, some have failed.
      for (let i = 0; i < 900; i += 5) book.attempt({ host: hostAt(i), port: 8333 }, true);
      clock.nowS += 601;
      for (let i = 1; i < 900; i += 7) book.attempt({ host: hostAt(i), port: 8333 }, false);
      const dump = [...book.entries()].flatMap((entry) =>
        entry.slots.map(({ table, bucket, position }): DumpedSlot => ({
          ...{ table, slot: bucket * BOOK.bucketSize + position, host: entry.host, group: entry.groupName },
          ...{ isAttacker: entry.host.startsWith("20."), lastTryS: entry.lastTryS, attempts: entry.attempts },
        }))
      );
      for (const table of ["new", "tried"] as const) {
        const slots = dump.filter((each) => each.table === table).map(({ slot }) => slot);
        assert.ok(slots.length > 300);
        const sum = slotChances(rules.draw, table, slots).reduce((a, b) => a + b);
        assert.ok(Math.abs(sum - 1) < 1e-9, `${table} ${sum}`);
      }
      const expected = shareOf(dump, rules, clock.nowS);
      const draws = 20_000;
      let found = 0;
      for (let i = 0; i < draws; i++) if (book.select()!.host.startsWith("20.")) found += 1;
      const deviation = Math.sqrt(expected * (1 - expected) / draws);
      assert.ok(Math.abs(found / draws - expected) < 4 * deviation, `${found / draws} where ${expected} is expected`);
      // Entry by entry: the sum of squared deviations, in units of what chance allows.
      const counts = new Map<string, number>();
      for (let i = 0; i < draws; i++) {
        const { host } = book.select()!;
        counts.set(host, (counts.get(host) ?? 0) + 1);
      }
      const tried = dump.filter(({ table }) => table === "tried");
      const own = slotChances(rules.draw, "tried", tried.map(({ slot }) => slot));
      const fresh = tried.flatMap(({ host, attempts, lastTryS }, i) =>
        attempts === 0 && clock.nowS - lastTryS > 600 ? [{ host, chance: own[i]! }] : []
      );
      const total = fresh.reduce((sum, { host }) => sum + (counts.get(host) ?? 0), 0);
      const weight = fresh.reduce((sum, { chance }) => sum + chance, 0);
      const chiSquare = fresh.reduce((sum, { host, chance }) => {
        const mean = total * chance / weight;
        return sum + ((counts.get(host) ?? 0) - mean) ** 2 / mean;
      }, 0);
      const freedom = fresh.length - 1;
      assert.ok(Math.abs(chiSquare - freedom) < 5 * Math.sqrt(2 * freedom), `${chiSquare} of ${freedom}`);
    });
  }

  test("the mean product is what counting comes to, where it can be counted", () => {
    const rules = BOTH[0]!;
    const { dump, nowS } = runWorld(small, rules, ALL_OFF, 0, 5);
    const restart = { ...answersAlways, slots: 2, onePerGroup: true };
    const { mean } = estimate(
      [restartProducts(dump, rules, nowS, restart, 2_000, new SeededRandom(1))],
      new SeededRandom(2),
    );
    // The same by hand: two draws from the slots, the second again while its group is the first's.
    const random = new SeededRandom(3);
    const tables = (["new", "tried"] as const).map((table) => {
      const slots = dump.filter((each) => each.table === table);
      const sums: number[] = [];
      let sum = 0;
      for (const chance of slotChances(rules.draw, table, slots.map(({ slot }) => slot))) sums.push(sum += chance);
      return { slots, sums };
    });
    const draw = () => {
      const { slots, sums } = tables[random.below(2)]!;
      const at = random.below(2 ** 32) / 2 ** 32;
      return slots[Math.max(0, sums.findIndex((sum) => sum > at))]!;
    };
    let both = 0;
    const rounds = 20_000;
    for (let i = 0; i < rounds; i++) {
      const first = draw();
      let second = draw();
      while (second.group === first.group) second = draw();
      if (first.isAttacker && second.isAttacker) both += 1;
    }
    const deviation = Math.sqrt(mean / rounds);
    assert.ok(Math.abs(both / rounds - mean) < 4 * deviation, `${both / rounds} counted, ${mean} estimated`);
  });

  test("without rules between the slots the product is the share's power, and anchors take their part", () => {
    const rules = BOTH[1]!;
    const { dump, nowS } = runWorld(small, rules, ALL_OFF, 0, 6);
    const share = shareOf(dump, rules, nowS);
    const one = { ...answersAlways, slots: 1 };
    const [first] = restartProducts(dump, rules, nowS, one, 1, new SeededRandom(1));
    assert.ok(Math.abs(first! - share) < 1e-9);
    const [held] = restartProducts(
      dump,
      rules,
      nowS,
      { ...one, anchors: { count: 2, answers: 0.9 } },
      1,
      new SeededRandom(1),
    );
    assert.ok(Math.abs(held! - share * 0.01) < 1e-9);
  });

  test("an attacker in fewer groups than there are slots never has them all", () => {
    const rules = BOTH[0]!;
    const { dump, nowS } = runWorld({ ...small, groups: 7 }, rules, ALL_OFF, 0, 7);
    const restart = { ...answersAlways, onePerGroup: true };
    const products = restartProducts(dump, rules, nowS, restart, 200, new SeededRandom(1));
    assert.ok(products.every((product) => product < 1e-12));
  });
});

describe("eclipse", () => {
  test("attack A with all defences stays below one in a million (the full run is bench/eclipse.ts)", {
    timeout: 60_000,
  }, () => {
    const rules = BOTH[0]!;
    const { dump, nowS } = runWorld(ATTACKS[0]!, rules, ALL_ON, 6, 1);
    const anchors = { count: ANCHORS.all, answers: 0.9 };
    const restart = { slots: 8, onePerGroup: true, anchors };
    const products = restartProducts(dump, rules, nowS, restart, 500, new SeededRandom(1));
    assert.ok(estimate([products], new SeededRandom(2)).mean < 1e-6);
    const open = runWorld(ATTACKS[0]!, rules, ALL_OFF, 0, 1);
    const bare = restartProducts(open.dump, rules, open.nowS, answersAlways, 500, new SeededRandom(1));
    assert.ok(estimate([bare], new SeededRandom(2)).mean > 1e-3, "without them it is a real danger");
  });
});
