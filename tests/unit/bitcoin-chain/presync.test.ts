import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { BitQueue } from "../../../lib/bitcoin/headers/bit-queue.ts";
import { HeaderChain } from "../../../lib/bitcoin/headers/header-chain.ts";
import { blockWork } from "../../../lib/bitcoin/headers/pow.ts";
import { HeadersPresync, type PresyncResult, releasedBatch } from "../../../lib/bitcoin/headers/presync.ts";
import { type BitcoinNetwork, mainnet, regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { RedownloadBuffer } from "../../../lib/bitcoin/headers/redownload-buffer.ts";
import { type BlockHeader, headerToBytes } from "../../../lib/bitcoin/types/header.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { batchOf, concat, mine } from "./mining.ts";

const NOW = 2_000_000_000;
const WORK = blockWork(0x207fffff);
const genesis = regtest.genesis.header;

/** Regtest with numbers so small that a few hundred headers show everything. */
const network: BitcoinNetwork = { ...regtest, headersSync: { commitmentPeriod: 7, redownloadBufferSize: 40 } };
const HEADERS = 300;
const honest = mine(genesis, HEADERS);
/** The work of genesis and so many headers. */
const workAt = (height: number) => WORK * BigInt(height + 1);
const BATCH = 50;
const slices = (headers: readonly BlockHeader[]) =>
  Array.from({ length: Math.ceil(headers.length / BATCH) }, (_, i) => headers.slice(i * BATCH, (i + 1) * BATCH));

function begin(minimumWork: bigint, seed = 1, now = NOW): HeadersPresync {
  return new HeadersPresync({
    chain: new HeaderChain(network),
    start: 0,
    minimumWork,
    now,
    random: new SeededRandom(seed),
  });
}

/** Feeds headers in full messages; all results. */
function feed(presync: HeadersPresync, headers: readonly BlockHeader[]): PresyncResult[] {
  const results: PresyncResult[] = [];
  for (const slice of slices(headers)) {
    if (presync.state === "done") break;
    results.push(presync.next(batchOf(slice), true));
  }
  return results;
}

describe("HeadersPresync", () => {
  test("asks for the chain twice and lets go of it once its work is proven", () => {
    const presync = begin(workAt(HEADERS));
    const first = feed(presync, honest);
    assert.ok(first.every(({ headers, requestMore }) => headers.length === 0 && requestMore));
    assert.equal(presync.state, "redownload");
    assert.deepEqual(presync.locator(), [regtest.genesis.hash, regtest.genesis.hash], "from the start again");

    const chain = new HeaderChain(network);
    const second = feed(presync, honest);
    for (const result of second) {
      const batch = releasedBatch(result);
      if (batch !== undefined) assert.equal(chain.accept(batch, NOW).refusal, undefined);
    }
    assert.equal(presync.state, "done");
    assert.equal(second.at(-1)!.failure, undefined);
    assert.equal(second.at(-1)!.requestMore, false);
    assert.equal(chain.height(chain.best), HEADERS);
    assert.equal(chain.work(chain.best), workAt(HEADERS));
  });

  test("holds back as many headers as the buffer has room for", () => {
    const presync = begin(workAt(HEADERS));
    feed(presync, honest);
    const released = feed(presync, honest.slice(0, 100)).map(({ headers }) => headers.length / 80);
    assert.deepEqual(released, [BATCH - 40, BATCH]);
  });

  test("names the last header of the peer first when it asks for more", () => {
    const presync = begin(workAt(HEADERS));
    feed(presync, honest.slice(0, BATCH));
    assert.deepEqual(presync.locator(), [batchOf(honest.slice(0, BATCH)).hash(BATCH - 1), regtest.genesis.hash]);
    assert.equal(presync.height, BATCH);
    assert.equal(presync.time, honest[BATCH - 1]!.time);
  });

  test("ends with a chain that ends before its work suffices, having kept nothing", () => {
    const presync = begin(workAt(HEADERS));
    feed(presync, honest.slice(0, 100));
    const result = presync.next(batchOf(honest.slice(100, 120)), false);
    assert.deepEqual(result, { headers: new Uint8Array(0), requestMore: false, failure: "incomplete" });
    assert.equal(presync.state, "done");
    assert.throws(() => presync.next(batchOf(honest.slice(120, 121)), true), RangeError);
  });

  test("goes on to the second download even when the message was not full", () => {
    const presync = begin(workAt(60));
    feed(presync, honest.slice(0, BATCH));
    assert.equal(presync.next(batchOf(honest.slice(BATCH, 60)), false).requestMore, true);
    assert.equal(presync.state, "redownload");
  });

  test("ends with headers that do not connect, in both downloads", () => {
    const presync = begin(workAt(HEADERS));
    feed(presync, honest.slice(0, BATCH));
    assert.equal(presync.next(batchOf(honest.slice(60, 80)), true).failure, "non-continuous");
    const other = begin(workAt(HEADERS));
    feed(other, honest);
    assert.equal(other.next(batchOf(honest.slice(5, 10)), true).failure, "non-continuous");
  });

  test("ends with an empty message", () => {
    assert.equal(begin(workAt(9)).next(batchOf([]), false).failure, "incomplete");
  });

  test("finds another chain out in the second download, before it lets go of much", () => {
    const other = mine(genesis, HEADERS, { salt: 99 });
    let caught = 0;
    const released: number[] = [];
    for (let seed = 1; seed <= 20; seed++) {
      const presync = begin(workAt(HEADERS), seed);
      feed(presync, honest);
      const results = feed(presync, other);
      if (results.at(-1)!.failure === "commitment-mismatch") caught++;
      released.push(results.reduce((sum, { headers }) => sum + headers.length / 80, 0));
    }
    // Forty held back are five or six bits: one in some fifty gets a header through, all forty-odd bits none.
    assert.equal(caught, 20);
    assert.ok(released.filter((count) => count > 0).length <= 3, released.join());
  });

  test("finds a second chain out that runs longer on less work", () => {
    // Bits run out when the second chain is longer than the first before it has the work.
    const easyNetwork: BitcoinNetwork = { ...network, headersSync: { commitmentPeriod: 2, redownloadBufferSize: 400 } };
    const overrun: string[] = [];
    for (let seed = 1; seed < 60 && !overrun.includes("commitment-overrun"); seed++) {
      const chain = new HeaderChain(easyNetwork);
      const hard = mine(genesis, 2, { bits: 0x203fffff });
      const presync = new HeadersPresync({
        chain,
        start: 0,
        minimumWork: WORK + 2n * blockWork(0x203fffff),
        now: NOW,
        random: new SeededRandom(seed),
      });
      presync.next(batchOf(hard), true);
      assert.equal(presync.state, "redownload");
      overrun.push(presync.next(batchOf(honest.slice(0, 3)), true).failure ?? "");
    }
    assert.ok(overrun.includes("commitment-overrun"), overrun.join());
  });

  test("lets a chain through that has grown between the downloads", () => {
    // The first download ends in the middle of a message of the second: there are no bits for what follows.
    const presync = begin(workAt(155));
    feed(presync, honest.slice(0, 155));
    const results = feed(presync, honest);
    assert.equal(results.at(-1)!.failure, undefined);
    assert.equal(results.reduce((sum, { headers }) => sum + headers.length / 80, 0), 200);
  });

  test("keeps as many bits as time allows headers, and gives up at the next one", () => {
    // Six headers a second for a minute and ten seconds, of which each seventh leaves a bit: sixty.
    const presync = begin(workAt(10_000_000), 1, genesis.time - 7_200 + 70);
    const most = Math.floor(6 * 70 / 7);
    const long = mine(genesis, 7 * (most + 1));
    const passed = long.findIndex((header) => presync.next(batchOf([header]), true).failure === "too-long");
    assert.ok(passed >= 7 * most, `given up at header ${passed + 1}`);
  });

  test("gives up on a chain longer than time allows", () => {
    // From ten seconds before genesis' time on, and two hours ahead: so many headers could exist, and no more.
    const presync = begin(workAt(10_000_000), 1, genesis.time - 7_200 + 10);
    const results = feed(presync, honest);
    assert.equal(results.at(-1)!.failure, "too-long");
    assert.ok(presync.state === "done" && results.length <= 2);
  });

  test("ends with bits that no retarget could lead to, in both downloads", () => {
    const strict: BitcoinNetwork = { ...network, pow: { ...network.pow, allowMinDifficultyBlocks: false } };
    const chain = new HeaderChain(strict);
    const hard = batchOf([...honest.slice(0, 3), ...mine(honest[2]!, 1, { bits: 0x203fffff })]);
    const start = () =>
      new HeadersPresync({ chain, start: 0, minimumWork: workAt(100), now: NOW, random: new SeededRandom(1) });
    assert.equal(start().next(hard, true).failure, "bad-transition");
    const second = start();
    feed(second, honest.slice(0, 100));
    assert.equal(second.state, "redownload");
    assert.equal(second.next(hard, true).failure, "bad-transition");
  });
});

test("RedownloadBuffer gives headers back whole and in order, in room that does not grow with what passes through", () => {
  const headers = mine(genesis, 2_000);
  const prev = regtest.genesis.hash;
  const buffer = new RedownloadBuffer(prev);
  const out: Uint8Array[] = [];
  const batch = batchOf(headers);
  // A chain of 20,000 would need mining; the same 2,000 again and again differ from one in their links alone.
  let largest = 0;
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < batch.length; i++) buffer.push(batch, i);
    largest = Math.max(largest, buffer.byteLength);
    out.push(buffer.shift(buffer.length - Math.min(buffer.length, 1_500)));
  }
  out.push(buffer.shift(buffer.length));
  assert.ok(largest <= RedownloadBuffer.bytesFor(1_500), `${largest}`);
  const bytes = concat(...out);
  assert.equal(bytes.length, 20_000 * 80);
  assert.deepEqual(bytes.subarray(0, 2_000 * 80), concat(...headers.map(headerToBytes)), "the first round is a chain");
  for (let i = 0; i < 20_000; i++) {
    const expected = headerToBytes(headers[i % 2_000]!);
    assert.deepEqual(bytes.subarray(i * 80 + 36, (i + 1) * 80), expected.subarray(36));
  }
  assert.throws(() => buffer.shift(1), RangeError);
});

test("a flood of cheap headers takes bounded memory, however long it runs", () => {
  const chain = new HeaderChain(network);
  const random = new SeededRandom(3);
  const most = HeadersPresync.bytesMax(network, NOW);
  let presync = new HeadersPresync({ chain, start: 0, minimumWork: 1n << 100n, now: NOW, random });
  let largest = 0;
  const endless = slices(honest).map((slice) => batchOf(slice));
  for (let round = 0; round < 200; round++) {
    for (const batch of endless) {
      if (presync.state === "done") break;
      presync.next(batch, true);
      largest = Math.max(largest, presync.byteLength);
    }
    // The chain cannot go on for ever in a test: the peer starts over, as an attacker would.
    presync = new HeadersPresync({ chain, start: 0, minimumWork: 1n << 100n, now: NOW, random });
  }
  assert.ok(largest <= most, `${largest} of ${most}`);
  assert.equal(chain.length, 1, "nothing entered the tree");
});

test("one presync on the main network holds less than 3 MB at its worst", () => {
  assert.ok(HeadersPresync.bytesMax(mainnet, NOW) < 3_000_000, String(HeadersPresync.bytesMax(mainnet, NOW)));
});

test("BitQueue gives back what it was given, in order, in an eighth of the bytes", () => {
  const random = new SeededRandom(5);
  const bits = Array.from({ length: 5_000 }, () => random.below(2) === 1);
  const queue = new BitQueue();
  for (const bit of bits) queue.push(bit);
  assert.equal(queue.length, 5_000);
  assert.ok(queue.byteLength <= BitQueue.bytesFor(5_000) && queue.byteLength < 1_025);
  assert.deepEqual(bits.map(() => queue.shift()), bits);
  assert.throws(() => queue.shift(), RangeError);
});
