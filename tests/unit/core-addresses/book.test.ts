import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bitcoinAddressRules } from "../../../lib/bitcoin/addresses/rules.ts";
import { chiaAddressRules } from "../../../lib/chia/addresses/rules.ts";
import { AddressBook, believableTimeS, BOOK, isTerrible } from "../../../lib/core/addresses/book.ts";
import { Entry, selectionChance } from "../../../lib/core/addresses/entry.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { ADDRESS_BUDGET, SourceBudgets } from "../../../lib/core/addresses/budgets.ts";
import { BOTH, HandClock, hostAt, makeBook } from "./book.ts";

const A = { host: "20.1.2.3", port: 8333 };
const SOURCE = "21.5.5.5";

describe("AddressBook.learn()", () => {
  // Heilman et al., "Eclipse Attacks on Bitcoin's Peer-to-Peer Network", section 4.
  for (const rules of BOTH) {
    test(`one gossip source can take at most 1/16 of the new table (${rules.name})`, () => {
      const { book, clock } = makeBook({ rules });
      for (let i = 0; i < 20_000; i++) book.learn([{ host: hostAt(i), port: 8333, timeS: clock.nowS }], "66.6.1.1");
      assert.ok(book.size.newSlots > 1_000, "the flood did reach the table");
      assert.ok(book.size.newSlots <= book.newCapacity / 16);
    });

    test(`one group of addresses can take at most 8 buckets of the tried table (${rules.name})`, () => {
      const { book, clock } = makeBook({ rules });
      for (let i = 0; i < 2_000; i++) {
        const address = { host: `20.1.${i % 250}.${1 + Math.floor(i / 250)}`, port: 8333 };
        book.learn([{ ...address, timeS: clock.nowS }], hostAt(i));
        book.good(address, { testBeforeEvict: false });
      }
      const buckets = new Set(
        [...book.entries()].filter(({ isTried }) => isTried).map(({ slots }) => slots[0]?.bucket),
      );
      assert.ok(book.size.tried > 100);
      assert.equal(buckets.size, BOOK.triedBucketsPerGroup);
    });

    test(`the key decides the places (${rules.name})`, () => {
      const placesUnder = (fill: number) => {
        const { book, clock } = makeBook({ rules, key: new Uint8Array(32).fill(fill) });
        for (let i = 0; i < 50; i++) book.learn([{ host: hostAt(i), port: 8333, timeS: clock.nowS }], SOURCE);
        return [...book.entries()].map(({ host, slots }) => `${host} ${JSON.stringify(slots)}`).sort();
      };
      assert.deepEqual(placesUnder(1), placesUnder(1));
      const other = new Set(placesUnder(2));
      assert.ok(placesUnder(1).filter((place) => other.has(place)).length < 5);
    });
  }

  test("takes neither private nor malformed addresses, nor names", () => {
    const refused = [
      "10.1.2.3",
      "127.0.0.1",
      "192.168.1.1",
      "fe80::1",
      "fd00::1",
      "::1",
      "::",
      "example.org",
      "1.2.3",
      "",
    ];
    for (const rules of BOTH) {
      const { book } = makeBook({ rules });
      const learned = book.learn(refused.map((host) => ({ host, port: 8333 })), SOURCE);
      assert.deepEqual(learned, { added: 0, known: 0, refused: refused.length, limited: 0 });
      assert.equal(book.learn([{ ...A, port: 70_000 }], SOURCE).refused, 1);
    }
    const { book } = makeBook({ rules: chiaAddressRules({ allowPrivate: true }) });
    assert.equal(book.learn([{ host: "10.1.2.3", port: 8444 }], SOURCE).added, 1);
  });

  test("keeps one entry a port for Bitcoin and one a host for Chia", () => {
    const ports = [8333, 8334].map((port) => ({ host: A.host, port, timeS: 1_749_999_000 }));
    assert.equal(makeBook().book.learn(ports, SOURCE).added, 2);
    const chia = makeBook({ rules: chiaAddressRules() }).book;
    assert.equal(chia.learn(ports, SOURCE).added, 1);
    assert.equal(chia.find(ports[0]!)?.port, 8333);
    assert.equal(chia.find(ports[1]!), undefined);
  });

  test("gives an address further slots for further sources, each less likely, at most eight", () => {
    const { book, clock } = makeBook();
    let told = 0;
    const referencesAfter = (sources: number) => {
      while (told < sources) book.learn([{ ...A, timeS: clock.nowS + told }], hostAt(told++));
      return book.find(A)?.references ?? 0;
    };
    assert.equal(referencesAfter(1), 1);
    const early = referencesAfter(20);
    assert.ok(early >= 2 && early <= 6, `${early}`);
    // The time must be newer than what is stored for a mention to count.
    clock.nowS += 10;
    assert.ok(referencesAfter(100) <= 8);
    assert.equal(referencesAfter(5_000), 8);
    assert.equal(book.size.new, 1);
    assert.equal(book.size.newSlots, 8);
  });

  test("ORs the services of a known address and keeps the time that is told first, less the penalty", () => {
    const { book, clock } = makeBook();
    book.learn([{ ...A, timeS: clock.nowS - 10_000, services: 1n }], SOURCE, { penaltyS: 7_200 });
    assert.equal(book.find(A)?.timeS, clock.nowS - 17_200);
    book.learn([{ ...A, timeS: clock.nowS - 9_999, services: 8n }], SOURCE, { penaltyS: 7_200 });
    assert.deepEqual([book.find(A)?.services, book.find(A)?.timeS], [9n, clock.nowS - 17_200]);
    // An hour newer, after the penalty, is worth a change.
    book.learn([{ ...A, timeS: clock.nowS }], SOURCE, { penaltyS: 7_200 });
    assert.equal(book.find(A)?.timeS, clock.nowS - 7_200);
    // An address that tells of itself pays no penalty.
    book.learn([{ ...A, timeS: clock.nowS }], A.host, { penaltyS: 7_200 });
    assert.equal(book.find(A)?.timeS, clock.nowS);
  });

  test("displaces a terrible entry, or one with another slot, and nobody else", () => {
    // Few positions, so that collisions are sure: one source and one group of addresses fill at most one bucket.
    const { book, clock } = makeBook();
    const tell = (i: number, timeS: number) =>
      book.learn([{ host: `20.1.${Math.floor(i / 200)}.${1 + i % 200}`, port: 8333, timeS }], SOURCE);
    const fresh = clock.nowS - 3_600;
    for (let i = 0; i < 2_000; i++) tell(i, fresh);
    assert.equal(book.size.newSlots, BOOK.bucketSize);
    const before = [...book.entries()].map(({ host }) => host);
    for (let i = 2_000; i < 4_000; i++) tell(i, fresh);
    assert.deepEqual([...book.entries()].map(({ host }) => host), before, "who is there stays");
    clock.nowS += 40 * 86_400;
    for (let i = 4_000; i < 6_000; i++) tell(i, clock.nowS);
    const after = new Set([...book.entries()].map(({ host }) => host));
    assert.ok(before.every((host) => !after.has(host)), "nobody has seen them for 40 days");
  });

  test("displaces an entry that has another slot for one that has none", () => {
    const { book, clock } = makeBook();
    // Ten addresses of one group, told by hundreds of sources, hold most slots that this group can have.
    const crowd = Array.from({ length: 40 }, (_, i) => ({ host: `20.1.1.${1 + i}`, port: 8333 }));
    for (let round = 0; round < 400; round++) {
      clock.nowS += 60;
      for (const each of crowd) book.learn([{ ...each, timeS: clock.nowS }], hostAt(round));
    }
    const held = () => crowd.reduce((sum, each) => sum + (book.find(each)?.references ?? 0), 0);
    const before = held();
    assert.ok(before > 200);
    for (let i = 0; i < 3_000; i++) {
      book.learn(
        [{ host: `20.1.${2 + i % 200}.${1 + Math.floor(i / 200)}`, port: 8333, timeS: clock.nowS }],
        hostAt(i),
      );
    }
    assert.ok(held() < before, `${held()} of ${before}`);
    assert.ok(crowd.every((each) => book.find(each) !== undefined), "nobody loses the last slot");
  });

  test("Chia's book takes an entry's first source where none is told", () => {
    const { book, clock } = makeBook({ rules: chiaAddressRules() });
    book.learn([{ ...A, timeS: clock.nowS }], SOURCE);
    for (let i = 1; i < 20; i++) {
      book.learn([{ ...A, port: 1, timeS: clock.nowS + i }], undefined, { penaltyS: 7_200 });
    }
    assert.equal(book.find(A)?.references, 1);
    for (let i = 0; i < 20; i++) {
      book.learn([{ ...A, port: 1, timeS: clock.nowS }], hostAt(i), { penaltyS: 7_200 });
    }
    assert.ok(book.find(A)!.references > 1, "other sources give it other slots");
  });

  test("a mention under another port says nothing of the services of Chia's one entry", () => {
    const { book, clock } = makeBook({ rules: chiaAddressRules() });
    book.learn([{ ...A, timeS: clock.nowS, services: 1n }], SOURCE);
    book.learn([{ ...A, port: 1, timeS: clock.nowS + 9, services: 2n }], SOURCE);
    assert.equal(book.find(A)?.services, 1n);
  });

  test("limits each group of sources to a tenth of an address a second, and to what was asked for", () => {
    const { book, clock } = makeBook({ budget: ADDRESS_BUDGET });
    const many = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({ host: hostAt(from + i), port: 8333, timeS: clock.nowS }));
    assert.equal(book.learn(many(0, 100), SOURCE).limited, 99);
    // Another host of the same /16 shares the budget, one elsewhere does not.
    assert.equal(book.learn(many(100, 1), "21.5.9.9").limited, 1);
    assert.equal(book.learn(many(200, 2), "22.5.9.9").limited, 1);
    clock.nowS += 100;
    assert.equal(book.learn(many(300, 100), SOURCE).limited, 90);
    // Which ten they are is not the sender's choice.
    const first = many(300, 10).filter((each) => book.find(each) !== undefined);
    assert.ok(first.length < 6, `${first.length}`);
    book.grant(SOURCE, 1_000);
    assert.equal(book.learn(many(1_000, 1_000), SOURCE).limited, 0);
    assert.equal(book.learn(many(3_000, 1), SOURCE).limited, 1);
    clock.nowS += 1_000_000;
    assert.equal(book.learn(many(4_000, 2_000), SOURCE).limited, 1_000);
    assert.equal(book.learn(many(7_000, 50), SOURCE, { unlimited: true }).limited, 0);
    assert.equal(book.learn(many(8_000, 50)).limited, 0);
  });
});

describe("AddressBook.good() and collisions", () => {
  /** A book in which two addresses want one slot of the tried table. */
  function collision() {
    const { book, clock } = makeBook();
    const rules = bitcoinAddressRules();
    const placement = rules.placement(new Uint8Array(32).fill(7));
    const slots = new Map<string, string>();
    for (let i = 0;; i++) {
      const host = `20.1.${Math.floor(i / 250)}.${1 + i % 250}`;
      const { key, group } = rules.locate({ host, port: 8333 })!;
      const bucket = placement.triedBucket(key, group);
      const slot = `${bucket} ${placement.position("tried", bucket, key)}`;
      const other = slots.get(slot);
      if (other === undefined) {
        slots.set(slot, host);
        continue;
      }
      const [old, newcomer] = [other, host].map((each) => ({ host: each, port: 8333 }));
      // Sources far apart, so that both have a slot in the new table.
      book.learn([{ ...old!, timeS: clock.nowS }], "21.5.5.5");
      book.learn([{ ...newcomer!, timeS: clock.nowS }], "45.5.5.5");
      assert.equal(book.size.new, 2);
      book.good(old!);
      assert.equal(book.find(old!)?.isTried, true);
      return { book, clock, old: old!, newcomer: newcomer! };
    }
  }

  test("moves an address to the tried table and leaves its time alone", () => {
    const { book, clock } = makeBook();
    book.learn([{ ...A, timeS: clock.nowS - 5_000 }], SOURCE);
    book.attempt(A, true);
    clock.nowS += 10;
    book.good(A);
    const { isTried, references, timeS, lastSuccessS, attempts } = book.find(A)!;
    assert.deepEqual([isTried, references, timeS], [true, 0, clock.nowS - 5_010]);
    assert.deepEqual([lastSuccessS, attempts], [clock.nowS, 0]);
    assert.deepEqual(book.size, { new: 0, tried: 1, total: 1, newSlots: 0, collisions: 0 });
  });

  test("does not displace a tried address that was not tested", () => {
    const { book, old, newcomer } = collision();
    book.good(newcomer);
    assert.equal(book.find(newcomer)?.isTried, false);
    assert.equal(book.size.collisions, 1);
    assert.equal(book.selectCollision()?.host, old.host);
    // The operator knows better: then nothing waits any more.
    book.good(newcomer, { testBeforeEvict: false });
    assert.deepEqual([book.find(newcomer)?.isTried, book.size.collisions], [true, 0]);
    assert.equal(book.selectCollision(), undefined);
  });

  test("resolveCollisions() keeps the incumbent that answered within four hours", () => {
    const { book, clock, old, newcomer } = collision();
    clock.nowS += 5 * 3600;
    book.good(newcomer);
    book.attempt(old, false);
    clock.nowS += 30;
    book.good(old);
    book.resolveCollisions();
    assert.deepEqual([book.find(old)?.isTried, book.find(newcomer)?.isTried], [true, false]);
    assert.equal(book.size.collisions, 0);
  });

  test("resolveCollisions() replaces the incumbent that was tried and did not answer, after a minute", () => {
    const { book, clock, old, newcomer } = collision();
    clock.nowS += 5 * 3600;
    book.good(newcomer);
    book.attempt(old, true);
    clock.nowS += 60;
    book.resolveCollisions();
    assert.equal(book.size.collisions, 1, "the try may be under way");
    clock.nowS += 1;
    book.resolveCollisions();
    assert.deepEqual([book.find(old)?.isTried, book.find(newcomer)?.isTried], [false, true]);
    assert.equal(book.find(old)?.references, 1, "who is displaced is kept as new");
    assert.equal(book.size.collisions, 0);
  });

  test("resolveCollisions() lets the newcomer win when no test came about for 40 minutes", () => {
    const { book, clock, old, newcomer } = collision();
    clock.nowS += 5 * 3600;
    book.good(newcomer);
    clock.nowS += BOOK.testWindowS;
    book.resolveCollisions();
    assert.equal(book.find(newcomer)?.isTried, false);
    clock.nowS += 1;
    book.resolveCollisions();
    assert.deepEqual([book.find(old)?.isTried, book.find(newcomer)?.isTried], [false, true]);
  });

  test("remembers ten collisions and no more", () => {
    const { book, clock } = makeBook();
    for (let i = 0; i < 20_000; i++) {
      const address = { host: hostAt(i), port: 8333 };
      book.learn([{ ...address, timeS: clock.nowS }], `${30 + i % 90}.${i % 250}.1.1`);
      book.good(address);
    }
    assert.ok(book.size.tried > 8_000);
    assert.equal(book.size.collisions, 10);
  });
});

describe("AddressBook.attempt(), connected() and judgement", () => {
  test("failures count once between two successes of anyone", () => {
    const { book, clock } = makeBook();
    const other = { host: "22.1.2.3", port: 8333 };
    book.learn([{ ...A, timeS: clock.nowS }, { ...other, timeS: clock.nowS }], SOURCE);
    book.good(other);
    for (let i = 0; i < 5; i++) {
      clock.nowS += 10;
      book.attempt(A, true);
    }
    assert.equal(book.find(A)?.attempts, 1);
    clock.nowS += 10;
    book.good(other);
    clock.nowS += 10;
    book.attempt(A, false);
    assert.equal(book.find(A)?.attempts, 1);
    book.attempt(A, true);
    assert.equal(book.find(A)?.attempts, 2);
    assert.equal(book.find(A)?.lastTryS, clock.nowS);
  });

  test("connected() moves the time, no more often than every 20 minutes", () => {
    const { book, clock } = makeBook();
    book.learn([{ ...A, timeS: clock.nowS }], SOURCE);
    clock.nowS += 1_200;
    book.connected(A);
    assert.equal(book.find(A)?.timeS, clock.nowS - 1_200);
    clock.nowS += 1;
    book.connected(A);
    assert.equal(book.find(A)?.timeS, clock.nowS);
  });

  test("isTerrible() at each edge", () => {
    const nowS = 1_750_000_000;
    const good = { timeS: nowS - 100, lastTryS: nowS - 61, lastSuccessS: nowS - 100, attempts: 0 };
    const judge = (change: Partial<typeof good>) => isTerrible({ ...good, ...change }, nowS);
    assert.equal(judge({}), false);
    assert.equal(judge({ timeS: nowS + 600 }), false);
    assert.equal(judge({ timeS: nowS + 601 }), true);
    assert.equal(judge({ timeS: nowS + 601, lastTryS: nowS - 60 }), false);
    assert.equal(judge({ timeS: nowS - BOOK.horizonS }), false);
    assert.equal(judge({ timeS: nowS - BOOK.horizonS - 1 }), true);
    assert.equal(judge({ timeS: 0 }), true);
    assert.equal(judge({ lastSuccessS: 0, attempts: 2 }), false);
    assert.equal(judge({ lastSuccessS: 0, attempts: 3 }), true);
    const weekAgo = nowS - BOOK.minFailS;
    assert.equal(judge({ lastSuccessS: weekAgo, attempts: 10 }), false);
    assert.equal(judge({ lastSuccessS: weekAgo - 1, attempts: 9 }), false);
    assert.equal(judge({ lastSuccessS: weekAgo - 1, attempts: 10 }), true);
  });

  test("selectionChance() falls with each failure, of eight at most, and for ten minutes after a try", () => {
    const nowS = 1_750_000_000;
    const chance = (attempts: number, agoS: number) =>
      selectionChance({ attempts, lastTryS: nowS - agoS, timeS: nowS, lastSuccessS: 0 }, nowS);
    assert.deepEqual([0, 1, 2].map((attempts) => chance(attempts, 600)), [1, 0.66, Math.pow(0.66, 2)]);
    assert.deepEqual([8, 9, 100].map((attempts) => chance(attempts, 600)), Array(3).fill(Math.pow(0.66, 8)));
    assert.equal(chance(0, 599), 0.01);
  });

  test("an entry of the first slot of the tried table is a tried one", () => {
    const located = BOTH[0]!.locate({ host: "20.1.1.1", port: 1 })!;
    const entry = new Entry(located, located.group, "", "x", located.group);
    assert.equal(entry.isTried, false);
    entry.triedSlot = 0;
    assert.equal(entry.isTried, true);
  });

  test("believableTimeS() takes neither the distant past nor the future", () => {
    const nowS = 1_750_000_000;
    assert.equal(believableTimeS(nowS + 600, nowS), nowS + 600);
    assert.equal(believableTimeS(nowS + 601, nowS), nowS - 432_000);
    assert.equal(believableTimeS(100_000_000, nowS), nowS - 432_000);
    assert.equal(believableTimeS(100_000_001, nowS), 100_000_001);
  });

  test("cleanUp() removes old failures and nothing else", () => {
    const { book, clock } = makeBook();
    const stale = { host: "22.1.2.3", port: 8333 };
    book.learn([{ ...A, timeS: clock.nowS - 20 * 86_400 }, { ...stale, timeS: clock.nowS - 20 * 86_400 }], SOURCE);
    for (let i = 0; i < 10; i++) {
      clock.nowS += 2;
      book.good({ host: "9.9.9.9", port: 1 });
      clock.nowS += 2;
      book.attempt(stale, true);
    }
    assert.equal(book.cleanUp(14 * 86_400, 11), 0);
    assert.equal(book.cleanUp(14 * 86_400, 10), 1);
    assert.deepEqual([book.find(stale), book.find(A)?.host], [undefined, A.host]);
  });
});

describe("AddressBook.select()", () => {
  /** How often each host is drawn. */
  function drawn(book: AddressBook, draws: number, options = {}): Map<string, number> {
    const counts = new Map<string, number>();
    for (let i = 0; i < draws; i++) {
      const host = book.select(options)?.host ?? "none";
      counts.set(host, (counts.get(host) ?? 0) + 1);
    }
    return counts;
  }

  for (const rules of BOTH) {
    test(`draws from both tables alike, and only new ones for a feeler (${rules.name})`, () => {
      const { book, clock } = makeBook({ rules });
      assert.equal(book.select(), undefined);
      for (let i = 0; i < 300; i++) book.learn([{ host: hostAt(i), port: 8333, timeS: clock.nowS }], hostAt(i + 999));
      book.good({ host: hostAt(0), port: 8333 });
      clock.nowS += 3_600;
      const counts = drawn(book, 4_000);
      const share = counts.get(hostAt(0))! / 4_000;
      assert.ok(share > 0.46 && share < 0.54, `${share}`);
      assert.ok(counts.size > 250, "the other half is spread");
      assert.equal(drawn(book, 500, { newOnly: true }).get(hostAt(0)), undefined);
    });

    test(`rarely draws what was just tried, and less what failed (${rules.name})`, () => {
      const { book, clock } = makeBook({ rules });
      const other = { host: "45.1.2.3", port: 8333 };
      book.learn([{ ...A, timeS: clock.nowS }], SOURCE);
      book.learn([{ ...other, timeS: clock.nowS }], "47.1.1.1");
      book.attempt(A, false);
      const recent = drawn(book, 4_000).get(A.host) ?? 0;
      assert.ok(recent < 120, `${recent}`);
      clock.nowS += 600;
      const later = drawn(book, 4_000).get(A.host) ?? 0;
      assert.ok(later > 1_500, `${later}`);
    });
  }

  test("draws from the networks that are asked for, and none when there is none", () => {
    const { book, clock } = makeBook();
    const v6 = { host: "2a01:4f8::1", port: 8333 };
    for (let i = 0; i < 50; i++) book.learn([{ host: hostAt(i), port: 8333, timeS: clock.nowS }], SOURCE);
    book.learn([{ ...v6, timeS: clock.nowS }], SOURCE);
    assert.equal(book.select({ networks: ["onion"] }), undefined);
    assert.equal(book.select({ networks: [] }), undefined);
    assert.deepEqual([...drawn(book, 20, { networks: ["ipv6"] }).keys()], [v6.host]);
    assert.equal(drawn(book, 200, { networks: ["ipv4"] }).has(v6.host), false);
    assert.deepEqual([book.countOn("ipv6", "new"), book.countOn("ipv4", "new")], [1, 50]);
  });

  test("ends soon although every entry was tried a moment ago and has failed often", () => {
    const random = new SeededRandom(1);
    let asked = 0;
    const below = (bound: number) => {
      asked += 1;
      return random.below(bound);
    };
    const { book, clock } = makeBook({
      rules: chiaAddressRules(),
      random: { bytes: (length) => random.bytes(length), below },
    });
    book.learn([{ ...A, timeS: clock.nowS }], SOURCE);
    for (let i = 0; i < 10; i++) {
      clock.nowS += 1;
      book.good({ host: "9.9.9.9", port: 1 });
      clock.nowS += 1;
      book.attempt(A, true);
    }
    asked = 0;
    assert.equal(book.select()?.host, A.host);
    assert.ok(asked < 200, `${asked} numbers`);
  });
});

describe("AddressBook.addresses()", () => {
  function full(rules = BOTH[0]!) {
    const made = makeBook({ rules });
    for (let i = 0; i < 500; i++) {
      made.book.learn([{ host: hostAt(i), port: 8333, timeS: made.clock.nowS }], hostAt(i + 999));
    }
    return made;
  }

  test("gives a share, rounded as each reference does, and no more than asked for", () => {
    const { book } = full();
    const { total } = book.size;
    assert.equal(book.addresses(1_000, 23).length, Math.floor(total * 0.23));
    assert.equal(book.addresses(10, 23).length, 10);
    const chia = full(BOTH[1]!).book;
    assert.equal(chia.addresses(1_000, 23).length, Math.ceil(chia.size.total * 0.23));
  });

  test("leaves out terrible entries and other networks", () => {
    const { book, clock } = full();
    book.learn([{ host: "2a01:4f8::1", port: 8333, timeS: clock.nowS }], SOURCE);
    assert.deepEqual(book.addresses(1_000, 100, { network: "ipv6" }).map(({ host }) => host), ["2a01:4f8::1"]);
    clock.nowS += 31 * 86_400;
    assert.equal(book.addresses(1_000, 100).length, 0);
  });

  test("gives whoever asks from one side the same answer for a day", () => {
    const { book, clock } = full();
    const ask = (cacheKey: string) => book.addresses(1_000, 23, { cacheKey });
    const first = ask("ipv4 0.0.0.0:8333");
    assert.deepEqual(ask("ipv4 0.0.0.0:8333"), first);
    assert.notDeepEqual(ask("ipv6 [::]:8333"), first);
    assert.notDeepEqual(book.addresses(1_000, 23), first);
    clock.nowS += 20 * 3600;
    assert.deepEqual(ask("ipv4 0.0.0.0:8333"), first);
    clock.nowS += 8 * 3600;
    assert.notDeepEqual(ask("ipv4 0.0.0.0:8333"), first);
  });
});

test("SourceBudgets keeps a bounded number of sources and forgets the one used longest ago", () => {
  const budgets = new SourceBudgets({ perSecond: 1, capacity: 10, initial: 1, sourcesMax: 3 });
  for (const source of ["a", "b", "c"]) budgets.grant(source, 5, 0);
  budgets.take("a", 1, 0);
  budgets.take("d", 1, 0);
  assert.equal(budgets.size, 3);
  assert.equal(budgets.take("a", 100, 0), 5);
  assert.equal(budgets.take("b", 100, 0), 1, "it begins anew");
});

test("SourceBudgets fills by time up to a bound, and takes nothing of what was granted beyond it", () => {
  const budgets = new SourceBudgets({ perSecond: 2, capacity: 10, initial: 1, sourcesMax: 3 });
  assert.equal(budgets.take("a", 100, 5), 1);
  assert.equal(budgets.take("a", 100, 7.6), 5);
  assert.equal(budgets.take("a", 100, 1_000), 10);
  budgets.grant("a", 50, 1_000);
  assert.equal(budgets.take("a", 20, 2_000), 20);
  assert.equal(budgets.take("a", 20, 1_000), 20, "a clock that is set back takes nothing");
  assert.equal(budgets.take("a", 100, 2_000), 10);
});

test("AddressBook refuses a key that is not 32 bytes long", () => {
  const options = { rules: BOTH[0]!, clock: new HandClock(), random: new SeededRandom(1) };
  assert.throws(() => new AddressBook({ ...options, key: new Uint8Array(31) }), RangeError);
});

describe("AddressBook as a whole", () => {
  test("counts by network and table are those of the entries, whatever was forgotten, displaced or moved", () => {
    for (const rules of BOTH) {
      const { book } = makeBook({ rules });
      let displaced = 0;
      for (let i = 0; i < 12_000; i++) {
        // Few groups, so that slots are fought for.
        const host = i % 40 === 0
          ? `2a01:${(i % 97).toString(16)}::${i.toString(16)}`
          : `2${i % 3}.1.${(i >> 8) & 255}.${i & 255}`;
        const before = book.size.tried;
        book.learn([{ host, port: 8333, timeS: 1_749_999_000 }], `9.${i % 5}.0.1`);
        if (i % 2 === 0) book.good({ host, port: 8333 }, { testBeforeEvict: false });
        if (i % 2 === 0 && book.size.tried === before) displaced += 1;
      }
      const { entries } = book.state();
      const tried = entries.filter(({ isTried }) => isTried).length;
      assert.ok(displaced > 100, `${displaced} were displaced`);
      assert.deepEqual([book.size.tried, book.size.new, book.size.total], [
        tried,
        entries.length - tried,
        entries.length,
      ]);
      const isV6 = ({ host }: { readonly host: string }) => host.includes(":");
      for (
        const [network, matches] of [["ipv6", isV6], [
          "ipv4",
          (each: { readonly host: string }) => !isV6(each),
        ]] as const
      ) {
        for (const table of ["new", "tried"] as const) {
          const expected = entries.filter((each) => matches(each) && each.isTried === (table === "tried")).length;
          assert.equal(book.countOn(network, table), expected, `${rules.name} ${network} ${table}`);
          assert.ok(expected > 0);
        }
      }
    }
  });

  test("entries() lists the tried ones first, by slot, and the slots of a new one in their order", () => {
    const { book } = makeBook();
    for (let i = 0; i < 400; i++) {
      // From several sources, so that one has several slots.
      for (let from = 0; from < 6; from++) {
        book.learn([{ host: hostAt(i % 40), port: 8333, timeS: 1_750_000_000 + i }], `${60 + from}.${i % 250}.0.1`);
      }
    }
    for (let i = 0; i < 10; i++) book.good({ host: hostAt(i), port: 8333 });
    const all = [...book.entries()];
    assert.deepEqual(all.map(({ isTried }) => isTried), [...Array(10).fill(true), ...Array(30).fill(false)]);
    const at = ({ bucket, position }: { readonly bucket: number; readonly position: number }) => bucket * 64 + position;
    for (const group of [all.slice(0, 10), all.slice(10)]) {
      const firsts = group.map(({ slots }) => at(slots[0]!));
      assert.deepEqual(firsts, firsts.toSorted((a, b) => a - b));
    }
    assert.ok(all.some(({ slots }) => slots.length > 2));
    for (const { slots, isTried } of all) {
      const places = slots.map(at);
      assert.deepEqual(places, places.toSorted((a, b) => a - b));
      assert.ok(slots.every(({ table }) => table === (isTried ? "tried" : "new")));
    }
  });

  test("some() goes by table, network and what is asked", () => {
    const { book } = makeBook();
    const addresses = ["25.1.2.3", "26.1.2.3", "2a01:4f8::1"].map((host) => ({ host, port: 8333 }));
    book.learn(addresses.map((address) => ({ ...address, timeS: 1_750_000_000 })), "9.9.9.9");
    assert.equal(book.some(() => true), true);
    assert.equal(book.some(() => false), false);
    assert.equal(book.some(({ host }) => host === "25.1.2.3", { networks: ["ipv4"] }), true);
    assert.equal(book.some(({ host }) => host === "25.1.2.3", { networks: ["ipv6"] }), false);
    book.good(addresses[0]!);
    assert.equal(book.some(({ host }) => host === "25.1.2.3", { newOnly: true }), false);
    assert.equal(book.some(({ host }) => host === "26.1.2.3", { newOnly: true }), true);
    assert.equal(book.some(({ host }) => host === "25.1.2.3", { newOnly: false }), true);
  });
});

describe("AddressBook.attempt()", () => {
  test("counts a failure once until another address has answered later", () => {
    const { book, clock } = makeBook();
    const other = { host: "22.1.2.3", port: 8333 };
    book.learn([A, other].map((address) => ({ ...address, timeS: clock.nowS })), SOURCE);
    const attempts = () => book.find(A)?.attempts;
    book.good(other);
    clock.nowS += 10;
    book.attempt(A, true);
    book.attempt(A, true);
    assert.equal(attempts(), 1);
    book.good(other);
    book.attempt(A, true);
    assert.equal(attempts(), 1, "in the same second");
    clock.nowS += 1;
    book.good(other);
    book.attempt(A, true);
    assert.equal(attempts(), 2);
  });
});

describe("AddressBook.cleanUp()", () => {
  test("removes what is older than told and failed as often, and nothing at the bound", () => {
    const { book, clock } = makeBook();
    const places = [20, 21, 22].map((first) => ({ host: `${first}.1.2.3`, port: 8333 }));
    const ages = [100, 101, 101];
    places.forEach((place, i) =>
      book.learn([{ ...place, timeS: clock.nowS - ages[i]! }], undefined, { unlimited: true })
    );
    const before = places.map((place) => clock.nowS - book.find(place)!.timeS);
    book.good({ host: "66.1.1.1", port: 8333 });
    clock.nowS += 10;
    for (const place of places.slice(0, 2)) book.attempt(place, true);
    assert.equal(book.cleanUp(before[1]! + 10, 1), 0);
    assert.equal(book.cleanUp(before[1]! + 9, 1), 1);
    assert.deepEqual(places.map((place) => book.find(place) !== undefined), [true, false, true]);
  });
});
