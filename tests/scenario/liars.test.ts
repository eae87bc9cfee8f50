/** Stories of peers that lie, and of chains that part. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toHex } from "../../lib/codec/hex.ts";
import { LinkageValidator } from "../../lib/chia/chain/linkage.ts";
import type { BlockValidator } from "../../lib/chia/chain/validator.ts";
import type { Candidate } from "../../lib/chia/chain/verdict.ts";
import {
  newPeak,
  rejectBlock,
  rejectBlocks,
  requestBlock,
  requestBlocks,
  respondBlock,
} from "../../lib/chia/protocol/mod.ts";
import { candidateOf } from "../../lib/chia/chain/raw-blocks.ts";
import type { ChiaSession, Incoming } from "../../lib/chia/peers/session.ts";
import { FullBlock, RewardChainBlock, RewardChainBlockUnfinished } from "../../lib/chia/types/mod.ts";
import { hashAt, network, recorded, tipOf, World } from "./world.ts";

const LIAR = "10.0.0.66";

/** Announces a tip. */
const claim =
  (height: number, weight: bigint, headerHash: Uint8Array = new Uint8Array(32).fill(0x66)) => (session: ChiaSession) =>
    session.send(newPeak, {
      headerHash,
      height,
      weight,
      forkPointWithPreviousPeak: Math.max(0, height - 1),
      unfinishedRewardBlockHash: new Uint8Array(32),
    });

/** Answers like a node that has these blocks and no others. */
const holding = (blocks: ReadonlyMap<number, Uint8Array>) => async (session: ChiaSession, incoming: Incoming) => {
  if (incoming.message.id === requestBlock.id) {
    const { height } = requestBlock.body.decode(incoming.data);
    const raw = blocks.get(height);
    if (raw === undefined) await session.send(rejectBlock, { height }, incoming.id);
    else await session.sendBytes(respondBlock, raw, incoming.id);
  } else if (incoming.message.id === requestBlocks.id) {
    const { startHeight, endHeight } = requestBlocks.body.decode(incoming.data);
    await session.send(rejectBlocks, { startHeight, endHeight }, incoming.id);
  }
};
const rawsUpTo = (to: number) => new Map(recorded(0, to).map(({ raw }, height) => [height, raw]));

/** A recorded block changed, and its hashes above the change made right. */
function forged(
  height: number,
  change: (block: FullBlock) => Partial<FullBlock["rewardChainBlock"]>,
  prev?: Uint8Array,
): Candidate {
  const [original] = recorded(height, height + 1);
  assert.ok(original);
  const { block } = original;
  const rewardChainBlock = { ...block.rewardChainBlock, ...change(block) };
  const foliage = {
    ...block.foliage,
    prevBlockHash: prev ?? block.foliage.prevBlockHash,
    rewardBlockHash: RewardChainBlock.hash(rewardChainBlock),
    foliageBlockData: {
      ...block.foliage.foliageBlockData,
      unfinishedRewardBlockHash: RewardChainBlockUnfinished.hash(rewardChainBlock),
    },
  };
  return candidateOf(FullBlock.encode({ ...block, rewardChainBlock, foliage }));
}

/** A follower of an honest node of 60 blocks and of a liar. */
async function betrayed(world: World) {
  const honest = await world.node("10.0.0.1", { blocks: 60 });
  const follower = await world.node("10.0.0.9", { connect: [honest.host, LIAR] });
  return { honest, follower };
}

describe("a peer that lies", () => {
  const lies: readonly [what: string, height: number, has: number][] = [
    ["a block just above that it does not have", 62, 60],
    ["a block far above that it does not have", 5_000, 60],
    ["another block than the one at that height", 59, 60],
    ["a block although it has none at all", 3, 0],
  ];
  for (const [what, height, has] of lies) {
    test(`announces ${what}: it is banned for 600 s, and the rest goes on`, async () => {
      const world = new World();
      const end = await world.actor(LIAR, holding(rawsUpTo(has)), claim(height, 10n ** 12n));
      const { honest, follower } = await betrayed(world);
      await world.until(() => follower.banOf(LIAR) !== undefined, 60_000);
      assert.deepEqual(follower.banOf(LIAR)?.seconds, 600);
      assert.match(follower.banOf(LIAR)?.reason ?? "", /does not deliver/);
      await world.clock.until(honest.node.feed(recorded(60, 63)));
      await world.until(() => tipOf(follower) === hashAt(62));
      assert.equal(follower.service.peers().length, 1);
      await end();
      await world.end();
    });
  }

  test("announces a weight that the block does not have: it is banned at once", async () => {
    const world = new World();
    const [tip] = recorded(59, 60);
    const end = await world.actor(LIAR, holding(rawsUpTo(60)), claim(59, 10n ** 12n, tip?.headerHash));
    const { follower } = await betrayed(world);
    await world.until(() => follower.banOf(LIAR) !== undefined, 4_000);
    assert.match(follower.banOf(LIAR)?.reason ?? "", /weight/);
    await world.until(() => follower.height() === 59);
    await end();
    await world.end();
  });

  test("announces a wrong weight far above: it is banned before anything is fetched from it", async () => {
    const world = new World();
    const [tip] = recorded(59, 60);
    const end = await world.actor(LIAR, holding(rawsUpTo(60)), claim(59, 10n ** 12n, tip?.headerHash));
    const follower = await world.node("10.0.0.9", { connect: [LIAR] });
    await world.until(() => follower.banOf(LIAR) !== undefined, 4_000);
    assert.match(follower.banOf(LIAR)?.reason ?? "", /weight/);
    assert.equal(follower.height(), -1);
    await end();
    await world.end();
  });

  test("announces and never answers: nobody waits for it, and it is closed after its tries, for free", async () => {
    const world = new World();
    const end = await world.actor(LIAR, () => {}, claim(5_000, 10n ** 12n));
    const { follower } = await betrayed(world);
    await world.until(() => follower.height() === 59, 5_000);
    const first = follower.service.peers().find(({ host }) => host === LIAR)?.id;
    assert.ok(first !== undefined);
    await world.until(() => follower.service.peers().every(({ id }) => id !== first), 90_000);
    assert.deepEqual(follower.service.bans(), []);
    await end();
    await world.end();
  });

  test("gives a damaged block: it is banned for 600 s", async () => {
    const world = new World();
    const bad = forged(60, ({ rewardChainBlock }) => ({ weight: rewardChainBlock.weight + 1n }));
    const blocks = rawsUpTo(60).set(60, bad.raw);
    const end = await world.actor(LIAR, holding(blocks), claim(60, bad.block.rewardChainBlock.weight, bad.headerHash));
    const { honest, follower } = await betrayed(world);
    await world.until(() => follower.banOf(LIAR) !== undefined);
    assert.equal(follower.banOf(LIAR)?.seconds, 600);
    assert.match(follower.banOf(LIAR)?.reason ?? "", /INVALID_WEIGHT/);
    await world.clock.until(honest.node.feed(recorded(60, 61)));
    await world.until(() => tipOf(follower) === hashAt(60));
    await end();
    await world.end();
  });

  test("gives bytes that are no block: it is banned for 10 s", async () => {
    const world = new World();
    const end = await world.actor(LIAR, holding(new Map([[60, Uint8Array.of(1, 2, 3)]])), claim(60, 10n ** 12n));
    const { follower } = await betrayed(world);
    await world.until(() => follower.banOf(LIAR) !== undefined, 4_000);
    assert.equal(follower.banOf(LIAR)?.seconds, 10);
    await end();
    await world.end();
  });

  test("leaves a wrong child of an honest block behind: who then gives that block does not pay for it", async () => {
    const world = new World();
    const bad = forged(61, ({ rewardChainBlock }) => ({ weight: rewardChainBlock.weight + 1n }));
    const blocks = new Map([[61, bad.raw]]);
    const answer = holding(blocks);
    let asked = 0;
    const end = await world.actor(LIAR, (session, incoming) => {
      // The parent is never given, so that the child waits for it.
      if (incoming.message.id === requestBlock.id && requestBlock.body.decode(incoming.data).height !== 61) {
        asked += 1;
        return;
      }
      return answer(session, incoming);
    }, claim(61, bad.block.rewardChainBlock.weight, bad.headerHash));
    const { honest, follower } = await betrayed(world);
    await world.until(() => follower.height() === 59 && asked > 0);
    await world.clock.until(honest.node.feed(recorded(60, 61)));
    await world.until(() => follower.height() === 60);
    assert.equal(follower.banOf(honest.host), undefined);
    assert.ok(follower.service.peers().some(({ host }) => host === honest.host));
    await end();
    await world.end();
  });
});

/** Lets a forged branch through: its blocks are recorded ones of another weight, so their record is theirs but for it. */
function lenient(): BlockValidator {
  const strict = new LinkageValidator(network.constants);
  return {
    level: "linkage",
    prove: (frames) => strict.prove(frames),
    spend: () => strict.spend(),
    link(candidate, view) {
      const verdict = strict.link(candidate, view);
      if (verdict.ok) return verdict;
      const { rewardChainBlock, foliage } = candidate.block;
      const [original] = recorded(rewardChainBlock.height, rewardChainBlock.height + 1);
      const parent = view.record(foliage.prevBlockHash);
      assert.ok(original && parent);
      const twin = [...branch.values()].find(({ headerHash }) => toHex(headerHash) === toHex(candidate.headerHash));
      if (twin === undefined) return verdict;
      return {
        ok: true,
        frame: {
          candidate,
          parent,
          pace: { difficulty: 1n, subSlotIters: parent.subSlotIters },
          record: {
            ...parent,
            headerHash: candidate.headerHash,
            prevHash: foliage.prevBlockHash,
            height: rewardChainBlock.height,
            weight: rewardChainBlock.weight,
            totalIters: rewardChainBlock.totalIters,
          },
        },
      };
    },
  };
}
const branch = new Map<number, Candidate>();
{
  let prev: Uint8Array | undefined;
  for (let height = 40; height < 140; height++) {
    const block = forged(height, ({ rewardChainBlock }) => ({ weight: rewardChainBlock.weight + 7n }), prev);
    branch.set(height, block);
    prev = block.headerHash;
  }
}

for (
  const [what, ours, theirs] of [
    ["short, found by walking back", 42, 45],
    ["long, found by halving and fetched in batches", 100, 140],
    ["of the same height", 42, 42],
  ] as const
) {
  test(`a heavier branch is followed: ${what}`, async () => {
    const world = new World();
    const other = await world.node("10.0.0.2", { blocks: 40, validator: lenient() });
    const follower = await world.node("10.0.0.9", { connect: [other.host], blocks: ours, validator: lenient() });
    await world.until(() => follower.service.peers().length === 1);
    const side = [...branch.values()].slice(0, theirs - 40);
    await world.clock.until(other.node.feed(side));
    const tip = toHex(side.at(-1)?.headerHash ?? new Uint8Array());
    await world.until(() => tipOf(follower) === tip);
    assert.deepEqual(follower.service.bans(), []);
    const events = await follower.store.events.read(0, 10_000);
    const reorg = events.findIndex(({ topic }) => topic === "chia.reorg");
    assert.deepEqual(events[reorg]?.data.fork_height, 39);
    assert.deepEqual(events[reorg]?.data.depth, ours - 40);
    assert.deepEqual([events[reorg + 1]?.topic, events[reorg + 1]?.data.height], ["chia.block", 40]);
    await world.until(() => follower.service.state().synced);
    await world.end();
  });
}

test("a tip of the same weight that took fewer iterations is preferred, one that took more is not", async () => {
  const world = new World();
  const follower = await world.node("10.0.0.9", {
    connect: ["10.0.0.2", "10.0.0.3"],
    blocks: 42,
    validator: lenient(),
  });
  const twins = [-1n, 1n].map((more) =>
    forged(41, ({ rewardChainBlock }) => ({ totalIters: rewardChainBlock.totalIters + more }))
  );
  for (const [i, twin] of twins.entries()) branch.set(-1 - i, twin);
  const [fewer, more] = twins;
  assert.ok(fewer && more);
  const asked: number[] = [];
  const stops = [];
  for (const [host, twin] of [["10.0.0.3", more], ["10.0.0.2", fewer]] as const) {
    stops.push(
      await world.actor(
        host,
        (session, incoming) => {
          if (incoming.message.id === requestBlock.id) asked.push(twin === fewer ? 1 : 2);
          return holding(new Map([...rawsUpTo(41), [41, twin.raw]]))(session, incoming);
        },
        claim(41, twin.block.rewardChainBlock.weight, twin.headerHash),
      ),
    );
  }
  await world.until(() => tipOf(follower) === toHex(fewer.headerHash));
  await world.clock.advance(60_000);
  assert.equal(tipOf(follower), toHex(fewer.headerHash));
  assert.ok(asked.includes(2), "the other was looked at as well");
  assert.deepEqual(follower.service.bans(), []);
  for (const stop of stops) await stop();
  await world.end();
});
