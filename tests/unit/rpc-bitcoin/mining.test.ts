import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fullValidator } from "../../../lib/bitcoin/chain/full-validator.ts";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { Block, headerToBytes, Transaction } from "../../../lib/bitcoin/types/mod.ts";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { signet } from "../../../lib/bitcoin/networks/mod.ts";
import { ADDRESS, bitcoinNode } from "./support.ts";

const validator = fullValidator({ workers: new InlineWorkers(), engine: "wide" });

/** Spends the first output of a transaction that anybody may spend. */
function spend({ txid }: Transaction, value: bigint): Transaction {
  const prevout = { txid, vout: 0 };
  return Transaction.of({
    version: 2,
    inputs: [{ prevout, scriptSig: new Uint8Array(), sequence: 0xffff_ffff, witness: [] }],
    outputs: [{ value, scriptPubKey: Uint8Array.of(0x51) }],
    lockTime: 0,
  });
}

describe("generating", () => {
  test("generatetoaddress pays the address, block on block", async () => {
    const { call } = await bitcoinNode();
    const hashes = await call<string[]>("generatetoaddress", 3, ADDRESS);
    assert.equal(hashes.length, 3);
    assert.equal(await call("getbestblockhash"), hashes[2]);
    const block = await call<{ tx: [{ vout: { scriptPubKey: { address: string } }[] }] }>("getblock", hashes[1], 2);
    assert.equal(block.tx[0].vout[0]!.scriptPubKey.address, ADDRESS);
    assert.deepEqual(await call("generatetoaddress", 0, ADDRESS), []);
    assert.deepEqual(await call("generatetoaddress", 1, ADDRESS, 0), [], "no hash may be tried");
  });

  test("generateblock gives the block back when it is not to be handed in", async () => {
    const { call, failure } = await bitcoinNode();
    const { hash, hex } = await call<{ hash: string; hex: string }>("generateblock", ADDRESS, [], false);
    assert.equal(await call("getblockcount"), 0);
    assert.equal(await call("submitblock", hex), null);
    assert.equal(await call("getbestblockhash"), hash);
    const next = await call<Record<string, unknown>>("generateblock", ADDRESS, []);
    assert.deepEqual(Object.keys(next), ["hash"]);
    assert.equal((await failure("generateblock", ADDRESS, [1])).code, -3);
  });

  test("generateblock takes transactions in their order, commits to their witnesses, and leaves their fees", async () => {
    const { call, mine } = await bitcoinNode({ validator });
    const blocks = await mine(101);
    const first = spend(blocks[0]!.transactions[0]!, 4_000_000_000n);
    const second = spend(first, 3_000_000_000n);
    const { hash } = await call<{ hash: string }>("generateblock", ADDRESS, [toHex(first.raw), toHex(second.raw)]);
    assert.equal(await call("getbestblockhash"), hash);
    const { tx } = await call<{ tx: string[] }>("getblock", hash);
    assert.deepEqual(tx.slice(1), [toDisplayHex(first.txid), toDisplayHex(second.txid)]);
    const block = Block.decode(fromHex(await call<string>("getblock", hash, 0)));
    assert.equal(block.transactions[0]!.outputs[0]!.value, 5_000_000_000n);
    assert.deepEqual(block.witnessCommitment(), { kind: "present", matches: true });
  });

  test("generateblock and generatetodescriptor pay to descriptors", async () => {
    const { call, failure } = await bitcoinNode();
    const paid = async (hash: string) =>
      toHex(Block.decode(fromHex(await call<string>("getblock", hash, 0))).transactions[0]!.outputs[0]!.scriptPubKey);
    const one = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    const program = "0014751e76e8199196d454941c45d1b3a323f1433bd6";
    for (const descriptor of [`wpkh(${one})`, `combo(${one})`]) {
      assert.equal(await paid((await call<{ hash: string }>("generateblock", descriptor, [])).hash), program);
    }
    const hashes = await call<string[]>("generatetodescriptor", 2, "raw(51)");
    assert.deepEqual(await Promise.all(hashes.map(paid)), ["51", "51"]);
    const told = async (...args: unknown[]) => {
      const { code, message } = await failure("generateblock", ...args);
      return `${code} ${message}`;
    };
    const extended =
      "tpubD6NzVbkrYhZ4WaWSyoBvQwbpLkojyoTZPRsgXELWz3Popb3qkjcJyJUGLnL4qHHoQvao8ESaAstxYSnhyswJ76uZPStJRJCTKvosUCJZL5B";
    const range = "-8 Ranged descriptor not accepted. Maybe pass through deriveaddresses first?";
    assert.equal(await told(`wpkh(${extended}/*)`, []), range);
    assert.equal(await told(`wpkh(${extended}/1h)`, []), "-5 Cannot derive script without private keys");
    for (const text of ["wpkh(1)", "nothing"]) {
      assert.equal(await told(text, []), "-5 Error: Invalid address or descriptor");
    }
  });

  // Bitcoin Core, rpc/mining.cpp (generateblock).
  test("generateblock names what is wrong with a transaction", async () => {
    const { call, failure, mine } = await bitcoinNode({ validator });
    const blocks = await mine(101);
    const coinbase = blocks[0]!.transactions[0]!;
    const told = async (...transactions: string[]) => {
      const { code, message } = await failure("generateblock", ADDRESS, transactions);
      return `${code} ${message}`;
    };
    const txid = toDisplayHex(coinbase.txid);
    assert.equal(await told(txid), `-5 Transaction ${txid} not in mempool.`);
    assert.equal(
      await told("00ff"),
      "-22 Transaction decode failed for 00ff. Make sure the tx has at least one input.",
    );
    const [first, second] = [spend(coinbase, 5n), spend(spend(coinbase, 5n), 4n)].map(({ raw }) => toHex(raw));
    assert.match(await told(second!, first!), /^-25 TestBlockValidity failed: bad-txns-inputs-missingorspent, /);
    assert.match(await told(first!, first!), /^-25 TestBlockValidity failed: bad-txns-inputs-missingorspent, /);
    const young = toHex(spend(blocks[2]!.transactions[0]!, 1n).raw);
    assert.match(await told(young), /^-25 TestBlockValidity failed: bad-txns-premature-spend-of-coinbase, /);
    const rich = toHex(spend(coinbase, 5_000_000_001n).raw);
    assert.match(await told(rich), /^-25 TestBlockValidity failed: bad-txns-in-belowout, /);
    assert.equal(await call("getblockcount"), 101);
  });

  test("a wrong address, another network, a node that makes no blocks", async () => {
    const { failure } = await bitcoinNode();
    assert.equal((await failure("generatetoaddress", 1, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")).code, -5);
    const elsewhere = await bitcoinNode({ network: signet });
    const { code, message } = await elsewhere.failure(
      "generatetoaddress",
      1,
      "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
    );
    assert.equal(code, -1);
    assert.match(message, /regtest/);
    const without = await bitcoinNode({ mines: false });
    assert.equal((await without.failure("generatetoaddress", 1, ADDRESS)).code, -1);
  });
});

describe("submitblock", () => {
  test("tells what became of the block", async () => {
    const { call, mine, failure } = await bitcoinNode();
    const blocks = await (await bitcoinNode()).mine(2);
    const [one, two] = blocks.map((block) => toHex(block.raw));
    assert.equal(await call("submitblock", one), null);
    assert.equal(await call("submitblock", one), "duplicate");
    await mine(2, Uint8Array.of(0x52));
    assert.equal(await call("submitblock", two), "inconclusive");
    for (const bad of ["", "00", "zz", one!.slice(0, 300)]) {
      assert.deepEqual(await failure("submitblock", bad), { code: -22, message: "Block decode failed" });
    }
  });

  test("names the rule that a block breaks", async () => {
    const { call, miner } = await bitcoinNode();
    const [mined] = await miner.mine(Uint8Array.of(0x51), {
      count: 1,
      maxTries: 1_000,
      submit: false,
      signal: new AbortController().signal,
    });
    const { header, transactions: [coinbase] } = Block.decode(mined!.raw);
    const outputs = [{ value: coinbase!.outputs[0]!.value, scriptPubKey: Uint8Array.of(0x52) }];
    const other = Transaction.of({ version: 2, inputs: coinbase!.inputs, outputs, lockTime: 0 });
    assert.equal(await call("submitblock", toHex(Block.of(header, [other]).raw)), "bad-txnmrklroot");
    const orphan = Block.of({ ...header, prevBlockHash: new Uint8Array(32).fill(7) }, [coinbase!]);
    assert.match(await call<string>("submitblock", toHex(orphan.raw)), /high-hash|prev-blk-not-found/);
  });

  // Bitcoin Core, rpc/mining.cpp (submitblock) with validation.cpp (ProcessNewBlock, AcceptBlock).
  test("calls a stored block a duplicate on whatever branch it is, and another body of it by its fault", async () => {
    const { call, mine, bitcoin } = await bitcoinNode();
    const [one, two] = await (await bitcoinNode()).mine(2);
    await mine(3, Uint8Array.of(0x52));
    for (const block of [one!, two!]) assert.equal(await call("submitblock", toHex(block.raw)), "inconclusive");
    for (const block of [one!, two!]) assert.equal(await call("submitblock", toHex(block.raw)), "duplicate");
    const [coinbase] = two!.transactions;
    const outputs = [{ value: coinbase!.outputs[0]!.value, scriptPubKey: Uint8Array.of(0x53) }];
    const changed = Transaction.of({ version: 2, inputs: coinbase!.inputs, outputs, lockTime: 0 });
    const other = toHex(Block.of(two!.header, [changed]).raw);
    assert.equal(await call("submitblock", other), "bad-txnmrklroot");
    assert.equal(await call("submitblock", toHex(two!.raw)), "duplicate");
    bitcoin.headers.markInvalid(bitcoin.headers.find(two!.hash));
    assert.equal(await call("submitblock", other), "bad-txnmrklroot");
    assert.equal(await call("submitblock", toHex(two!.raw)), "duplicate-invalid");
  });

  test("adds the reserved value that a miner left out of its coinbase", async () => {
    const { call, miner } = await bitcoinNode();
    const [mined] = await miner.mine(Uint8Array.of(0x51), {
      count: 1,
      maxTries: 1_000,
      submit: false,
      signal: new AbortController().signal,
    });
    const { header, transactions: [coinbase] } = Block.decode(mined!.raw);
    const bare = Block.of(header, [Transaction.decode(coinbase!.stripped)]);
    assert.ok(bare.size < mined!.raw.length);
    assert.equal(await call("submitblock", toHex(bare.raw)), null);
    assert.equal(await call("getblock", toDisplayHex(bare.hash), 0), toHex(mined!.raw));
  });

  test("a block without coinbase", async () => {
    const { failure, miner } = await bitcoinNode();
    const [mined] = await miner.mine(Uint8Array.of(0x51), {
      count: 1,
      maxTries: 1_000,
      submit: false,
      signal: new AbortController().signal,
    });
    const empty = Block.of(Block.decode(mined!.raw).header, []);
    assert.deepEqual(await failure("submitblock", toHex(empty.raw)), {
      code: -22,
      message: "Block does not start with a coinbase",
    });
  });
});

describe("submitheader", () => {
  test("takes a header whose parent is known", async () => {
    const { call, failure } = await bitcoinNode();
    const [one, two] = await (await bitcoinNode()).mine(2);
    const first = toHex(headerToBytes(one!.header));
    const second = toHex(headerToBytes(two!.header));
    assert.deepEqual(await failure("submitheader", second), {
      code: -25,
      message: `Must submit previous header (${toDisplayHex(one!.hash)}) first`,
    });
    assert.equal(await call("submitheader", first), null);
    assert.equal(await call("submitheader", second), null);
    const unworked = toHex(headerToBytes({ ...two!.header, bits: 0x1d00ffff }));
    assert.deepEqual(await failure("submitheader", unworked), { code: -25, message: "high-hash" });
    assert.equal((await failure("submitheader", first.slice(2))).code, -22);
  });

  test("reads no more than the header, as submitblock no more than the block", async () => {
    const { call } = await bitcoinNode();
    const [one, two] = await (await bitcoinNode()).mine(2);
    assert.equal(await call("submitheader", toHex(headerToBytes(one!.header)) + "00ff"), null);
    assert.equal(await call("submitblock", toHex(one!.raw) + "00ff"), null);
    assert.equal(await call("submitblock", toHex(two!.raw)), null);
    assert.equal(await call("getblock", toDisplayHex(one!.hash), 0), toHex(one!.raw), "stored without what followed");
  });
});
