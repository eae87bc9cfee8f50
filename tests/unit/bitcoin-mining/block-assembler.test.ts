import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BlockAssembler } from "../../../lib/bitcoin/block-assembler.ts";
import type { MempoolEntry } from "../../../lib/bitcoin/mempool/mempool.ts";
import type { BitcoinService } from "../../../lib/bitcoin/service.ts";
import type { Block } from "../../../lib/bitcoin/types/mod.ts";
import { input, pay } from "../bitcoin-chain/ledger.ts";
import { spendingNode } from "../rpc-bitcoin/spending-node.ts";

const MOVED = "inconclusive-not-best-prevblk";

const node = await spendingNode();
const { headers, tip, versionBits } = node.bitcoin;
const height = headers.height(tip);

/** A service whose blocks are tried as told, with a mempool of transactions that have these lock times. */
function scene(...lockTimes: readonly number[]) {
  const entries = lockTimes.map((lockTime, i): MempoolEntry => {
    const coin = node.coins[i]!;
    const transaction = pay([coin], coin.value - 1_000n, { inputs: [input(coin, { sequence: 0 })], lockTime });
    const { weight } = transaction;
    const rest = { sequence: 1, time: 0, height: 0, spendsCoinbase: false, sigOpCost: 0, vsize: weight / 4 };
    return { transaction, fee: 1_000, modifiedFee: 1_000, weight, ...rest };
  });
  const waited: string[] = [];
  const tried: Block[] = [];
  const answers: string[] = [];
  const service = {
    ...{ headers, tip, versionBits },
    settled: () => Promise.resolve(void waited.push("coins")),
    mempool: {
      ...{ sequence: entries.length, size: entries.length },
      settled: () => Promise.resolve(void waited.push("mempool")),
      chunks: () => entries.map((entry) => ({ entries: [entry], fee: entry.fee, weight: entry.weight })),
    },
    inspection: {
      try: (block: Block) => {
        tried.push(block);
        const reason = answers.shift();
        return Promise.resolve(reason === undefined ? undefined : { reason, detail: "told so" });
      },
    },
  };
  const assembler = new BlockAssembler(service as unknown as BitcoinService, node.clock);
  const template = () => assembler.template(new AbortController().signal);
  return { answers, entries, service, template, tried, waited };
}

describe("BlockAssembler", () => {
  test("waits for the coins and then for the mempool, and tries what it has chosen once", async () => {
    const { entries, template, tried, waited } = scene(0, 0);
    assert.deepEqual((await template()).entries, entries);
    assert.deepEqual(waited, ["coins", "mempool"]);
    assert.deepEqual(tried[0]!.transactions.slice(1), entries.map(({ transaction }) => transaction));
    assert.equal((await template()).coinbaseValue, 50n * 100_000_000n + 2_000n);
    assert.equal(tried.length, 1);
  });

  test("tries no block without transactions, and waits for nobody", async () => {
    const { template, tried, waited } = scene();
    assert.deepEqual((await template()).entries, []);
    assert.deepEqual([tried.length, waited.length], [0, 0]);
  });

  test("takes what is locked until the block before, and nothing that is locked longer", async () => {
    const { entries, template } = scene(height, height + 1);
    assert.deepEqual((await template()).entries, [entries[0]]);
  });

  test("chooses again when the chain has moved meanwhile, ten times", async () => {
    const { answers, entries, template, tried } = scene(0);
    answers.push(...Array<string>(9).fill(MOVED));
    assert.deepEqual((await template()).entries, entries);
    assert.equal(tried.length, 10);
    const other = scene(0);
    other.answers.push(...Array<string>(11).fill(MOVED));
    await assert.rejects(other.template(), { code: "TEMPLATE_REFUSED", message: /the chain moves too quickly/ });
    assert.equal(other.tried.length, 10);
  });

  test("says so when a block of the mempool's transactions would be refused, and keeps none of it", async () => {
    const { answers, entries, template, tried } = scene(0);
    answers.push("bad-txns-inputs-missingorspent");
    await assert.rejects(template(), {
      code: "TEMPLATE_REFUSED",
      message: /transactions is refused: bad-txns-inputs-missingorspent, told so/,
    });
    assert.deepEqual((await template()).entries, entries);
    assert.equal(tried.length, 2);
  });
});
