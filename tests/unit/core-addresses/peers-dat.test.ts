/** The references' own files: Chia's as its writer mixes it, Core's by the layout in the specification. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bitcoinAddressRules } from "../../../lib/bitcoin/addresses/rules.ts";
import { sha256d } from "../../../lib/bitcoin/hash.ts";
import { readCorePeersDat } from "../../../lib/bitcoin/addresses/peers-dat.ts";
import { hostText } from "../../../lib/bitcoin/types/net-address-text.ts";
import { chiaAddressRules } from "../../../lib/chia/addresses/rules.ts";
import { readChiaPeersDat } from "../../../lib/chia/addresses/peers-dat.ts";
import { fromHex } from "../../../lib/codec/hex.ts";
import { Writer } from "../../../lib/codec/writer.ts";
import { AddressBook } from "../../../lib/core/addresses/book.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { HandClock, hostAt, makeBook } from "./book.ts";

const v4 = (host: string) => Uint8Array.from(host.split("."), Number);

/** A Chia book, and the file that the reference would write of it: entries as they came, new and tried mixed. */
function chiaFile() {
  const { book, clock } = makeBook({ rules: chiaAddressRules() });
  for (let i = 0; i < 200; i++) {
    const address = { host: hostAt(i), port: 8444 };
    book.learn([{ ...address, timeS: clock.nowS - i }], hostAt(i + 500));
    if (i % 4 === 1) book.good(address);
  }
  const { key, entries } = book.state();
  const fresh = entries.filter(({ isTried }) => !isTried);
  const writer = new Writer();
  writer.raw(key);
  writer.u64(BigInt(fresh.length));
  const slots = fresh.flatMap(({ newBuckets }, index) => newBuckets.map((bucket) => ({ index, bucket })));
  writer.u32(slots.length);
  for (const { index, bucket } of slots) {
    writer.u64(BigInt(index));
    writer.u64(BigInt(bucket));
  }
  for (const { host, port, timeS, source } of entries) {
    writer.u8(0);
    writer.raw(v4(host));
    writer.u16(port);
    writer.u64(BigInt(timeS));
    writer.u8(0);
    writer.raw(v4(source));
    writer.u16(8444);
  }
  return { book, bytes: writer.finish() };
}

/**
 * A file of the older format, written by chia-blockchain 2.7.5's own `PeerDataSerialization`: the key 00 01 … 1f, new
 * entries 20.0.7.1, 22.2.7.1, 23.3.7.1, tried ones 21.1.7.1 and 24.4.7.1.
 */
const OLD_FILE = [
  "00000002000000036b65790000004931373830373331383630363237373030303434393630373232353638333736353932323030",
  "373432333239363337333033313939373534353437353938333639393739343430363731000000096e65775f636f756e74000000",
  "01330000000500000000000000000000002632302e302e372e31203834343420313736333030303030302036302e312e312e3120",
  "3834343400000000000000010000002632322e322e372e31203834343420313736333030303030322036322e312e312e31203834",
  "343400000000000000020000002632332e332e372e31203834343420313736333030303030332036332e312e312e312038343434",
  "00000000000000030000002632312e312e372e31203834343420313736333030303030312036312e312e312e3120383434340000",
  "0000000000040000002632342e342e372e31203834343420313736333030303030342036342e312e312e31203834343400000003",
  "000000000000000000000000000002af000000000000000100000000000003010000000000000002000000000000016a",
].join("");

describe("readChiaPeersDat()", () => {
  test("reads the format from before it, as the reference does", () => {
    const state = readChiaPeersDat(fromHex(OLD_FILE));
    assert.deepEqual(state.key, Uint8Array.from({ length: 32 }, (_, i) => i));
    const told = state.entries.map(({ host, port, timeS, source, isTried }) => [host, port, timeS, source, isTried]);
    assert.deepEqual(told, [
      ["20.0.7.1", 8444, 1_763_000_000, "60.1.1.1", false],
      ["22.2.7.1", 8444, 1_763_000_002, "62.1.1.1", false],
      ["23.3.7.1", 8444, 1_763_000_003, "63.1.1.1", false],
      ["21.1.7.1", 8444, 1_763_000_001, "61.1.1.1", true],
      ["24.4.7.1", 8444, 1_763_000_004, "64.1.1.1", true],
    ]);
    const about = { rules: chiaAddressRules(), clock: new HandClock(), random: new SeededRandom(1) };
    const { size } = AddressBook.fromState(state, about);
    assert.deepEqual([size.new, size.tried], [3, 2]);
  });

  test("tells new from tried entries although the reference's writer mixes them", () => {
    const { book, bytes } = chiaFile();
    const state = readChiaPeersDat(bytes);
    const again = AddressBook.fromState(state, {
      ...{ rules: chiaAddressRules(), clock: new HandClock(), random: new SeededRandom(1) },
    });
    assert.deepEqual(again.size, book.size);
    assert.ok(book.size.tried > 40);
    const places = (each: AddressBook) => [...each.entries()].map(({ host, port, slots }) => ({ host, port, slots }));
    assert.deepEqual(places(again), places(book));
  });

  test("refuses every cut within its head and its entries, and absurd counts", () => {
    const { bytes } = chiaFile();
    let refused = 0;
    for (let length = 0; length < bytes.length; length += 7) {
      try {
        readChiaPeersDat(bytes.subarray(0, length));
      } catch (thrown) {
        assert.equal((thrown as Error).name, "CodecError");
        refused += 1;
      }
    }
    // A cut between two entries leaves a shorter file that reads well.
    assert.ok(refused > bytes.length / 7 * 0.9, `${refused}`);
    const huge = bytes.slice();
    huge.fill(0xff, 40, 44);
    assert.throws(() => readChiaPeersDat(huge), { name: "CodecError" });
  });
});

describe("readCorePeersDat()", () => {
  const MAGIC = Uint8Array.of(0xf9, 0xbe, 0xb4, 0xd9);
  const onion = new Uint8Array(32).fill(9);

  function coreFile(format = 4, asMapByte = 0) {
    const { book, clock } = makeBook();
    for (let i = 0; i < 60; i++) {
      const address = { host: hostAt(i), port: 8333 };
      book.learn([{ ...address, timeS: clock.nowS - i, services: 1033n }], hostAt(i + 500));
      if (i % 4 === 1) book.good(address);
    }
    book.learn([{ host: hostText(4, onion)!, port: 8333, timeS: clock.nowS }], "seed.example.org");
    const { key, entries } = book.state();
    const fresh = entries.filter(({ isTried }) => !isTried);
    const tried = entries.filter(({ isTried }) => isTried);
    const writer = new Writer();
    writer.raw(MAGIC);
    writer.u8(format);
    writer.u8(32 + format);
    writer.raw(key);
    writer.u32Le(fresh.length);
    writer.u32Le(tried.length);
    writer.u32Le(1024 ^ 2 ** 30);
    const address = (host: string) => {
      const isV4 = /^[\d.]+$/.test(host);
      writer.u8(isV4 ? 1 : host.endsWith(".onion") ? 4 : 2);
      // A seed's name as Core keeps it: fd6b:88c0:8724 and ten bytes of its hash.
      const name = () =>
        Uint8Array.of(0xfd, 0x6b, 0x88, 0xc0, 0x87, 0x24, ...bitcoinAddressRules().sourceGroup(host)!.subarray(1));
      const bytes = isV4 ? v4(host) : host.endsWith(".onion") ? onion : name();
      writer.u8(bytes.length);
      writer.raw(bytes);
    };
    for (const entry of [...fresh, ...tried]) {
      writer.u32Le(220_000 + 2 ** 29);
      writer.u32Le(entry.timeS);
      writer.u8(0xfd);
      writer.u16Le(Number(entry.services || 1033n));
      address(entry.host);
      writer.u16(entry.port);
      address(entry.source);
      writer.u64Le(BigInt(entry.lastSuccessS));
      writer.u32Le(entry.attempts);
    }
    for (let bucket = 0; bucket < 1024; bucket++) {
      const own = fresh.flatMap(({ newBuckets }, index) => newBuckets.includes(bucket) ? [index] : []);
      writer.u32Le(own.length);
      for (const index of own) writer.u32Le(index);
    }
    writer.raw(new Uint8Array(32).fill(asMapByte));
    const body = writer.finish();
    return { book, bytes: Uint8Array.of(...body, ...sha256d(body)) };
  }

  test("takes over both tables with key, times, services and buckets", () => {
    const { book, bytes } = coreFile();
    const again = AddressBook.fromState(readCorePeersDat(bytes, MAGIC), {
      ...{ rules: bitcoinAddressRules(), clock: new HandClock(), random: new SeededRandom(1) },
    });
    assert.deepEqual(again.size, book.size);
    const told = (each: AddressBook) =>
      [...each.entries()].map(({ host, timeS, lastSuccessS, slots }) => ({ host, timeS, lastSuccessS, slots }));
    assert.deepEqual(told(again), told(book));
    assert.ok([...again.entries()].every(({ services }) => services === 1033n));
  });

  test("does not trust buckets that were found under an AS map", () => {
    assert.equal(readCorePeersDat(coreFile().bytes, MAGIC).grouping, bitcoinAddressRules().grouping);
    assert.equal(readCorePeersDat(coreFile(4, 1).bytes, MAGIC).grouping, "");
  });

  test("refuses another network, another format, and every changed byte", () => {
    const { bytes } = coreFile();
    assert.throws(() => readCorePeersDat(bytes, Uint8Array.of(1, 2, 3, 4)), { name: "CodecError" });
    assert.throws(() => readCorePeersDat(coreFile(5).bytes, MAGIC), { name: "CodecError" });
    for (let i = 0; i < bytes.length; i += 13) {
      const changed = bytes.slice();
      changed[i]! ^= 1;
      assert.throws(() => readCorePeersDat(changed, MAGIC), { name: "CodecError" });
    }
    assert.throws(() => readCorePeersDat(new Uint8Array(10), MAGIC), { name: "CodecError" });
  });
});
