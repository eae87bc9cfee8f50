/** A chain whose validator answers when the test says so, over blocks that are mined on the spot. */
import assert from "node:assert/strict";
import { BitcoinChain, type BitcoinChainParts, type BlockResult } from "../../../lib/bitcoin/chain/chain.ts";
import { type BlockValidator, type ConnectVerdict, structureValidator } from "../../../lib/bitcoin/chain/validator.ts";
import { HeaderBatch } from "../../../lib/bitcoin/headers/header-batch.ts";
import { type Refusal, refuse } from "../../../lib/bitcoin/headers/verdict.ts";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { MemoryBitcoinStore } from "../../../lib/bitcoin/store/memory.ts";
import { network, WorldBlocks } from "../../../lib/sim/bitcoin/blocks.ts";
import type { SimClock } from "../../../lib/sim/clock.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { simClock } from "../core/sim.ts";

const START_MS = 1_750_000_000_000;
/** All blocks of these tests. */
export const blocks = new WorldBlocks(START_MS);
export type Mined = ReturnType<WorldBlocks["mine"]>;

/** `count` blocks above one of the world's rows; 0 is genesis. */
export function mined(parent: number, count: number, maker: string): Mined[] {
  const made: Mined[] = [];
  for (let i = 0; i < count; i++) made.push(blocks.mine(made.at(-1)?.row ?? parent, START_MS, maker, "valid"));
  return made;
}

/** The refusal of the tests. */
export const BAD = refuse("consensus", "bad-late", "its coins are not there");

/** A question of the chain that waits for the test's answer. */
export interface Question {
  readonly hash: string;
  readonly signal: AbortSignal;
  /** Whether the block could be read, when it was asked for. */
  readonly load: () => Promise<unknown>;
  answer(verdict: ConnectVerdict): void;
  fail(error: Error): void;
}

/** A validator that asks the test. */
export class AskingValidator implements BlockValidator {
  readonly level = "full";
  readonly needsCoins = false;
  readonly questions: Question[] = [];
  check = structureValidator.check;
  connect: BlockValidator["connect"] = (block, _coins, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<ConnectVerdict>();
    const hash = toDisplayHex(block.hash);
    this.questions.push({ hash, signal, load: () => block.load(), answer: resolve, fail: reject });
    return promise;
  };
}

/** What a test has of a chain. */
export interface Scene {
  readonly clock: SimClock;
  readonly chain: BitcoinChain;
  readonly store: MemoryBitcoinStore;
  readonly said: string[];
  /** Whom which refusal was told. */
  readonly charged: string[];
  add(block: Mined, giver?: string): BlockResult;
  /** Lets everything that waits for no answer happen. */
  rest(): Promise<void>;
  row(block: Mined): number;
  /** Height of the durable tip. */
  height(): number;
}

/** Opens a chain. */
export async function open(
  validator: BlockValidator,
  store: MemoryBitcoinStore = new MemoryBitcoinStore(),
  more: Partial<BitcoinChainParts> = {},
): Promise<Scene> {
  const clock = simClock();
  const said: string[] = [];
  const charged: string[] = [];
  const chain = await clock.until(BitcoinChain.load({
    ...{ network, store, validator, clock, headersOnly: false },
    coins: { random: new SeededRandom(1), bytesMax: 0 },
    onActivation: (level, text) => said.push(`${level} ${text}`),
    ...more,
  }));
  const giverOf = (name: string) => ({ refused: ({ reason }: Refusal) => void charged.push(`${name} ${reason}`) });
  return {
    ...{ clock, chain, store, said, charged },
    add: ({ block }, giver) => {
      const { last, refusal } = chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, 80)));
      assert.equal(refusal, undefined);
      return chain.addBlock(last, block, giver === undefined ? undefined : giverOf(giver));
    },
    rest: () => clock.advance(50),
    row: ({ block }) => chain.headers.find(block.hash),
    height: () => chain.headers.height(chain.tip),
  };
}
