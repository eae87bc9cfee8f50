/** Stories of a Chia node whose branch is left for a heavier one that forks far below its tip. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toHex } from "../../lib/codec/hex.ts";
import { NO_CHANGES } from "../../lib/chia/coin-set.ts";
import { LinkageValidator } from "../../lib/chia/chain/linkage.ts";
import type { BlockValidator, Frame } from "../../lib/chia/chain/validator.ts";
import { network, type WorldBlock, WorldBlocks } from "../../lib/sim/chia/blocks.ts";
import type { SimClock } from "../../lib/sim/clock.ts";
import { candidateOf } from "../../lib/chia/chain/raw-blocks.ts";
import { type Member, World } from "./world.ts";

const HONEST = "10.0.0.1";
const NODE = "10.0.0.9";
/** Height of the tip that is left. */
const TIP = 1_250;
/** How much higher the heavier branch is. */
const AHEAD = 15;

/** Checks everything as far as the chain can tell, and takes its time for proofs and spends. */
class Slow implements BlockValidator {
  readonly level = "full";
  readonly #linkage = new LinkageValidator(network.constants);
  readonly #clock: SimClock;
  readonly #proveMs: number;
  readonly #spendMs: number;

  constructor(clock: SimClock, { proveMs, spendMs }: { readonly proveMs: number; readonly spendMs: number }) {
    this.#clock = clock;
    this.#proveMs = proveMs;
    this.#spendMs = spendMs;
  }

  link: BlockValidator["link"] = (candidate, view) => this.#linkage.link(candidate, view);

  async prove(frames: readonly Frame[], signal: AbortSignal) {
    await this.#clock.sleep(this.#proveMs * frames.length, signal);
    return frames.map(() => undefined);
  }

  async spend(_: Frame, __: unknown, signal: AbortSignal) {
    await this.#clock.sleep(this.#spendMs, signal);
    return { ok: true as const, coins: NO_CHANGES };
  }
}

/** The blocks above one up to a tip, rising; from the first on when `above` is absent. */
function upTo(tip: WorldBlock, above?: WorldBlock): Uint8Array[] {
  const raws: Uint8Array[] = [];
  for (let block: WorldBlock | undefined = tip; block !== above && block !== undefined; block = block.parent) {
    raws.push(block.raw);
  }
  return raws.reverse();
}

/** Two branches that fork `depth` blocks below TIP: one up to there, and a heavier one, which `grow` makes longer still. */
function branches(depth: number) {
  const blocks = new WorldBlocks();
  const grown = (from: WorldBlock, to: number, maker: string): WorldBlock => {
    let tip = from;
    while (tip.height < to) tip = blocks.make(tip, `${maker} ${tip.height}`, "valid");
    return tip;
  };
  const fork = grown(blocks.genesis, TIP - depth, "both");
  const ours = grown(fork, TIP, "ours");
  const heavier = grown(fork, TIP + AHEAD, "theirs");
  assert.ok(heavier.weight > ours.weight);
  return { ours, heavier, grow: (from: WorldBlock, count: number) => grown(from, from.height + count, "theirs") };
}

const isAt = ({ chain }: Member, { hash }: WorldBlock) => toHex(chain.peak!.headerHash) === hash;

/** Each reorganisation that a node told of: the height that is shared, and how many blocks went. */
async function reorganisations({ store }: Member) {
  const events = await store.events.read(0, 10_000);
  return events.filter(({ topic }) => topic === "chia.reorg").map(({ data: { fork_height: fork, old } }) => {
    return { fork, undone: (old as readonly string[]).length };
  });
}

const paces = {
  "proofs and spends are taken as given": undefined,
  "proofs and spends take their time": { proveMs: 20, spendMs: 50 },
};

for (const depth of [390, 1_150]) {
  describe(`a node of ${TIP} blocks reorganises to a heavier chain that forks ${depth} blocks below`, () => {
    for (const [name, pace] of Object.entries(paces)) {
      test(`when ${name}`, { timeout: 300_000 }, async () => {
        const { ours, heavier } = branches(depth);
        const world = new World(undefined, network);
        const node = await world.node(NODE, {
          chain: upTo(ours),
          ...(pace && { validator: new Slow(world.clock, pace) }),
        });
        assert.ok(isAt(node, ours));
        await world.node(HONEST, { chain: upTo(heavier) });
        await world.clock.until(node.service.connect(HONEST, 8444));
        await world.until(() => isAt(node, heavier));
        assert.deepEqual(await reorganisations(node), [{ fork: TIP - depth, undone: depth }]);
        assert.deepEqual(node.service.bans(), []);
        await world.end();
      });
    }
  });
}

test("a node stops in the middle of such a reorganisation, and comes to its end with the chain grown meanwhile", {
  timeout: 300_000,
}, async () => {
  const { ours, heavier, grow } = branches(1_150);
  const world = new World(undefined, network);
  const pace = { proveMs: 1_000, spendMs: 50 };
  const before = await world.node(NODE, {
    chain: upTo(ours),
    connect: [HONEST],
    validator: new Slow(world.clock, pace),
  });
  const honest = await world.node(HONEST, { chain: upTo(heavier) });
  const half = async () => {
    while ((await before.store.counts()).blocks < TIP + 500) await world.clock.sleep(1_000);
  };
  await world.clock.until(half(), 3_000_000);
  await before.stop();
  assert.ok(isAt(before, ours));
  const grown = grow(heavier, 100);
  await world.clock.until(honest.node.feed(upTo(grown, heavier).map(candidateOf)));
  const after = await world.node(NODE, {
    store: before.store,
    connect: [HONEST],
    validator: new Slow(world.clock, pace),
  });
  await world.until(() => isAt(after, grown), 10_000_000);
  assert.deepEqual(after.service.bans(), []);
  assert.deepEqual(await reorganisations(after), [{ fork: TIP - 1_150, undone: 1_150 }]);
  await world.end();
});
