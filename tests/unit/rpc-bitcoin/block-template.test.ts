/** What a miner is given, and how a block of his is judged before it is mined. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fullValidator } from "../../../lib/bitcoin/chain/full-validator.ts";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { mainnet, regtest, signet } from "../../../lib/bitcoin/networks/mod.ts";
import { Block, type BlockHeader, Transaction, type TransactionParts } from "../../../lib/bitcoin/types/mod.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { ANYONE, bitcoinNode, peerView } from "./support.ts";

const validator = fullValidator({ workers: new InlineWorkers(), engine: "wide" });
const RULES = { rules: ["segwit"] };

describe("getblocktemplate", () => {
  test("is what BIP22 asks for, in Core's order", async () => {
    const { call, mine } = await bitcoinNode();
    const [block] = await mine(1);
    const template = await call<Record<string, unknown>>("getblocktemplate", RULES);
    const hash = toDisplayHex(block!.hash);
    assert.equal(
      Object.keys(template).join(" "),
      "capabilities version rules vbavailable vbrequired previousblockhash transactions coinbaseaux coinbasevalue " +
        "longpollid target mintime mutable noncerange sigoplimit sizelimit weightlimit curtime bits height " +
        "default_witness_commitment",
    );
    assert.deepEqual(
      [template.previousblockhash, template.height, template.bits, template.coinbasevalue, template.version],
      [hash, 2, "207fffff", 5_000_000_000, 0x20000000],
    );
    assert.deepEqual(
      [template.rules, template.vbavailable, template.vbrequired, template.transactions, template.coinbaseaux],
      [["csv", "!segwit", "taproot"], {}, 0, [], {}],
    );
    assert.deepEqual(
      [template.capabilities, template.mutable, template.longpollid],
      [["proposal"], ["time", "transactions", "prevblock"], `${hash}0`],
    );
    assert.deepEqual([template.sigoplimit, template.sizelimit, template.weightlimit], [80_000, 4_000_000, 4_000_000]);
    assert.equal(template.target, "7fffff" + "00".repeat(29));
    // The commitment of every block that holds nothing but its coinbase.
    assert.equal(
      template.default_witness_commitment,
      "6a24aa21a9ede2f61c3f71d1defd3fa999dfa36953755c690689799962b48bebd836974e8cf9",
    );
  });

  test("before segwit the limits are a quarter, and nothing commits to witnesses", async () => {
    const network = { ...regtest, heights: { ...regtest.heights, segwit: 100 } };
    const { call } = await bitcoinNode({ network });
    const template = await call<Record<string, unknown>>("getblocktemplate", RULES);
    assert.deepEqual([template.rules, template.sigoplimit, template.sizelimit], [["csv"], 20_000, 1_000_000]);
    assert.ok(!("weightlimit" in template) && !("default_witness_commitment" in template));
  });

  test("the first block of a period is no more than ten minutes before its parent (BIP94)", async () => {
    const { call, bitcoin, clock, miner } = await bitcoinNode();
    const { signal } = new AbortController();
    await miner.mine(ANYONE, { count: 142, maxTries: 10_000, submit: true, signal });
    clock.advance(7_000_000);
    await miner.mine(ANYONE, { count: 1, maxTries: 10_000, submit: true, signal });
    clock.advance(-5_000_000);
    const { mintime, curtime } = await call<{ mintime: number; curtime: number }>("getblocktemplate", RULES);
    assert.equal(mintime, bitcoin.headers.time(bitcoin.tip) - 600);
    assert.equal(curtime, mintime);
  });

  test("tells of rules that are voted on, and votes for them", async () => {
    const { call, mine } = await bitcoinNode();
    await mine(143);
    const started = await call<Record<string, unknown>>("getblocktemplate", RULES);
    assert.deepEqual([started.version, started.vbavailable], [0x3000_0000, { testdummy: 28 }]);
    await mine(144);
    const locked = await call<Record<string, unknown>>("getblocktemplate", RULES);
    assert.deepEqual([locked.version, locked.vbavailable], [0x3000_0000, { testdummy: 28 }]);
    await mine(144);
    const active = await call<Record<string, unknown>>("getblocktemplate", RULES);
    assert.deepEqual([active.version, active.vbavailable], [0x2000_0000, {}]);
    assert.deepEqual(active.rules, ["csv", "!segwit", "taproot", "testdummy"]);
  });

  test("without the rule, in another mode, not connected, on a signet", async () => {
    const { failure } = await bitcoinNode();
    const segwit = 'getblocktemplate must be called with the segwit rule set (call with {"rules": ["segwit"]})';
    assert.deepEqual(await failure("getblocktemplate", {}), { code: -8, message: segwit });
    assert.deepEqual(await failure("getblocktemplate", { rules: [] }), { code: -8, message: segwit });
    assert.equal((await failure("getblocktemplate", { rules: [1] })).code, -3);
    for (const mode of ["other", 1]) {
      assert.deepEqual(await failure("getblocktemplate", { ...RULES, mode }), { code: -8, message: "Invalid mode" });
    }
    assert.equal((await failure("getblocktemplate")).code, -1);
    const main = await bitcoinNode({ network: mainnet });
    assert.equal((await main.failure("getblocktemplate", RULES)).code, -9);
    main.peers.push(peerView(1));
    assert.equal((await main.failure("getblocktemplate", RULES)).code, -10);
    const signed = await bitcoinNode({ network: signet });
    assert.match((await signed.failure("getblocktemplate", RULES)).message, /with the signet rule set/);
    const template = await signed.call<Record<string, unknown>>("getblocktemplate", { rules: ["segwit", "signet"] });
    assert.deepEqual(template.rules, ["csv", "!segwit", "taproot", "!signet"]);
    assert.equal(template.signet_challenge, toHex(signet.signetChallenge));
  });

  test("with the id of an older tip it answers at once, with that of the tip when that moves", async () => {
    const { call, failure, mine } = await bitcoinNode();
    await mine(1);
    const { longpollid } = await call<{ longpollid: string }>("getblocktemplate", RULES);
    let isAnswered = false;
    const waiting = call<{ height: number }>("getblocktemplate", { ...RULES, longpollid }).finally(() =>
      isAnswered = true
    );
    await call("getblockcount");
    assert.equal(isAnswered, false);
    await mine(1);
    assert.equal((await waiting).height, 3);
    assert.equal((await call<{ height: number }>("getblocktemplate", { ...RULES, longpollid })).height, 3);
    assert.equal((await failure("getblocktemplate", { ...RULES, longpollid: "12" })).code, -8);
  });
});

/** A node with spendable coins, and a block that would be its next, not solved. */
async function proposals() {
  const node = await bitcoinNode({ validator });
  const blocks = await node.mine(101);
  const unsolved = () => node.miner.assemble(ANYONE);
  const propose = (block: Block, raw = block.raw) =>
    node.call<string | null>("getblocktemplate", { mode: "proposal", data: toHex(raw) });
  const withHeader = (change: Partial<BlockHeader>) => {
    const { header, transactions } = unsolved();
    return propose(Block.of({ ...header, ...change }, transactions));
  };
  const withCoinbase = (change: (coinbase: Transaction) => Partial<TransactionParts>) => {
    const { header, transactions: [coinbase] } = unsolved();
    const { version, inputs, outputs, lockTime } = coinbase!;
    const changed = Transaction.of({ version, inputs, outputs, lockTime, ...change(coinbase!) });
    return propose(Block.of({ ...header, merkleRoot: changed.txid }, [changed]));
  };
  return { ...node, blocks, unsolved, propose, withHeader, withCoinbase };
}

// The words are those of bitcoind 31: its functional test mining_basic.py.
describe("getblocktemplate in mode proposal", () => {
  test("takes a block that would do, solved or not, and keeps nothing of it", async () => {
    const { propose, unsolved, miner, call, bitcoin, withHeader } = await proposals();
    const block = unsolved();
    assert.equal(await propose(block), null);
    assert.equal(await withHeader({ nonce: 5 }), null);
    const { block: solved } = await miner.solve(block, 10_000, new AbortController().signal);
    assert.equal(await propose(solved!), null);
    assert.equal(bitcoin.headers.find(solved!.hash), -1);
    assert.equal(await call("getblockcount"), 101);
    assert.equal(await call("submitblock", toHex(solved!.raw)), null);
    assert.equal(await propose(solved!), "duplicate");
  });

  test("names the rule that the block breaks", async () => {
    const { propose, unsolved, blocks, withHeader, withCoinbase } = await proposals();
    assert.equal(await withHeader({ prevBlockHash: new Uint8Array(32).fill(7) }), "inconclusive-not-best-prevblk");
    assert.equal(await withHeader({ prevBlockHash: blocks[3]!.hash }), "inconclusive-not-best-prevblk");
    assert.equal(await withHeader({ merkleRoot: new Uint8Array(32).fill(7) }), "bad-txnmrklroot");
    assert.equal(await withHeader({ bits: 0x207f_fffe }), "bad-diffbits");
    assert.equal(await withHeader({ time: 2 ** 32 - 1 }), "time-too-new");
    assert.equal(await withHeader({ time: 0 }), "time-too-old");
    assert.equal(await withHeader({ version: 1 }), "bad-version(0x00000001)");
    assert.equal(
      await withCoinbase(() => ({
        lockTime: 500,
        inputs: [{ ...unsolved().transactions[0]!.inputs[0]!, sequence: 0 }],
      })),
      "bad-txns-nonfinal",
    );
    assert.equal(
      await withCoinbase(({ outputs }) => ({
        outputs: [{ ...outputs[0]!, value: 1n + outputs[0]!.value }, ...outputs.slice(1)],
      })),
      "bad-cb-amount",
    );
    assert.equal(
      await withCoinbase(({ inputs }) => ({ inputs: [{ ...inputs[0]!, scriptSig: Uint8Array.of(1, 9, 0) }] })),
      "bad-cb-height",
    );
    assert.equal(
      await withCoinbase(({ inputs }) => ({ inputs: [{ ...inputs[0]!, scriptSig: Uint8Array.of(0x51) }] })),
      "bad-cb-length",
    );
    const { header, transactions } = unsolved();
    assert.equal(await propose(Block.of(header, [...transactions, ...transactions])), "bad-txnmrklroot");
  });

  test("knows blocks that it has: connected, invalid, or beside the chain", async () => {
    const { propose, blocks, call, mine } = await proposals();
    await call("invalidateblock", toDisplayHex(blocks[99]!.hash));
    assert.deepEqual(await Promise.all([blocks[98]!, blocks[100]!].map((each) => propose(each))), [
      "duplicate",
      "duplicate-invalid",
    ]);
    const other = await bitcoinNode({ validator });
    for (const block of blocks.slice(0, 99)) await other.call("submitblock", toHex(block.raw));
    await mine(2, Uint8Array.of(0x52));
    const [beside] = await other.mine(1, Uint8Array.of(0x53));
    assert.equal(await call("submitblock", toHex(beside!.raw)), "inconclusive");
    assert.equal(await propose(beside!), "duplicate-inconclusive");
  });

  test("without data, with data that is no block", async () => {
    const { failure } = await proposals();
    const missing = { code: -3, message: "Missing data String key for proposal" };
    assert.deepEqual(await failure("getblocktemplate", { mode: "proposal" }), missing);
    assert.deepEqual(await failure("getblocktemplate", { mode: "proposal", data: 1 }), missing);
    const broken = { code: -22, message: "Block decode failed" };
    for (const data of ["", "00ff", "zz"]) {
      assert.deepEqual(await failure("getblocktemplate", { mode: "proposal", data }), broken);
    }
  });

  test("a signet's proposal needs no signature", async () => {
    const node = await bitcoinNode({ network: signet, validator });
    const data = toHex(node.miner.assemble(ANYONE).raw);
    assert.equal(await node.call("getblocktemplate", { mode: "proposal", data }), null);
  });
});
