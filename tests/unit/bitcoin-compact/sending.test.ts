import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Bandwidth } from "../../../lib/bitcoin/compact/bandwidth.ts";
import { CompactSending, type CompactSendingParts } from "../../../lib/bitcoin/compact/sending.ts";
import { CompactStatistics } from "../../../lib/bitcoin/compact/statistics.ts";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import type { BitcoinPeer } from "../../../lib/bitcoin/peers/peer.ts";
import { Block } from "../../../lib/bitcoin/types/mod.ts";
import { CmpctBlock } from "../../../lib/bitcoin/wire/mod.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { numbered } from "./listed-pool.ts";

const ZERO = new Uint8Array(32);

/** The block of a row; rows are heights. */
function blockAt(row: number, other = 0): Block {
  const transaction = numbered(1_000 * other + row);
  return Block.of(
    { version: 4, prevBlockHash: ZERO, merkleRoot: transaction.txid, time: row, bits: 0x207f_ffff, nonce: other },
    [transaction],
  );
}

/** A peer that has all blocks up to `tip`. */
function peerOf({ tip = 99, commonVersion = 70_016 } = {}) {
  const got: string[] = [];
  const heard: number[] = [];
  const peer = {
    knowledge: {
      has: (_: unknown, row: number) => row <= tip,
      hearsOfTip: (row: number) => void heard.push(row),
    },
    session: {
      peer: { commonVersion },
      sendBytes: (message: unknown, payload: Uint8Array) => {
        assert.equal(message, CmpctBlock);
        got.push(toDisplayHex(Block.of(CmpctBlock.decode(payload).header, []).hash));
        return Promise.resolve();
      },
    },
  } as unknown as BitcoinPeer;
  return { peer, got, heard };
}

/** A node at height 100, whose store has the blocks up to there. */
function scene(...peers: readonly BitcoinPeer[]) {
  const terms = { isInitial: false, isNear: true, isWanted: true, tip: 99, segwit: 0 };
  const reads: number[] = [];
  const chain = {
    headers: { height: (row: number) => Math.min(row, 500), parent: (row: number) => row - 1 },
    network: {
      heights: {
        get segwit() {
          return terms.segwit;
        },
      },
    },
    get tip() {
      return terms.tip;
    },
    blocks: {
      read: (row: number) => {
        reads.push(row);
        return Promise.resolve(row <= terms.tip ? blockAt(row) : undefined);
      },
    },
  } as unknown as CompactSendingParts["chain"];
  const statistics = new CompactStatistics();
  const sending = new CompactSending({
    ...{ chain, statistics, random: new SeededRandom(1), peers: () => peers },
    bandwidth: { wants: () => terms.isWanted } as unknown as Bandwidth,
    initialBlockDownload: () => terms.isInitial,
    isNear: () => terms.isNear,
  });
  return { reads, sending, statistics, terms };
}

const name = (block: Block) => toDisplayHex(block.hash);

describe("CompactSending", () => {
  test("announces what extends the tip once, to those that have its parent and not the block", () => {
    const [peer, ahead, behind, old] = [
      peerOf(),
      peerOf({ tip: 100 }),
      peerOf({ tip: 98 }),
      peerOf({ commonVersion: 70_014 }),
    ];
    const least = peerOf({ commonVersion: 70_015 });
    const { sending, statistics } = scene(...[peer, ahead, behind, old, least].map((each) => each.peer));
    const block = blockAt(100);
    sending.extending(100, block);
    sending.extending(100, block);
    sending.extending(100, blockAt(100, 1));
    assert.deepEqual([peer, ahead, behind, old, least].map(({ got }) => got), [
      [name(block)],
      [],
      [],
      [],
      [name(block)],
    ]);
    assert.deepEqual(peer.heard, [100]);
    assert.equal(statistics.announced, 2);
    assert.equal(sending.recent(100), block);
    assert.equal(sending.recent(99), undefined);
  });

  test("announces nothing during the initial download, of a height before segwit, or to peers that do not want it", () => {
    const { peer, got } = peerOf();
    const { sending, terms } = scene(peer);
    terms.isInitial = true;
    sending.extending(100, blockAt(100));
    Object.assign(terms, { isInitial: false, segwit: 101 });
    sending.extending(100, blockAt(100));
    assert.equal(sending.recent(100), undefined);
    Object.assign(terms, { segwit: 100, isWanted: false });
    sending.extending(100, blockAt(100));
    assert.deepEqual(got, []);
  });

  test("announces a tip that it reads once, to those who want that", async () => {
    const { peer, got } = peerOf();
    const { reads, sending, statistics, terms } = scene();
    assert.equal(sending.announceTip(peer, 99), true);
    await Promise.resolve().then(() => {}).then(() => {});
    assert.equal(sending.announceTip(peer, 99), true);
    assert.equal(sending.announceTip(peer, 150), true);
    await Promise.resolve().then(() => {}).then(() => {});
    assert.deepEqual([got, reads], [[name(blockAt(99)), name(blockAt(99))], [99, 150]]);
    terms.isWanted = false;
    assert.equal(sending.announceTip(peer, 99), false);
    assert.equal(statistics.announced, 2);
  });

  test("gives what it has, read once, and says when it has it not", async () => {
    const { peer, got } = peerOf();
    const { reads, sending, statistics } = scene();
    assert.equal(await sending.give(peer, 98), true);
    assert.equal(await sending.give(peer, 98), true);
    assert.equal(await sending.give(peer, 97), true);
    assert.equal(await sending.give(peer, 101), false);
    assert.deepEqual(got, [98, 98, 97].map((row) => name(blockAt(row))));
    assert.deepEqual([reads, statistics.answered], [[98, 97, 101], 3]);
  });

  test("gives the last blocks in this form, while its tip is young", () => {
    const { sending, terms } = scene();
    assert.deepEqual([99, 94, 93].map((row) => sending.isGiven(row)), [true, true, false]);
    terms.isNear = false;
    assert.equal(sending.isGiven(99), false);
  });

  test("keeps and encodes no block that no peer wants to hear of", () => {
    const { sending, terms } = scene(peerOf().peer);
    terms.isWanted = false;
    sending.extending(100, blockAt(100));
    assert.equal(sending.recent(100), undefined);
    terms.isWanted = true;
    sending.extending(101, blockAt(101));
    assert.equal(sending.recent(101), undefined, "the peer has not the block before");
  });
});
