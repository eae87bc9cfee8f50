/** What a peer may answer when it is asked for blocks, and what each other answer costs it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import type { PeerFault } from "../../../lib/chia/peers/faults.ts";
import type { ChiaSession } from "../../../lib/chia/peers/session.ts";
import { rejectBlock, rejectBlocks, respondBlock, respondBlocks } from "../../../lib/chia/protocol/mod.ts";
import { fetchBlock, fetchRange } from "../../../lib/chia/sync/requests.ts";
import { FullBlock } from "../../../lib/chia/types/mod.ts";
import { recordedBlocks } from "../chia-chain/chain-1200.ts";

const blocks = recordedBlocks().slice(0, 20).map((raw) => FullBlock.decode(raw));
const RANGE = { start: 4, end: 7 };

/** A session that gives one answer, and notes what its peer is blamed for. */
function answering(message: { readonly id: number }, data: Uint8Array) {
  const blamed: PeerFault[] = [];
  const session = {
    request: () => Promise.resolve({ message, data }),
    fail: (fault: PeerFault) => void blamed.push(fault),
  } as unknown as ChiaSession;
  return { session, blamed };
}

const range = (from: number, to: number, startHeight = 4, endHeight = 7) =>
  respondBlocks.body.encode({ startHeight, endHeight, blocks: blocks.slice(from, to + 1) });

describe("fetchRange()", () => {
  test("gives the blocks of the range, whatever heights the answer says it has", async () => {
    for (const data of [range(4, 7), range(4, 7, 0, 99)]) {
      const { session, blamed } = answering(respondBlocks, data);
      const given = await fetchRange(session, RANGE, 1_000);
      assert.deepEqual(given.map(({ block }) => block.rewardChainBlock.height), [4, 5, 6, 7]);
      assert.deepEqual(blamed, []);
    }
  });

  const swapped = respondBlocks.body.encode({
    startHeight: 4,
    endHeight: 7,
    blocks: [4, 6, 5, 7].map((height) => blocks[height]!),
  });
  const wrong: readonly [what: string, data: Uint8Array, offence: string][] = [
    ["a range that begins too high", range(5, 8), "consensus"],
    ["a range that begins too low", range(3, 6), "consensus"],
    ["too few blocks", range(4, 6), "consensus"],
    ["too many blocks", range(4, 8), "consensus"],
    ["none at all", range(4, 3), "consensus"],
    ["blocks out of order", swapped, "consensus"],
    ["bytes after the last block", Uint8Array.of(...range(4, 7), 0), "malformed_body"],
    ["a block cut short", range(4, 7).subarray(0, -1), "malformed_body"],
  ];
  for (const [what, data, offence] of wrong) {
    test(`blames a peer that answers with ${what}`, async () => {
      const { session, blamed } = answering(respondBlocks, data);
      const thrown = await fetchRange(session, RANGE, 1_000).then(() => undefined, (error) => error);
      assert.deepEqual(blamed.map((fault) => fault.offence), [offence]);
      assert.equal(thrown, blamed[0]);
    });
  }

  test("blames nobody for a refusal", async () => {
    const { session, blamed } = answering(rejectBlocks, rejectBlocks.body.encode({ startHeight: 4, endHeight: 7 }));
    await assert.rejects(fetchRange(session, RANGE, 1_000), (error) => (error as NodeError).code === "refused");
    assert.deepEqual(blamed, []);
  });
});

describe("fetchBlock()", () => {
  for (const height of [3, 5]) {
    test(`blames a peer that gives block 4 when ${height} was asked for`, async () => {
      const { session, blamed } = answering(respondBlock, FullBlock.encode(blocks[4]!));
      await assert.rejects(fetchBlock(session, height, true, 1_000));
      assert.deepEqual(blamed.map(({ code, offence }) => [code, offence]), [["INVALID_HEIGHT", "consensus"]]);
    });
  }

  test("gives nothing, and blames nobody, when the peer has no such block", async () => {
    const { session, blamed } = answering(rejectBlock, rejectBlock.body.encode({ height: 4 }));
    assert.equal(await fetchBlock(session, 4, true, 1_000), undefined);
    assert.deepEqual(blamed, []);
  });
});
