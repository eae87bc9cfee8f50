import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { headerToBytes } from "../../../lib/bitcoin/types/mod.ts";
import { toHex } from "../../../lib/codec/hex.ts";
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
