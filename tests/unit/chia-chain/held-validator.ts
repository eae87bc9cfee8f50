/** A validator of blocks of the simulated world whose proofs and spends wait until a test answers them. */
import { toHex } from "../../../lib/codec/hex.ts";
import type { CoinView } from "../../../lib/chia/coin-set.ts";
import { MemoryCoinSet } from "../../../lib/chia/coin-set.ts";
import { ChiaChain } from "../../../lib/chia/chain/chain.ts";
import type { BlockGiver, Refused } from "../../../lib/chia/chain/flight.ts";
import { LinkageValidator } from "../../../lib/chia/chain/linkage.ts";
import { candidateOf } from "../../../lib/chia/chain/raw-blocks.ts";
import type { BlockValidator, Frame, Spent } from "../../../lib/chia/chain/validator.ts";
import { type Candidate, type Refusal, refuse } from "../../../lib/chia/chain/verdict.ts";
import { MemoryChiaStore } from "../../../lib/chia/store/memory.ts";
import { MemoryEventLog } from "../../../lib/storage/event-log.ts";
import { network, type WorldBlock, WorldBlocks } from "../../../lib/sim/chia/blocks.ts";
import { coinOf } from "../../../lib/sim/chia/coins.ts";
import { simClock } from "../core/sim.ts";

/** A question that waits for its answer. */
interface Question {
  readonly step: "prove" | "spend";
  readonly heights: readonly number[];
  readonly signal: AbortSignal;
  readonly resolve: () => void;
}

/** Links as linkage does; each block spends the coin of its parent and makes one. */
export class HeldValidator implements BlockValidator {
  readonly level: BlockValidator["level"];
  /** Whether answers wait. Without it they come at once. */
  holds: ReadonlySet<"prove" | "spend"> = new Set();
  /** Hashes of blocks that are refused when they are proven or spent. */
  readonly unproven = new Set<string>();
  readonly unspendable = new Set<string>();
  /** What was asked, in order: the step and the heights. */
  readonly asked: string[] = [];
  readonly waiting: Question[] = [];
  readonly #linkage = new LinkageValidator(network.constants);

  constructor(level: BlockValidator["level"] = "full") {
    this.level = level;
  }

  link: BlockValidator["link"] = (candidate, view) => this.#linkage.link(candidate, view);

  /** Answers the questions of these heights. */
  answer(step: "prove" | "spend", ...heights: number[]): void {
    for (const question of [...this.waiting]) {
      if (question.step !== step || !heights.includes(question.heights[0]!)) continue;
      this.waiting.splice(this.waiting.indexOf(question), 1);
      question.resolve();
    }
  }

  // Deaf to its signal, as a worker on another thread may be.
  async #hold(step: "prove" | "spend", frames: readonly Frame[], signal: AbortSignal): Promise<void> {
    const heights = frames.map(({ record }) => record.height);
    this.asked.push(`${step} ${heights.join(" ")}`);
    if (!this.holds.has(step)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.waiting.push({ step, heights, signal, resolve });
    await promise;
  }

  async prove(frames: readonly Frame[], signal: AbortSignal): Promise<readonly (Refusal | undefined)[]> {
    await this.#hold("prove", frames, signal);
    return frames.map(({ record: { headerHash } }) =>
      this.unproven.has(toHex(headerHash)) ? refuse("INVALID_POSPACE", "told so") : undefined
    );
  }

  async spend(frame: Frame, coins: CoinView, signal: AbortSignal): Promise<Spent | Refusal> {
    await this.#hold("spend", [frame], signal);
    const { record: { headerHash, height }, parent } = frame;
    if (this.unspendable.has(toHex(headerHash))) return refuse("GENERATOR_RUNTIME_ERROR", "told so");
    const created = [{ id: headerHash, record: coinOf(headerHash, height) }];
    if (parent === undefined) return { ok: true, coins: { created, spent: [] } };
    const [coin] = await coins.getMany([parent.headerHash]);
    if (coin === undefined) return refuse("UNKNOWN_UNSPENT", `the coin of height ${parent.height}`);
    if (coin.spentBlockIndex !== 0) return refuse("DOUBLE_SPEND", `the coin of height ${parent.height}`);
    return { ok: true, coins: { created, spent: [parent.headerHash] } };
  }
}

/** A giver of blocks, and what it heard. */
export class Giver implements BlockGiver {
  readonly heard: Refused[] = [];
  constructor(readonly name: string) {}
  refused(refused: Refused): void {
    this.heard.push(refused);
  }
  get told(): string[] {
    return this.heard.map(({ height, refusal: { error } }) => `${height} ${error}`);
  }
}

/** Blocks, a chain that judges them, and what can be seen of it. */
export async function heldChain(options: { level?: BlockValidator["level"]; store?: MemoryChiaStore } = {}) {
  const clock = simClock();
  const coins = new MemoryCoinSet();
  const store = options.store ?? new MemoryChiaStore(new MemoryEventLog(), coins);
  const validator = new HeldValidator(options.level);
  const chain = await ChiaChain.load({ network, store, validator, clock });
  /** Lets everything run that waits for no answer. */
  const rest = () => clock.advance(10);
  const tip = () => chain.peak && toHex(chain.peak.headerHash);
  const events = async () =>
    (await store.events.read(0, 10_000)).map(({ topic, data }) =>
      `${topic.slice(5)} ${data.height ?? data.fork_height}`
    );
  const unspent = async (blocks: readonly WorldBlock[]) => {
    const found = await store.coinsAt(chain.peak?.height ?? -1).getMany(blocks.map(({ headerHash }) => headerHash));
    return blocks.filter((_, i) => found[i]?.spentBlockIndex === 0);
  };
  return { chain, store, validator, clock, rest, tip, events, unspent };
}

/** A branch of `count` blocks on another. */
export function branch(blocks: WorldBlocks, parent: WorldBlock, count: number, name: string): WorldBlock[] {
  const made: WorldBlock[] = [];
  for (let i = 0; i < count; i++) made.push(blocks.make(made.at(-1) ?? parent, `${name} ${i}`, "valid"));
  return made;
}

/** As the chain takes them. */
export const given = (blocks: readonly WorldBlock[]): Candidate[] => blocks.map(({ raw }) => candidateOf(raw));
