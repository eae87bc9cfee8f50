/** What holds of an address book whatever is done to it, in whatever order. */
import fc from "fast-check";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AddressBook, BOOK } from "../../lib/core/addresses/book.ts";
import { decodeBook, encodeBook } from "../../lib/core/addresses/file.ts";
import { readCorePeersDat } from "../../lib/bitcoin/addresses/peers-dat.ts";
import { readChiaPeersDat } from "../../lib/chia/addresses/peers-dat.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { effort, seed } from "../support/effort.ts";
import { BOTH, hostAt, makeBook } from "../unit/core-addresses/book.ts";

/** Few addresses and fewer groups, so that collisions, ports and repeated mentions are common. */
const address = fc.record({
  host: fc.oneof(
    fc.tuple(fc.nat(3), fc.nat(249)).map(([a, b]) => `20.${a}.1.${1 + b}`),
    fc.nat(400).map(hostAt),
    fc.constantFrom("2a01:4f8::1", "::1", "10.0.0.1", "not an address"),
  ),
  port: fc.constantFrom(8333, 8444, 1, 65_536),
});
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("learn" as const),
      addresses: fc.array(fc.tuple(address, fc.integer({ min: -40, max: 2 })), { maxLength: 60 }),
      source: fc.option(fc.nat(40).map((i) => hostAt(i * 7)), { nil: undefined }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("good" as const), address, test: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("attempt" as const), address, counts: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("resolve" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), seconds: fc.nat(3 * 86_400) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("clean" as const), days: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("sample" as const), percent: fc.nat(100) }) },
);

/** Every entry lies in one tried slot or in one to eight new ones, and the sums agree. */
function check(book: AddressBook): void {
  const slots = new Set<string>();
  const names = new Set<string>();
  const counts = { new: 0, tried: 0, slots: 0 };
  for (const entry of book.entries()) {
    names.add(`${entry.host} ${entry.port}`);
    counts[entry.isTried ? "tried" : "new"] += 1;
    if (entry.isTried) {
      assert.deepEqual([entry.slots.length, entry.slots[0]?.table, entry.references], [1, "tried", 0]);
    } else {
      assert.ok(entry.slots.length >= 1 && entry.slots.length <= BOOK.referencesMax);
      assert.equal(entry.slots.length, entry.references);
      counts.slots += entry.slots.length;
    }
    for (const { table, bucket, position } of entry.slots) {
      const place = `${table} ${bucket} ${position}`;
      assert.equal(slots.has(place), false, "no slot has two entries");
      slots.add(place);
    }
  }
  const { size } = book;
  assert.deepEqual([size.new, size.tried, size.newSlots], [counts.new, counts.tried, counts.slots]);
  assert.equal(names.size, size.total);
  assert.ok(size.collisions <= BOOK.collisionsMax);
  const networks = ["ipv4", "ipv6"].flatMap((
    network,
  ) => [book.countOn(network, "new"), book.countOn(network, "tried")]);
  assert.equal(networks.reduce((sum, count) => sum + count), size.total);
}

describe("address book", () => {
  for (const rules of BOTH) {
    test(`keeps its entries and tables in step (${rules.name})`, () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), fc.nat(2 ** 32 - 1), (steps, chance) => {
          const { book, clock } = makeBook({ rules, seed: chance });
          for (const each of steps) {
            if (each.do === "learn") {
              const told = each.addresses.map(([one, days]) => ({ ...one, timeS: clock.nowS + days * 86_400 }));
              book.learn(told, each.source, { penaltyS: 7_200 });
            } else if (each.do === "good") book.good(each.address, { testBeforeEvict: each.test });
            else if (each.do === "attempt") book.attempt(each.address, each.counts);
            else if (each.do === "resolve") book.resolveCollisions();
            else if (each.do === "wait") clock.nowS += each.seconds;
            else if (each.do === "clean") book.cleanUp(each.days * 86_400, 1);
            else assert.ok(book.addresses(50, each.percent).length <= 50);
            check(book);
          }
          // A file brings back the same book.
          const { state } = decodeBook(encodeBook(rules.name, book.state()), () => new Uint8Array(32));
          const again = AddressBook.fromState(state, { rules, clock, random: new SeededRandom(1) });
          check(again);
          assert.deepEqual([...again.entries()], [...book.entries()]);
          const { total } = book.size;
          assert.equal(book.select() === undefined, total === 0);
        }),
        { numRuns: effort(`address book of ${rules.name}, runs of up to 60 steps`, 150, 5_000), seed },
      );
    });
  }

  test("garbage is no address book, and costs no more than its own size", () => {
    const readers = [
      (bytes: Uint8Array) => decodeBook(bytes, () => new Uint8Array(32)),
      (bytes: Uint8Array) => readChiaPeersDat(bytes),
      (bytes: Uint8Array) => readCorePeersDat(bytes, Uint8Array.of(0xf9, 0xbe, 0xb4, 0xd9)),
    ];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const read of readers) {
          try {
            read(bytes);
          } catch (thrown) {
            assert.ok(thrown instanceof Error && ["CodecError", "NodeError"].includes(thrown.name), String(thrown));
          }
        }
      }),
      { numRuns: effort("garbage as an address book", 2_000, 200_000), seed },
    );
  });
});
