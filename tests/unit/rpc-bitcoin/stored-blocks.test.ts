import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { headerToBytes } from "../../../lib/bitcoin/types/mod.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { Block, HEADER_BYTES } from "../../../lib/bitcoin/types/mod.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { clock, openThread } from "#platform";
import type { Job, Workers } from "../../../lib/core/ports.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { ThreadPool } from "../../../lib/core/work/thread-pool.ts";
import { decodedTransactions } from "../../../lib/rpc/bitcoin/block-json.ts";
import { rpcText } from "../../../lib/rpc/bitcoin/json.ts";
import { bitcoinNode } from "./support.ts";

const misc = (message: string) => ({ code: -1, message });
const wrong = (message: string) => ({ code: -8, message });

describe("pruneblockchain", () => {
  test("only where the node prunes, and where the chain is long enough", async () => {
    const { failure } = await bitcoinNode();
    assert.deepEqual(
      await failure("pruneblockchain", 1),
      misc("Cannot prune blocks because node is not in prune mode."),
    );
    const pruned = await bitcoinNode({ pruneTarget: 1 << 30 });
    assert.deepEqual(await pruned.failure("pruneblockchain", 0), misc("Blockchain is too short for pruning."));
    assert.deepEqual(await pruned.failure("pruneblockchain", -1), wrong("Negative block height."));
    assert.deepEqual(
      await pruned.failure("pruneblockchain", 2_000_000_000),
      wrong("Could not find block with at least the specified timestamp."),
    );
  });

  test("drops blocks up to a height or a time, and answers with the last that is gone", async () => {
    const { call, failure, mine, node } = await bitcoinNode({ pruneTarget: 1 << 30 });
    await mine(1_000);
    assert.deepEqual(
      await failure("pruneblockchain", 1_001),
      wrong("Blockchain is shorter than the attempted prune height."),
    );
    assert.equal(await call("pruneblockchain", 100), 100);
    assert.equal((await call<{ pruneheight: number }>("getblockchaininfo")).pruneheight, 101);
    // Two hours are taken off the time, in which 120 blocks were made.
    assert.equal(await call("pruneblockchain", node.service.headers.time(400)), 280);
    assert.equal(await call("pruneblockchain", 1_000), 711, "the last 288 stay");
  });
});

describe("getblockfrompeer", () => {
  test("has Core's errors, and asks the peer", async () => {
    const asked: unknown[] = [];
    const fetchBlock = (
      row: number,
      id: number,
    ) => (asked.push([row, id]), id === 1 ? undefined : "Peer does not exist");
    const { call, failure } = await bitcoinNode({ overrides: { fetchBlock } });
    const [one] = await (await bitcoinNode()).mine(1);
    const hash = toDisplayHex(one!.hash);
    assert.deepEqual(await failure("getblockfrompeer", hash, 1), misc("Block header missing"));
    await call("submitheader", toHex(headerToBytes(one!.header)));
    assert.deepEqual(await failure("getblockfrompeer", hash, 2), misc("Peer does not exist"));
    assert.deepEqual(await call("getblockfrompeer", hash, 1), {});
    assert.deepEqual(asked, [[1, 2], [1, 1]]);
    await call("submitblock", toHex(one!.raw));
    assert.deepEqual(await failure("getblockfrompeer", hash, 1), misc("Block already downloaded"));
    assert.equal((await failure("getblockfrompeer", "00", 1)).code, -8);
    const pruned = await bitcoinNode({ pruneTarget: 1 << 30 });
    await pruned.call("submitheader", toHex(headerToBytes(one!.header)));
    assert.deepEqual(
      await pruned.failure("getblockfrompeer", hash, 1),
      misc("In prune mode, only blocks that the node has already synced previously can be fetched from a peer"),
    );
  });
});

describe("decodedTransactions()", () => {
  /** A block of the same transaction again and again: nothing here asks whether it is a good one. */
  async function blockOf(count: number): Promise<Block> {
    const [mined] = await (await bitcoinNode()).mine(1);
    const { raw } = mined!;
    const [head, transaction] = [raw.subarray(0, HEADER_BYTES), raw.subarray(HEADER_BYTES + 1)];
    const copies = Array.from({ length: count }, () => transaction);
    return Block.decode(new Uint8Array([...head, count, ...copies.flatMap((each) => [...each])]));
  }
  const signal = new AbortController().signal;

  test("gives the same text from a thread, from a job inline and in pieces; few transactions need no thread", async () => {
    const worker = new URL("../../../lib/worker.ts", import.meta.url);
    const pool = new ThreadPool({ threadsMax: 1, clock, open: (events) => openThread(worker, events) });
    try {
      const block = await blockOf(120);
      const here = await decodedTransactions(block, regtest, { clock, workers: new InlineWorkers(), signal });
      const there = await decodedTransactions(block, regtest, { clock, workers: pool, signal });
      assert.equal(rpcText(there), rpcText(here));
      assert.equal(JSON.parse(rpcText(there)).length, 120);
      assert.equal(pool.counts.done, 1);
      await decodedTransactions(await blockOf(50), regtest, { clock, workers: pool, signal });
      assert.equal(pool.counts.done, 1);
    } finally {
      await pool.close();
    }
  });

  test("passes the caller's signal on", async () => {
    const signals: unknown[] = [];
    const workers: Workers = Object.assign(new InlineWorkers(), {
      threadsMax: 1,
      run: <In, Out>(_job: Job<In, Out>, _input: In, given?: AbortSignal) => {
        signals.push(given);
        return Promise.resolve("[]" as Out);
      },
    });
    await decodedTransactions(await blockOf(51), regtest, { clock, workers, signal });
    assert.deepEqual(signals, [signal]);
  });
});
