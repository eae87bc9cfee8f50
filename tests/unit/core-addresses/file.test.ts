import { Encoder } from "cbor-x";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chiaAddressRules } from "../../../lib/chia/addresses/rules.ts";
import { sha256 } from "../../../lib/codec/sha256.ts";
import { AddressBook, type AddressBookOptions } from "../../../lib/core/addresses/book.ts";
import { decodeBook, encodeBook } from "../../../lib/core/addresses/file.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { type AddressFiles, AddressKeeper } from "../../../lib/core/addresses/keeper.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { simClock } from "../core/sim.ts";
import { BOTH, HandClock, hostAt, makeBook } from "./book.ts";

const PATH = "data/bitcoin/addresses.cbor";
const cbor = new Encoder({ useRecords: false, mapsAsObjects: true, variableMapSize: true, tagUint8Array: false });

/** Files in memory. */
class MemoryFiles implements AddressFiles {
  readonly files = new Map<string, Uint8Array>();
  /** What the next writes fail with. */
  failure: Error | undefined;
  writes = 0;

  readFile(path: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.files.get(path));
  }

  writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.files.set(path, bytes.slice());
    this.writes += 1;
    return Promise.resolve();
  }

  removeFile(path: string): Promise<void> {
    this.files.delete(path);
    return Promise.resolve();
  }
}

function keeperOf(files: AddressFiles, options: Partial<AddressBookOptions> = {}) {
  const notices: string[] = [];
  const clock = simClock();
  const opened = AddressKeeper.open({
    ...{ rules: BOTH[0]!, clock, random: new SeededRandom(3), path: PATH, files },
    notice: (level, text) => void notices.push(`${level} ${text}`),
    ...options,
  });
  return { opened, notices, clock };
}

function busyBook(rules = BOTH[0]!) {
  const made = makeBook({ rules });
  for (let i = 0; i < 1_500; i++) {
    const address = { host: hostAt(i % 1_200), port: 8333 };
    made.book.learn([{ ...address, timeS: made.clock.nowS + i, services: BigInt(i) << 30n }], hostAt(i + 2_000));
    if (i % 3 === 0) made.book.good(address);
    if (i % 5 === 0) made.book.attempt(address, true);
  }
  made.book.learn([{ host: "2a01:4f8::1", port: 8333, timeS: 5 }], "seed.example.org", { unlimited: true });
  return made;
}

describe("encodeBook() and decodeBook()", () => {
  for (const rules of BOTH) {
    test(`keep everything, slots and key included (${rules.name})`, () => {
      const { book, clock } = busyBook(rules);
      const bytes = encodeBook(rules.name, book.state());
      const { network, state, isMigrated } = decodeBook(bytes, () => assert.fail("no key is wanted"));
      assert.deepEqual([network, isMigrated], [rules.name, false]);
      const again = AddressBook.fromState(state, { rules, clock, random: new SeededRandom(9), budget: false });
      assert.deepEqual([...again.entries()], [...book.entries()]);
      assert.ok(again.size.tried > 200 && again.size.newSlots > 500);
      assert.deepEqual(again.state().key, book.state().key);
      assert.equal(again.state().lastGoodS, clock.nowS);
    });
  }

  test("a file of version 1 becomes a book with what it knew", () => {
    const peers = [
      { host: "20.1.2.3", port: 8333, source: "seed.example.org", lastTry: 1_700_000_500_000, lastSuccess: 0 },
      { host: "21.1.2.3", port: 8333, source: "20.1.2.3", lastTry: 1_700_000_000_000, lastSuccess: 1_700_000_000_000 },
    ];
    const key = new Uint8Array(32).fill(5);
    const file = decodeBook(cbor.encode({ version: 1, network: "bitcoin", peers }), () => key);
    assert.equal(file.isMigrated, true);
    const clock = new HandClock();
    const book = AddressBook.fromState(file.state, { rules: BOTH[0]!, clock, random: new SeededRandom(1) });
    assert.deepEqual(book.state().key, key);
    assert.deepEqual(book.size, { new: 1, tried: 1, total: 2, newSlots: 1, collisions: 0 });
    const reached = book.find(peers[1]!)!;
    assert.deepEqual([reached.isTried, reached.lastSuccessS, reached.source], [true, 1_700_000_000, "20.1.2.3"]);
    const told = book.find(peers[0]!)!;
    assert.deepEqual([told.isTried, told.lastTryS, told.timeS], [false, 1_700_000_500, 0]);
    // What is written from it has the current version.
    assert.equal(decodeBook(encodeBook("bitcoin", book.state()), () => key).isMigrated, false);
  });

  test("every cut and every changed byte is noticed", () => {
    const { book, clock } = makeBook();
    book.learn([{ host: "20.1.2.3", port: 8333, timeS: clock.nowS }], "21.5.5.5");
    const bytes = encodeBook("bitcoin", book.state());
    const key = () => new Uint8Array(32);
    let noticed = 0;
    for (let i = 0; i < bytes.length; i++) {
      const changed = bytes.slice();
      changed[i]! ^= 0x11;
      for (const each of [changed, bytes.subarray(0, i)]) {
        assert.throws(() => decodeBook(each, key), { code: /^addresses_(damaged|too_new)$/ }, `byte ${i}`);
        noticed += 1;
      }
    }
    assert.equal(noticed, bytes.length * 2);
    for (
      const value of [null, 7, "x", [], {}, { version: 2 }, { version: 1, peers: 3 }, {
        version: 1,
        network: "bitcoin",
      }]
    ) {
      assert.throws(() => decodeBook(cbor.encode(value), key), { code: "addresses_damaged" });
    }
    assert.throws(() => decodeBook(cbor.encode({ version: 3 }), key), { code: "addresses_too_new" });
  });

  test("a change of the grouping finds all places anew", () => {
    const { book, clock } = busyBook();
    const state = { ...book.state(), grouping: "bitcoin asmap 00" };
    const again = AddressBook.fromState(state, { rules: BOTH[0]!, clock, random: new SeededRandom(9) });
    assert.ok(again.size.total > book.size.total * 0.9);
    for (const { isTried, references } of again.entries()) assert.equal(references, isTried ? 0 : 1);
  });
});

describe("AddressKeeper", () => {
  test("writes at intervals and at stop, and reads it again", async () => {
    const files = new MemoryFiles();
    const { opened, clock, notices } = keeperOf(files);
    const keeper = await opened;
    const stop = new AbortController();
    const running = keeper.run(stop.signal);
    keeper.book.learn([{ host: "20.1.2.3", port: 8333, timeS: 1 }], "seed.example.org", { unlimited: true });
    await clock.advance(14 * 60_000);
    assert.equal(files.writes, 0);
    await clock.advance(31 * 60_000);
    assert.equal(files.writes, 3);
    keeper.book.learn([{ host: "21.1.2.3", port: 8333, timeS: 1 }], "seed.example.org", { unlimited: true });
    stop.abort();
    await running;
    assert.deepEqual([files.writes, clock.pending], [4, 0]);
    const again = await keeperOf(files).opened;
    assert.equal(again.book.size.total, 2);
    assert.deepEqual(notices, []);
  });

  test("begins with the book of another program where there is no file, and only there", async () => {
    const { book } = busyBook();
    const imported = book.state();
    const files = new MemoryFiles();
    const { opened, notices } = keeperOf(files, { imported } as Partial<AddressBookOptions>);
    const keeper = await opened;
    assert.deepEqual([...keeper.book.entries()].length, book.size.total);
    assert.deepEqual(notices, [`info ${book.size.total} of ${imported.entries.length} addresses were taken over`]);
    files.files.set(PATH, Uint8Array.of(1));
    const damaged = keeperOf(files, { imported } as Partial<AddressBookOptions>);
    assert.equal((await damaged.opened).book.size.total, 0);
  });

  test("sets a damaged file aside, says so and begins empty", async () => {
    const files = new MemoryFiles();
    const bytes = Uint8Array.of(1, 2, 3);
    files.files.set(PATH, bytes);
    const { opened, notices } = keeperOf(files);
    assert.equal((await opened).book.size.total, 0);
    assert.deepEqual(files.files.get(`${PATH}.damaged`), bytes);
    assert.equal(files.files.has(PATH), false);
    assert.equal(notices.length, 1);
    assert.match(notices[0]!, /^warning .*addresses\.cbor: the address book is damaged: .*addresses\.cbor\.damaged$/);
  });

  test("does not take another network's book, nor one of a later version", async () => {
    for (const bytes of [encodeBook("chia", makeBook().book.state()), cbor.encode({ version: 9 })]) {
      const files = new MemoryFiles();
      files.files.set(PATH, bytes);
      const { opened, notices } = keeperOf(files);
      assert.equal((await opened).book.size.total, 0);
      assert.ok(files.files.has(`${PATH}.damaged`));
      assert.match(notices[0]!, /^warning/);
    }
  });

  test("goes on when the disk refuses, and keeps the old file", async () => {
    const files = new MemoryFiles();
    const { opened, notices } = keeperOf(files);
    const keeper = await opened;
    await keeper.save();
    files.failure = new Error("no room");
    await keeper.save();
    assert.deepEqual(notices, ["warning the address book was not written: no room"]);
    files.failure = undefined;
    await keeper.save();
    assert.equal(files.writes, 2);
    const unreadable = { ...files, readFile: () => Promise.reject(new Error("EIO")) } as unknown as AddressFiles;
    const other = keeperOf(unreadable);
    assert.equal((await other.opened).book.size.total, 0);
    assert.match(other.notices[0]!, /EIO/);
  });

  test("a version 1 file is told and becomes the current version at the next write", async () => {
    const files = new MemoryFiles();
    files.files.set(PATH, cbor.encode({ version: 1, network: "chia", peers: [] }));
    const { opened, notices } = keeperOf(files, { rules: chiaAddressRules() });
    await (await opened).save();
    assert.match(notices[0]!, /^info .*older version/);
    assert.equal(decodeBook(files.files.get(PATH)!, () => new Uint8Array(32)).isMigrated, false);
  });
});

describe("decodeBook() of a file whose checksum is right", () => {
  const entry = ["1.2.3.4", 8333, 9n, "5.6.7.8", 10, 20, 30, 1, true, [5]];
  const fileOf = (entries: unknown, more: Record<string, unknown> = {}) => {
    const key = new Uint8Array(32).fill(1);
    const body = new Uint8Array(cbor.encode({ network: "n", key, grouping: "", lastGoodS: 1, entries, ...more }));
    return new Uint8Array(cbor.encode({ version: 2, checksum: sha256(body), body }));
  };
  const read = (bytes: Uint8Array) => decodeBook(bytes, () => new Uint8Array(32));
  const withField = (index: number, value: unknown) => entry.map((each, i) => i === index ? value : each);

  test("reads each field at its place, numbers and big numbers alike", () => {
    const [read0, read1] = read(fileOf([entry, withField(4, 10n).with(2, 2n ** 63n)])).state.entries;
    assert.deepEqual(read0, {
      host: "1.2.3.4",
      port: 8333,
      services: 9n,
      source: "5.6.7.8",
      timeS: 10,
      lastTryS: 20,
      lastSuccessS: 30,
      attempts: 1,
      isTried: true,
      newBuckets: [5],
    });
    assert.deepEqual([read1?.timeS, read1?.services], [10, 2n ** 63n]);
    assert.equal(read(fileOf([withField(0, "x".repeat(255))])).state.entries[0]?.host.length, 255);
    assert.equal(read(fileOf([withField(1, 65_535)])).state.entries[0]?.port, 65_535);
  });

  const wrong: readonly (readonly [string, Uint8Array])[] = [
    ...([
      [0, "x".repeat(256)],
      [0, 5],
      [1, 65_536],
      [1, -1],
      [1, 1.5],
      [1, "8333"],
      [2, -1],
      [2, 2n ** 64n - 1n + 1n],
      [3, null],
      [4, -1],
      [5, Number.MAX_SAFE_INTEGER + 1],
      [6, "now"],
      [7, true],
      [8, 1],
      [8, undefined],
      [9, 5],
      [9, [1_024]],
      [9, [-1]],
      [9, [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ] as const).map(([index, value]) =>
      [`field ${index} is ${String(value)}`, fileOf([withField(index, value)])] as const
    ),
    ["an entry of eleven fields", fileOf([[...entry, 1]])],
    ["an entry that is no list", fileOf([{ host: "1.2.3.4" }])],
    ["entries that are no list", fileOf({ 0: entry })],
    ["a key of 31 bytes", fileOf([], { key: new Uint8Array(31) })],
    ["a key that is a list", fileOf([], { key: Array(32).fill(1) })],
    ["no network", fileOf([], { network: undefined })],
    ["more entries than both tables hold", fileOf(Array(81_921).fill(0))],
  ];
  for (const [name, bytes] of wrong) {
    test(`refuses ${name}`, () => {
      assert.throws(() => read(bytes), { code: "addresses_damaged" });
    });
  }

  test("refuses a file of more than 32 MiB unread", () => {
    for (
      const [bytes, message] of [[32 * 1024 ** 2 + 1, /33554433 bytes/], [32 * 1024 ** 2, /damaged: (?!\d)/]] as const
    ) {
      assert.throws(() => read(new Uint8Array(bytes)), (thrown) => message.test((thrown as Error).message));
    }
  });

  test("leaves out what is no address any more, and what is there twice", () => {
    const [one] = read(fileOf([entry])).state.entries;
    const state = { ...read(fileOf([])).state, entries: [one!, { ...one!, host: "nowhere" }, { ...one!, timeS: 99 }] };
    const book = AddressBook.fromState(state, { rules: BOTH[0]!, clock: new HandClock(), random: new SeededRandom(1) });
    assert.deepEqual([book.size.total, book.find({ host: "1.2.3.4", port: 8333 })?.timeS], [1, 10]);
  });

  test("tells what the decoder found wrong with a file that it cannot read", () => {
    const whole = fileOf([entry]);
    assert.throws(() => read(whole.subarray(0, whole.length - 9)), (thrown) => {
      assert.ok(thrown instanceof NodeError && thrown.cause instanceof Error);
      return thrown.message.endsWith(thrown.cause.message);
    });
  });

  test("refuses what is no map, a checksum of another body, and a later version by its number", () => {
    assert.throws(() => read(new Uint8Array(cbor.encode([1]))), { code: "addresses_damaged" });
    const body = new Uint8Array(cbor.encode({}));
    assert.throws(() => read(new Uint8Array(cbor.encode({ version: 2, checksum: sha256(), body }))), /checksum/);
    assert.throws(() => read(new Uint8Array(cbor.encode({ version: 3, checksum: sha256(body), body }))), {
      code: "addresses_too_new",
    });
    assert.throws(() => read(new Uint8Array(cbor.encode({ version: "2", checksum: sha256(body), body }))), {
      code: "addresses_damaged",
    });
  });

  test("a book of as many entries as both tables hold is one", () => {
    const many = Array.from({ length: 81_920 }, () => entry);
    assert.equal(read(fileOf(many)).state.entries.length, 81_920);
  });
});
