/** Whose scripts need not be verified. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isAssumedValid } from "../../../lib/bitcoin/chain/assume-valid.ts";
import { HeaderChain } from "../../../lib/bitcoin/headers/header-chain.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { headerHash } from "../../../lib/bitcoin/types/header.ts";
import { fromHex } from "../../../lib/codec/hex.ts";
import { decodeHeader } from "../../../lib/bitcoin/types/header.ts";
import { Reader } from "../../../lib/codec/reader.ts";
import { batchOf, mine } from "./mining.ts";
import { input, Ledger, pay } from "./ledger.ts";

const genesis = decodeHeader(new Reader(regtest.genesis.headerBytes));
/** A fortnight of blocks. */
const FORTNIGHT = 14 * 144;

describe("isAssumedValid()", () => {
  const headers = new HeaderChain(regtest);
  const main = mine(genesis, FORTNIGHT + 60);
  const beside = mine(main[9]!, 3, { salt: 1 });
  const { time } = main.at(-1)!;
  for (let at = 0; at < main.length; at += 1_000) headers.accept(batchOf(main.slice(at, at + 1_000)), time);
  headers.accept(batchOf(beside), time);
  const rowOf = (height: number) => headers.ancestor(headers.best, height);
  const hash = headers.hash(rowOf(50));
  const minimumWork = 0n;

  test("a block is, of which the known one is made, and a fortnight of work lies above it", () => {
    for (const height of [0, 1, 49, 50]) {
      assert.ok(isAssumedValid(headers, rowOf(height), { hash, minimumWork }), `${height}`);
    }
    assert.ok(!isAssumedValid(headers, rowOf(51), { hash, minimumWork }));
    const late = headers.hash(rowOf(FORTNIGHT));
    const { length } = main;
    assert.ok(isAssumedValid(headers, rowOf(length - FORTNIGHT - 1), { hash: late, minimumWork }));
    assert.ok(!isAssumedValid(headers, rowOf(length - FORTNIGHT), { hash: late, minimumWork }), "just a fortnight");
  });

  test("none is on another branch, below an unknown block, or on a chain of little work", () => {
    const other = headers.find(headerHash(beside[0]!));
    assert.ok(!isAssumedValid(headers, other, { hash, minimumWork }));
    assert.ok(!isAssumedValid(headers, other, { hash: headerHash(beside[2]!), minimumWork }), "not the best chain");
    assert.ok(isAssumedValid(headers, rowOf(1), { hash: headerHash(beside[2]!), minimumWork }), "below the fork");
    assert.ok(!isAssumedValid(headers, rowOf(1), { hash: fromHex("77".repeat(32)), minimumWork }));
    assert.ok(!isAssumedValid(headers, rowOf(1), { hash, minimumWork: headers.work(headers.best) + 1n }));
    assert.ok(isAssumedValid(headers, rowOf(1), { hash, minimumWork: headers.work(headers.best) }));
  });
});

describe("fullValidator and assumed scripts", () => {
  test("amounts are checked where scripts are not", async () => {
    const ledger = await Ledger.open();
    const [coin] = await ledger.mine(105);
    const never = pay([coin!], undefined, { inputs: [input(coin!, { scriptSig: Uint8Array.of(0x6a) })] });
    const blocks = [ledger.block([never])];
    blocks.push(ledger.block([pay([coin!])], { parent: blocks[0]! }));
    for (let i = 0; i < FORTNIGHT + 2; i++) blocks.push(ledger.block([], { parent: blocks.at(-1)! }));
    ledger.assumeValid(blocks.at(-1)!);
    ledger.tellHeaders(blocks);
    assert.equal(await ledger.add(blocks[0]!), "ok");
    assert.equal(await ledger.add(blocks[1]!), "bad-txns-inputs-missingorspent");
  });
});
