import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { hashWords, HeaderBatch, wordBytes } from "../../../lib/bitcoin/headers/header-batch.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { headerHash, headerToBytes } from "../../../lib/bitcoin/types/header.ts";
import { CodecError } from "../../../lib/codec/error.ts";
import { batchOf, concat, headersPayload, mine, solve } from "./mining.ts";

const genesis = regtest.genesis.header;
const chain = mine(genesis, 5);
const code = (expected: string) => (thrown: unknown) => thrown instanceof CodecError && thrown.code === expected;

describe("HeaderBatch.fromPayload()", () => {
  test("unpacks and hashes every header", () => {
    const batch = HeaderBatch.fromPayload(headersPayload(chain.map(headerToBytes)));
    assert.equal(batch.length, 5);
    chain.forEach((header, i) => {
      assert.deepEqual(batch.hash(i), headerHash(header));
      assert.deepEqual(batch.bytes(i), headerToBytes(header));
      assert.deepEqual([batch.version(i), batch.time(i), batch.bits(i)], [header.version, header.time, header.bits]);
    });
    assert.deepEqual(batch.parentHash(), regtest.genesis.hash);
  });

  test("reads from the middle of a larger buffer", () => {
    const payload = headersPayload(chain.map(headerToBytes));
    const within = concat(new Uint8Array(7), payload, new Uint8Array(3)).subarray(7, 7 + payload.length);
    assert.deepEqual(HeaderBatch.fromPayload(within).hash(4), headerHash(chain[4]!));
  });

  test("reads and ignores the counts of transactions, of any length, and what follows the last", () => {
    const [first, second] = chain.map(headerToBytes);
    const payload = concat(Uint8Array.of(2), first!, Uint8Array.of(0xfd, 0xe8, 0x03), second!, Uint8Array.of(9, 1, 2));
    assert.deepEqual(HeaderBatch.fromPayload(payload).hash(1), headerHash(chain[1]!));
  });

  test("keeps the sign of a version", () => {
    assert.equal(batchOf([{ ...genesis, version: -1 }]).version(0), -1);
  });

  test("refuses more than 2,000 before it allocates", () => {
    const count = Uint8Array.of(0xfd, 0xd1, 0x07);
    assert.throws(() => HeaderBatch.fromPayload(count), code("limit"));
    const header = headerToBytes(chain[0]!);
    const many = (length: number) => headersPayload(Array.from({ length }, () => header));
    assert.equal(HeaderBatch.fromPayload(many(2_000)).length, 2_000);
    assert.throws(() => HeaderBatch.fromPayload(many(2_001)), code("limit"));
  });

  test("refuses a payload that ends too soon, at every length", () => {
    const payload = headersPayload(chain.slice(0, 2).map(headerToBytes));
    for (let end = 0; end < payload.length; end++) {
      assert.throws(() => HeaderBatch.fromPayload(payload.subarray(0, end)), code("short"), String(end));
    }
  });
});

test("HeaderBatch.firstWithoutWork() names the header that lacks it", () => {
  assert.equal(batchOf(chain).firstWithoutWork(regtest.pow), -1);
  const lazy = solve(chain[3]!, regtest, false);
  assert.equal(batchOf([...chain.slice(0, 3), lazy]).firstWithoutWork(regtest.pow), 3);
  assert.equal(batchOf([{ ...chain[0]!, bits: 0x217fffff }]).firstWithoutWork(regtest.pow), 0, "easier than the limit");
});

test("HeaderBatch.firstGap() names the header that does not follow", () => {
  assert.equal(batchOf(chain).firstGap(), -1);
  assert.equal(batchOf([chain[0]!, chain[1]!, chain[3]!]).firstGap(), 2);
});

test("hashWords() takes 32 bytes and nothing else, and wordBytes() gives them back", () => {
  const hash = headerHash(genesis);
  assert.deepEqual(wordBytes(hashWords(hash).slice(), 0, 8), hash);
  for (const length of [0, 31, 33]) assert.throws(() => hashWords(new Uint8Array(length)), RangeError);
});

test("HeaderBatch.fromPayload() says how many bytes are missing", () => {
  const payload = headersPayload(chain.slice(0, 2).map(headerToBytes));
  assert.throws(() => HeaderBatch.fromPayload(payload.subarray(0, payload.length - 5)), /5 bytes short/);
});
