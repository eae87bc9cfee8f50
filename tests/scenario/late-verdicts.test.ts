/** Stories of blocks whose proofs take their time: who pays for a late refusal, and what goes on meanwhile. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toHex } from "../../lib/codec/hex.ts";
import { LinkageValidator } from "../../lib/chia/chain/linkage.ts";
import type { BlockValidator, Frame } from "../../lib/chia/chain/validator.ts";
import { refuse } from "../../lib/chia/chain/verdict.ts";
import {
  newPeak,
  rejectBlock,
  rejectBlocks,
  requestBlock,
  requestBlocks,
  respondBlock,
} from "../../lib/chia/protocol/mod.ts";
import type { ChiaSession, Incoming } from "../../lib/chia/peers/session.ts";
import { MemoryBudget } from "../../lib/core/peers/memory-budget.ts";
import { MemoryChiaStore } from "../../lib/chia/store/memory.ts";
import type { ChainCommit } from "../../lib/chia/store.ts";
import type { SimClock } from "../../lib/sim/clock.ts";
import { hashAt, network, recorded, tipOf, World } from "./world.ts";

const ONE = "10.0.0.1";
const OTHER = "10.0.0.2";
const FOLLOWER = "10.0.0.9";

/** Checks everything as far as RPC is concerned, takes its time for some heights, and refuses some hashes. */
class Slow implements BlockValidator {
  readonly level = "full";
  readonly #linkage = new LinkageValidator(network.constants);
  readonly #clock: SimClock;
  readonly #delays: (height: number) => number;
  readonly refused = new Set<string>();
  /** How many blocks were given at a time, and how many runs waited for their proofs at once. */
  readonly runs: number[] = [];
  waiting = 0;
  waitingMost = 0;

  constructor(clock: SimClock, delays: (height: number) => number = () => 0) {
    this.#clock = clock;
    this.#delays = delays;
  }

  link: BlockValidator["link"] = (candidate, view) => this.#linkage.link(candidate, view);
  spend = () => this.#linkage.spend();

  async prove(frames: readonly Frame[], signal: AbortSignal) {
    this.runs.push(frames.length);
    this.waitingMost = Math.max(this.waitingMost, ++this.waiting);
    const delay = Math.max(...frames.map(({ record }) => this.#delays(record.height)));
    try {
      if (delay > 0) await this.#clock.sleep(delay, signal);
    } finally {
      this.waiting -= 1;
    }
    return frames.map(({ record: { headerHash } }) =>
      this.refused.has(toHex(headerHash)) ? refuse("INVALID_POSPACE", "told so") : undefined
    );
  }
}

/** Announces a recorded block as its tip. */
const claim = (height: number) => (session: ChiaSession) => {
  const { headerHash, block: { rewardChainBlock: { weight } } } = recorded(height, height + 1)[0]!;
  return session.send(newPeak, {
    headerHash,
    height,
    weight,
    forkPointWithPreviousPeak: height - 1,
    unfinishedRewardBlockHash: new Uint8Array(32),
  });
};

/** Gives recorded blocks, and hears of each height that it gave. */
const giving =
  (gave: (height: number, session: ChiaSession) => void) => async (session: ChiaSession, incoming: Incoming) => {
    if (incoming.message.id === requestBlock.id) {
      const { height } = requestBlock.body.decode(incoming.data);
      const [block] = recorded(height, height + 1);
      if (block === undefined) await session.send(rejectBlock, { height }, incoming.id);
      else await session.sendBytes(respondBlock, block.raw, incoming.id);
      gave(height, session);
    } else if (incoming.message.id === requestBlocks.id) {
      const { startHeight, endHeight } = requestBlocks.body.decode(incoming.data);
      await session.send(rejectBlocks, { startHeight, endHeight }, incoming.id);
    }
  };

describe("a block that is refused late", () => {
  test("in a batch: what came before it is kept, and its giver is banned", async () => {
    const world = new World();
    const validator = new Slow(world.clock, () => 20_000);
    validator.refused.add(hashAt(200));
    const giver = await world.node(ONE, { blocks: 300 });
    const follower = await world.node(FOLLOWER, { connect: [ONE], validator });
    await world.until(() => follower.banOf(ONE) !== undefined);
    assert.deepEqual([follower.banOf(ONE)?.seconds, follower.height()], [600, 199]);
    assert.match(follower.banOf(ONE)!.reason, /block 200: INVALID_POSPACE/);
    assert.equal(giver.height(), 299);
    await world.end();
  });

  test("near the tip: its giver is banned although another peer is followed by then, and nobody else is", async () => {
    const world = new World();
    const validator = new Slow(world.clock, (height) => (height >= 60 ? 30_000 : 0));
    validator.refused.add(hashAt(60));
    const follower = await world.node(FOLLOWER, { connect: [ONE, OTHER], blocks: 60, validator });
    let asked = -1;
    const ends = [await world.actor(ONE, giving(() => {}), claim(60))];
    await world.until(() => validator.waiting > 0);
    ends.push(await world.actor(OTHER, giving((height) => (asked = height)), claim(61)));
    await world.until(() => asked === 61, 60_000);
    assert.deepEqual(follower.service.bans(), [], "the verdict is not there yet");
    assert.ok(validator.waiting > 0);
    await world.until(() => follower.service.bans().length > 0);
    assert.deepEqual(follower.service.bans().map(({ host }) => host), [ONE]);
    assert.equal(follower.height(), 59);
    for (const end of ends) await end();
    await world.end();
  });

  test("after its giver has left: the giver's host is banned all the same", async () => {
    const world = new World();
    const validator = new Slow(world.clock, (height) => (height >= 60 ? 30_000 : 0));
    validator.refused.add(hashAt(60));
    const follower = await world.node(FOLLOWER, { connect: [ONE], blocks: 60, validator });
    const end = await world.actor(
      ONE,
      giving((_, session) => void world.clock.after(500, () => session.close())),
      claim(60),
    );
    await world.until(() => validator.waiting > 0);
    await world.until(() => follower.service.peers().length === 0);
    assert.equal(follower.banOf(ONE), undefined);
    await world.until(() => follower.banOf(ONE) !== undefined, 40_000);
    assert.match(follower.banOf(ONE)!.reason, /block 60: INVALID_POSPACE/);
    await end();
    // The closing of the connections that the giver left.
    await world.clock.advance(30_000);
    await world.end();
  });

  test("by RPC: the answer says why", async () => {
    const world = new World();
    const validator = new Slow(world.clock, (height) => (height >= 60 ? 30_000 : 0));
    validator.refused.add(hashAt(60));
    const follower = await world.node(FOLLOWER, { blocks: 60, validator });
    const answer = follower.service.submitBlock(recorded(60, 61)[0]!.raw);
    await world.clock.advance(29_000);
    assert.equal(follower.height(), 59);
    assert.equal((await world.clock.until(answer))?.error, "INVALID_POSPACE");
    await world.end();
  });
});

/** A store that may be full. */
class FullStore extends MemoryChiaStore {
  isFull = false;
  override commit(step: ChainCommit): Promise<readonly number[]> {
    return this.isFull ? Promise.reject(new Error("disk full")) : super.commit(step);
  }
}

describe("while verdicts are waited for", () => {
  test("a peer whose block loses its ground, because ours cannot be stored, is not charged for it", async () => {
    const world = new World();
    const validator = new Slow(world.clock, (height) => (height === 60 ? 10_000 : 0));
    const store = new FullStore();
    const follower = await world.node(FOLLOWER, { connect: [ONE], blocks: 60, validator, store });
    store.isFull = true;
    let session: ChiaSession | undefined;
    let asked = 0;
    const answer = giving((height) => (asked += height === 61 ? 1 : 0));
    const end = await world.actor(ONE, answer, (opened) => claim(50)(session = opened));
    await world.until(() => session !== undefined && follower.service.peers().length === 1);
    for (let round = 1; round <= 4; round++) {
      const ours = assert.rejects(follower.service.submitBlock(recorded(60, 61)[0]!.raw), /disk full/);
      await world.until(() => validator.waiting === 1);
      await claim(61)(session!);
      await world.until(() => asked === round);
      await world.clock.until(ours);
      await world.clock.advance(100);
      await claim(50)(session!);
      await world.clock.advance(6_000);
    }
    assert.deepEqual(follower.service.bans(), []);
    store.isFull = false;
    await claim(61)(session!);
    await world.until(() => follower.height() === 61);
    await end();
    await world.end();
  });

  test("the next batch is linked and no more than that, and all that waits is counted in the peers' memory", async () => {
    const world = new World();
    const validator = new Slow(world.clock, (height) => (height >= 0 ? 5_000 : 0));
    const memory = new MemoryBudget(world.clock);
    await world.node(ONE, { blocks: 400 });
    const follower = await world.node(FOLLOWER, { connect: [ONE], validator, memory });
    const counted = () => [...memory.accounts].reduce((sum, account) => sum + account.waiting, 0);
    // The last two batches wait for nothing but their verdicts.
    await world.until(() => follower.height() >= 319 && validator.waiting === 2);
    await world.clock.advance(4_000);
    const raw = recorded(follower.height() + 1, 400).reduce((sum, block) => sum + block.raw.length, 0);
    assert.ok(raw > 0 && counted() >= raw, `${counted()} of ${raw} bytes are counted`);
    await world.until(() => tipOf(follower) === hashAt(399));
    assert.equal(validator.waitingMost, 2);
    assert.equal(counted(), 0);
    assert.deepEqual(follower.service.bans(), []);
    await world.end();
  });

  test("a node stops at once", async () => {
    const world = new World();
    const validator = new Slow(world.clock, () => 3_600_000);
    await world.node(ONE, { blocks: 100 });
    const follower = await world.node(FOLLOWER, { connect: [ONE], validator });
    await world.until(() => validator.waiting > 0);
    const before = world.clock.monotonic();
    await follower.stop();
    assert.ok(world.clock.monotonic() - before < 10_000);
    await world.end();
  });
});

test("a node whose store was checked less validates it again, tells of it, and follows anybody only when it is done", async () => {
  const world = new World();
  const before = await world.node(FOLLOWER, { blocks: 100 });
  await before.stop();
  const validator = new Slow(world.clock, () => 70_000);
  const after = await world.node(FOLLOWER, { store: before.store, validator });
  await world.clock.advance(1_000);
  assert.equal(after.service.state().validation, "linkage");
  assert.deepEqual(after.service.state().warnings, ["stored blocks are validated again: height -1 of 99"]);
  await world.until(() => after.service.state().validation === "full", 600_000);
  assert.deepEqual(after.service.state().warnings, []);
  await world.clock.advance(0);
  const events = (await after.store.events.read(0, 10_000)).filter(({ topic }) => topic === "chia.validation");
  assert.deepEqual(events.map(({ data }) => data.height), [31, 63, 95, 99]);
  assert.deepEqual(events.at(-1)?.data, { from: -1, height: 99, to: 99, level: "full" });
  await world.end();
});
