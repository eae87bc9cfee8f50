/** Blocks of the mempool's transactions: templates for miners, and blocks that are mined at once. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { commitmentScript } from "../../../lib/bitcoin/mining.ts";
import { Block, type Transaction } from "../../../lib/bitcoin/types/mod.ts";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { OP_TRUE, output, pay } from "../bitcoin-chain/ledger.ts";
import { shown, spendingNode } from "./spending-node.ts";

const RULES = { rules: ["segwit"] };
const ADDRESS = "bcrt1qamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhqgdn98t";
const SUBSIDY = 5_000_000_000;

interface Template {
  readonly previousblockhash: string;
  readonly longpollid: string;
  readonly coinbasevalue: number;
  readonly default_witness_commitment: string;
  readonly transactions: readonly Readonly<Record<string, unknown>>[];
}

/** A node with a mempool that takes what anybody may spend. */
async function miningNode() {
  const node = await spendingNode({ mempool: { requiresStandard: false } });
  const mempool = node.bitcoin.mempool!;
  const accept = async (transaction: Transaction) => {
    const verdict = await mempool.accept(transaction);
    assert.ok(verdict.ok === true);
    return transaction;
  };
  /** Spends coins with a fee. With less than a data output a transaction would be too small for the mempool. */
  const spend = (fee: number, ...coins: Parameters<typeof pay>[0]) => {
    const value = coins.reduce((sum, each) => sum + each.value, 0n) - BigInt(fee);
    const data = { value: 0n, scriptPubKey: Uint8Array.of(0x6a, 20, ...new Uint8Array(20)) };
    return pay(coins, value, { outputs: [{ value, scriptPubKey: OP_TRUE }, data] });
  };
  const template = () => node.call<Template>("getblocktemplate", RULES);
  return { ...node, mempool, accept, spend, template };
}

describe("getblocktemplate", () => {
  test("has the transactions of the mempool with their fees, costs and places, the best first", async () => {
    const { coins, accept, spend, template } = await miningNode();
    const [one, two, three] = coins;
    const poor = await accept(spend(2_000, one!));
    const parent = await accept(spend(1_000, two!));
    const child = await accept(spend(50_000, output(parent), three!));
    const { transactions, coinbasevalue, default_witness_commitment } = await template();
    const each = (transaction: Transaction, fee: number, depends: readonly number[]) => ({
      data: toHex(transaction.raw),
      txid: shown(transaction.txid),
      hash: shown(transaction.wtxid),
      ...{ depends, fee, sigops: 0, weight: transaction.weight },
    });
    assert.deepEqual(transactions, [each(parent, 1_000, []), each(child, 50_000, [1]), each(poor, 2_000, [])]);
    assert.deepEqual(Object.keys(transactions[0]!).join(" "), "data txid hash depends fee sigops weight");
    assert.equal(coinbasevalue, SUBSIDY + 53_000);
    assert.equal(default_witness_commitment, toHex(commitmentScript([parent, child, poor])));
  });

  test("describes a block that passes", async () => {
    const { coins, accept, spend, call, template, miner, bitcoin } = await miningNode();
    await accept(spend(2_000, coins[0]!));
    await template();
    const { signal } = new AbortController();
    const filled = await miner.template(signal);
    const block = miner.assemble(Uint8Array.of(0x51), filled.entries.map(({ transaction }) => transaction));
    assert.equal(await call("getblocktemplate", { mode: "proposal", data: toHex(block.raw) }), null);
    assert.equal(bitcoin.headers.find(block.hash), -1);
  });

  test("is kept for five seconds though the mempool changes, and no longer", async () => {
    const { coins, accept, spend, template, clock } = await miningNode();
    await accept(spend(2_000, coins[0]!));
    const first = await template();
    await accept(spend(2_000, coins[1]!));
    clock.advance(4_999);
    assert.equal((await template()).transactions.length, 1);
    assert.equal((await template()).longpollid, first.longpollid);
    clock.advance(1);
    assert.equal((await template()).transactions.length, 2);
  });

  test("is another at once when the tip is", async () => {
    const { coins, accept, spend, template, add } = await miningNode();
    const mined = await accept(spend(2_000, coins[0]!));
    const left = await accept(spend(1_000, coins[1]!));
    assert.equal((await template()).transactions.length, 2);
    await add([mined]);
    const { transactions } = await template();
    assert.deepEqual(transactions.map(({ txid }) => txid), [shown(left.txid)]);
  });

  test("that is waited for comes after a minute when the mempool has changed, and then every ten seconds", async () => {
    const { coins, accept, spend, template, call, clock } = await miningNode();
    await accept(spend(2_000, coins[0]!));
    const { longpollid, previousblockhash } = await template();
    assert.match(longpollid, new RegExp(`^${previousblockhash}\\d+$`));
    let answer: Template | undefined;
    const waiting = call<Template>("getblocktemplate", { ...RULES, longpollid }).then((each) => (answer = each));
    const after = async (ms: number) => {
      clock.advance(ms);
      for (let i = 0; i < 20; i++) await call("getblockcount");
      return answer !== undefined;
    };
    await after(0);
    assert.equal(await after(60_000), false);
    await accept(spend(2_000, coins[1]!));
    assert.equal(await after(9_999), false);
    clock.advance(1);
    await waiting;
    assert.equal(answer!.transactions.length, 2);
    assert.notEqual(answer!.longpollid, longpollid);
  });
});

describe("blocks that are mined at once", () => {
  test("have the transactions of the mempool, and their fees", async () => {
    const { coins, accept, spend, call, mempool, bitcoin } = await miningNode();
    const parent = await accept(spend(2_000, coins[0]!));
    const child = await accept(spend(3_000, output(parent)));
    const [hash, next] = await call<string[]>("generatetoaddress", 2, ADDRESS);
    const block = Block.decode((await bitcoin.block(bitcoin.activeAt(111)))!);
    assert.deepEqual([shown(block.hash), block.transactions.slice(1).map(({ raw }) => raw)], [hash, [
      parent.raw,
      child.raw,
    ]]);
    assert.equal(block.transactions[0]!.outputs[0]!.value, BigInt(SUBSIDY + 5_000));
    assert.equal(mempool.size, 0);
    const empty = Block.decode((await bitcoin.block(bitcoin.tip))!);
    assert.deepEqual([shown(empty.hash), empty.transactionCount], [next, 1]);
  });

  test("have what came after a template that is still kept", async () => {
    const { call, coins, accept, spend, template } = await miningNode();
    await accept(spend(1_000, coins[0]!));
    assert.equal((await template()).transactions.length, 1);
    const late = await accept(spend(2_000, coins[1]!));
    assert.equal((await template()).transactions.length, 1);
    const [hash] = await call<string[]>("generatetoaddress", 1, ADDRESS);
    const { tx } = await call<{ readonly tx: readonly string[] }>("getblock", hash!);
    assert.ok(tx.length === 3 && tx.includes(shown(late.txid)));
  });

  test("generateblock takes those that are named, and leaves the others", async () => {
    const { coins, accept, spend, call, failure, mempool } = await miningNode();
    const chosen = await accept(spend(2_000, coins[0]!));
    await accept(spend(3_000, coins[1]!));
    const { hex } = await call<{ hex: string }>("generateblock", ADDRESS, [shown(chosen.txid)], false);
    const block = Block.decode(fromHex(hex));
    assert.deepEqual(block.transactions.slice(1).map(({ txid }) => shown(txid)), [shown(chosen.txid)]);
    assert.equal(block.transactions[0]!.outputs[0]!.value, BigInt(SUBSIDY));
    await call("generateblock", ADDRESS, [shown(chosen.txid).toUpperCase()]);
    assert.equal(mempool.size, 1);
    const message = `Transaction ${shown(chosen.txid)} not in mempool.`;
    assert.deepEqual(await failure("generateblock", ADDRESS, [shown(chosen.txid)]), { code: -5, message });
  });

  test("getmininginfo counts what waits", async () => {
    const { coins, accept, spend, call } = await miningNode();
    await accept(spend(2_000, coins[0]!));
    const { pooledtx, blockmintxfee } = await call<{ pooledtx: number; blockmintxfee: number }>("getmininginfo");
    assert.deepEqual([pooledtx, blockmintxfee], [1, 0.00000001]);
  });
});
