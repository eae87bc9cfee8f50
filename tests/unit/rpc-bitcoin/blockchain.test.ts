import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toHex } from "../../../lib/codec/hex.ts";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { signet } from "../../../lib/bitcoin/networks/mod.ts";
import { Block } from "../../../lib/bitcoin/types/mod.ts";
import { settle } from "../rpc/support.ts";
import { ANYONE, bitcoinNode } from "./support.ts";

const GENESIS = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206";
const MERKLE_ROOT = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";
const TARGET = "7fffff" + "00".repeat(29);
const DIFFICULTY = 4.656542373906925e-10;

describe("a chain of genesis alone", () => {
  test("getblockheader", async () => {
    const { call } = await bitcoinNode();
    assert.deepEqual(await call("getblockheader", GENESIS), {
      hash: GENESIS,
      confirmations: 1,
      height: 0,
      version: 1,
      versionHex: "00000001",
      merkleroot: MERKLE_ROOT,
      time: 1296688602,
      mediantime: 1296688602,
      nonce: 2,
      bits: "207fffff",
      target: TARGET,
      difficulty: DIFFICULTY,
      chainwork: "2".padStart(64, "0"),
      nTx: 1,
    });
    const hex = await call<string>("getblockheader", GENESIS, false);
    assert.equal(hex.length, 160);
    assert.ok(hex.startsWith("01000000" + "00".repeat(32)));
  });

  test("getblock with every verbosity", async () => {
    const { call, failure } = await bitcoinNode();
    const raw = await call<string>("getblock", GENESIS, 0);
    assert.equal(raw.length, 570);
    assert.equal(await call("getblock", GENESIS, false), raw);
    const block = await call<Record<string, unknown>>("getblock", GENESIS);
    assert.deepEqual(block.tx, [MERKLE_ROOT]);
    assert.deepEqual([block.size, block.strippedsize, block.weight, block.nTx], [285, 285, 1140, 1]);
    assert.deepEqual(await call("getblock", GENESIS, true), block);
    const { tx: [coinbase] } = await call<{ tx: [Record<string, unknown>] }>("getblock", GENESIS, 2);
    assert.equal(coinbase.txid, MERKLE_ROOT);
    assert.deepEqual(Object.keys(coinbase), [
      "txid",
      "hash",
      "version",
      "size",
      "vsize",
      "weight",
      "locktime",
      "vin",
      "vout",
      "hex",
    ]);
    assert.deepEqual(coinbase.vin, [{
      coinbase: "04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272" +
        "696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73",
      sequence: 4294967295,
    }]);
    assert.deepEqual((await call<Record<string, unknown>>("getblock", GENESIS, 3)).tx, [coinbase]);
    assert.equal((await failure("getblock", GENESIS, "2")).code, -3);
  });

  test("getblockchaininfo", async () => {
    const { call, clock } = await bitcoinNode();
    assert.deepEqual(await call("getblockchaininfo"), {
      chain: "regtest",
      blocks: 0,
      headers: 0,
      bestblockhash: GENESIS,
      bits: "207fffff",
      target: TARGET,
      difficulty: DIFFICULTY,
      time: 1296688602,
      mediantime: 1296688602,
      verificationprogress: 1,
      initialblockdownload: true,
      chainwork: "2".padStart(64, "0"),
      size_on_disk: 285,
      pruned: false,
      warnings: [],
      validation: "structure",
    });
    assert.ok(clock.now() > 0);
  });

  test("the difficulty is printed with Core's digits", async () => {
    const { post } = await bitcoinNode();
    assert.equal(
      await (await post('{"method":"getdifficulty","id":1}')).text(),
      '{"result":4.656542373906925e-10,"error":null,"id":1}\n',
    );
  });
});

describe("a longer chain", () => {
  test("heights, hashes, confirmations and neighbours", async () => {
    const { call, failure, mine } = await bitcoinNode();
    const blocks = await mine(3);
    const hashes = blocks.map((block) => toDisplayHex(block.hash));
    assert.equal(await call("getblockcount"), 3);
    assert.equal(await call("getbestblockhash"), hashes[2]);
    assert.equal(await call("getblockhash", 2), hashes[1]);
    assert.equal((await failure("getblockhash", 4)).code, -8);
    assert.equal((await failure("getblockhash", -1)).code, -8);
    const middle = await call<Record<string, unknown>>("getblockheader", hashes[1]);
    assert.deepEqual(
      [middle.confirmations, middle.height, middle.previousblockhash, middle.nextblockhash],
      [2, 2, hashes[0], hashes[2]],
    );
    assert.equal(middle.versionHex, "20000000");
    assert.equal(middle.chainwork, "6".padStart(64, "0"));
    const tip = await call<Record<string, unknown>>("getblock", hashes[2]);
    assert.equal(tip.nextblockhash, undefined);
    const { coinbase_tx: coinbase } = tip as { coinbase_tx: Record<string, unknown> };
    assert.deepEqual(coinbase, {
      version: 2,
      locktime: 0,
      sequence: 4294967295,
      coinbase: toHex(blocks[2]!.transactions[0]!.inputs[0]!.scriptSig),
      witness: "00".repeat(32),
    });
    const info = await call<Record<string, unknown>>("getblockchaininfo");
    assert.deepEqual([info.blocks, info.headers, info.initialblockdownload], [3, 3, false]);
  });

  test("a branch that lost: confirmations −1, getchaintips", async () => {
    const { call, mine, bitcoin } = await bitcoinNode();
    const other = await bitcoinNode();
    const branch = await other.mine(2, Uint8Array.of(0x52));
    const main = await mine(3);
    for (const block of branch) assert.equal((await bitcoin.submitBlock(block.raw)).kind, "inconclusive");
    const header = await call<Record<string, unknown>>("getblockheader", toDisplayHex(branch[1]!.hash));
    assert.equal(header.confirmations, -1);
    assert.equal(header.nextblockhash, undefined);
    assert.equal(header.nTx, 1);
    assert.deepEqual(await call("getchaintips"), [
      { height: 3, hash: toDisplayHex(main[2]!.hash), branchlen: 0, status: "active" },
      { height: 2, hash: toDisplayHex(branch[1]!.hash), branchlen: 2, status: "valid-headers" },
    ]);
  });

  test("hashes that are none or not known", async () => {
    const { failure } = await bitcoinNode();
    assert.deepEqual(await failure("getblock", "00"), {
      code: -8,
      message: "blockhash must be of length 64 (not 2, for '00')",
    });
    const bad = "zz".repeat(32);
    assert.deepEqual(await failure("getblockheader", bad), {
      code: -8,
      message: `blockhash must be hexadecimal string (not '${bad}')`,
    });
    assert.deepEqual(await failure("getblock", "11".repeat(32)), { code: -5, message: "Block not found" });
    const { code, message } = await failure("getblock", 5);
    assert.equal(code, -3);
    assert.equal(
      message,
      'Wrong type passed:\n{\n    "Position 1 (blockhash)": ' +
        '"JSON value of type number is not of expected type string"\n}',
    );
  });

  test("a header whose block did not come", async () => {
    const { call, failure, bitcoin } = await bitcoinNode();
    const [block] = await (await bitcoinNode()).mine(1);
    assert.equal(await bitcoin.submitHeader(block!.raw.slice(0, 80)), undefined);
    const hash = toDisplayHex(block!.hash);
    const header = await call<Record<string, unknown>>("getblockheader", hash);
    assert.deepEqual([header.nTx, header.confirmations, header.height], [0, -1, 1]);
    assert.deepEqual(await failure("getblock", hash), {
      code: -1,
      message: "Block not available (not fully downloaded)",
    });
    const info = await call<Record<string, unknown>>("getblockchaininfo");
    assert.deepEqual([info.blocks, info.headers, info.verificationprogress], [0, 1, 0]);
  });

  test("a node that keeps headers says so", async () => {
    const { call, failure, bitcoin } = await bitcoinNode({ mode: "headers" });
    const [block] = await (await bitcoinNode()).mine(1);
    await bitcoin.submitHeader(block!.raw.slice(0, 80));
    await settle();
    const info = await call<Record<string, unknown>>("getblockchaininfo");
    assert.deepEqual([info.blocks, info.pruned, info.pruneheight, info.validation], [1, true, 2, "headers"]);
    assert.match((await failure("getblock", toDisplayHex(block!.hash))).message, /keeps headers only; --mode full/);
  });

  test("signet warns that blocks are not checked against its signature", async () => {
    const { call } = await bitcoinNode({ network: signet });
    const info = await call<Record<string, unknown>>("getblockchaininfo");
    assert.deepEqual(info.warnings, ["signet blocks are checked by proof of work only"]);
    assert.equal(info.signet_challenge, toHex(signet.signetChallenge));
    assert.ok((info.verificationprogress as number) < 0.001, "years are missing");
  });
});

describe("waiting", () => {
  test("waitfornewblock answers when the tip moves", async () => {
    const { call, mine } = await bitcoinNode();
    const waiting = call<{ hash: string; height: number }>("waitfornewblock");
    await settle();
    const [block] = await mine(1);
    assert.deepEqual(await waiting, { hash: toDisplayHex(block!.hash), height: 1 });
    assert.deepEqual(
      await call("waitfornewblock", 0, GENESIS),
      { hash: toDisplayHex(block!.hash), height: 1 },
      "at once, when the caller's tip is old",
    );
  });

  test("waitforblockheight and waitforblock answer at their block, not before", async () => {
    const { call, mine } = await bitcoinNode();
    const ahead = await (await bitcoinNode()).mine(2);
    let done = 0;
    const byHeight = call<{ height: number }>("waitforblockheight", 2).finally(() => done++);
    const byHash = call<{ hash: string }>("waitforblock", toDisplayHex(ahead[1]!.hash)).finally(() => done++);
    await settle();
    await mine(1);
    await settle();
    assert.equal(done, 0);
    await mine(1);
    assert.equal((await byHeight).height, 2);
    assert.equal((await byHash).hash, toDisplayHex(ahead[1]!.hash));
  });

  test("the time is up: the tip as it is", async () => {
    const { call, failure, clock } = await bitcoinNode();
    const waiting = call<{ height: number }>("waitforblockheight", 5, 1_000);
    await settle();
    clock.advance(1_000);
    assert.equal((await waiting).height, 0);
    assert.equal(clock.pending, 0, "no timer is left");
    assert.deepEqual(await failure("waitfornewblock", -1), { code: -1, message: "Negative timeout" });
  });

  test("whoever waits holds no place among the calls, and there is an end to it", async () => {
    const node = await bitcoinNode({ limits: { concurrency: 1, queue: 0, subscribersMax: 2 } });
    const gone = new AbortController();
    const waits: Promise<Response>[] = [];
    for (let i = 0; i < 2; i++) {
      waits.push(node.post('{"method":"waitfornewblock","id":1}', {}, gone.signal));
      await settle();
    }
    assert.equal(await node.call("getblockcount"), 0);
    assert.match((await node.failure("waitfornewblock")).message, /too many/);
    gone.abort();
    for (const wait of waits) assert.equal((await wait).status, 200);
    const again = node.call<{ height: number }>("waitfornewblock");
    await settle();
    await node.mine(1);
    assert.equal((await again).height, 1, "the places are free again");
  });

  test("a wait outlasts the time that other calls have, and ends when the listener does", async () => {
    const { call, clock, app } = await bitcoinNode();
    let isDone = false;
    const waiting = call<{ height: number }>("waitfornewblock").finally(() => (isDone = true));
    await settle();
    clock.advance(3_600_000);
    await settle();
    assert.equal(isDone, false);
    app.close();
    assert.equal((await waiting).height, 0);
  });
});

test("blocks come back as they were mined", async () => {
  const { call, mine } = await bitcoinNode();
  const [block] = await mine(1);
  const raw = await call<string>("getblock", toDisplayHex(block!.hash), 0);
  assert.equal(raw, toHex(block!.raw));
  assert.equal(toHex(Block.decode(block!.raw).transactions[0]!.outputs[0]!.scriptPubKey), toHex(ANYONE));
});
