import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChiaChain } from "../../../lib/chia/chain/chain.ts";
import { fetchBlock } from "../../../lib/chia/sync/requests.ts";
import { forkPoint } from "../../../lib/chia/sync/fork-point.ts";
import { rejectBlock, requestBlock, respondBlock } from "../../../lib/chia/protocol/mod.ts";
import type { ChiaSession } from "../../../lib/chia/peers/session.ts";
import { candidateOf, recordedBlocks } from "../chia-chain/chain-1200.ts";

const TOP = 70;
const theirs = recordedBlocks().slice(0, TOP + 1).map(candidateOf);

/** Looks for the fork of a chain that shares the blocks up to `fork` with a peer that has `count` of them. */
async function search(fork: number, count = theirs.length) {
  let asked = 0;
  const chain = {
    hashAt: (height: number) =>
      Promise.resolve(height <= fork ? theirs[height]?.headerHash : new Uint8Array(32).fill(height)),
  } as unknown as ChiaChain;
  const session = {
    request: (message: typeof requestBlock, body: { height: number }) => {
      asked += 1;
      assert.equal(message.id, requestBlock.id);
      const raw = body.height < count ? theirs[body.height]?.raw : undefined;
      const data = raw ?? rejectBlock.body.encode({ height: body.height });
      return Promise.resolve({ message: raw === undefined ? rejectBlock : respondBlock, id: 0, data });
    },
  } as unknown as ChiaSession;
  return { found: await forkPoint(chain, (height) => fetchBlock(session, height, false, 1_000), TOP), asked };
}

test("forkPoint() finds every fork from the tip to before genesis, with few questions", async () => {
  for (let fork = -1; fork <= TOP; fork++) {
    const { found, asked } = await search(fork);
    assert.equal(found, fork);
    const most = 3 + 2 * Math.ceil(Math.log2(TOP - fork + 1));
    assert.ok(asked <= most, `fork ${fork}: ${asked} questions, at most ${most}`);
  }
});

test("forkPoint() takes blocks that the peer lacks for such that it does not share", async () => {
  assert.equal((await search(TOP, 33)).found, 32);
});
