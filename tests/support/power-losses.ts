/** A chain on a simulated disk whose power fails now and then: one life after another, until a story was told to its end. */
import assert from "node:assert/strict";
import { openDatabase } from "#platform";
import { BitcoinChain, type BitcoinChainParts } from "../../lib/bitcoin/chain/chain.ts";
import { regtest } from "../../lib/bitcoin/networks/regtest.ts";
import { BlockFiles } from "../../lib/bitcoin/store/block-files.ts";
import { openSqlBitcoinStore, type SqlBitcoinStore } from "../../lib/bitcoin/store/sql.ts";
import type { SimClock } from "../../lib/sim/clock.ts";
import { SimDisk } from "../../lib/sim/disk.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { simClock } from "../unit/core/sim.ts";
import { type CoinTree, treeValidator } from "./coin-tree.ts";

/** When every life begins. */
export const START_MS = 1_750_000_000_000;
/** What no run does more often: each start gets further. */
const LIVES_MAX = 12;

/** What a life has. */
export interface Life {
  /** Which one it is, from 1 on. */
  readonly number: number;
  /** Whether its power fails unless it ends before. */
  readonly isMortal: boolean;
  readonly clock: SimClock;
  readonly mount: ReturnType<SimDisk["mount"]>;
  readonly store: SqlBitcoinStore;
  /** Says what is wrong. */
  hear(text: string): void;
  /** Opens the chain of the tree over the store. */
  load(more?: Partial<BitcoinChainParts>): Promise<BitcoinChain>;
  /** Closes the store and its database. */
  close(): Promise<void>;
}

/**
 * Tells a story on a new disk; the power fails after so many writes of each of the first lives. Resolves with how it ended and
 * after how many lives. A life that ends with undefined is followed by another.
 */
export async function overPowerLosses<T>(
  tree: CoinTree,
  random: SeededRandom,
  writes: readonly number[],
  tell: (life: Life) => Promise<T | undefined>,
): Promise<{ readonly end: T; readonly lives: number }> {
  const disk = new SimDisk(random, () => openDatabase(":memory:"));
  const wrong: string[] = [];
  for (let lives = 1; lives <= LIVES_MAX; lives++) {
    const clock = simClock(START_MS);
    const mount = disk.mount(clock);
    const died = Promise.withResolvers<undefined>();
    let isDead = false;
    // What a process says after its end is heard by nobody.
    const hear = (text: string) => void (isDead || wrong.push(text));
    const left = writes[lives - 1];
    if (left !== undefined) {
      disk.failPowerAfter(left, () => {
        isDead = true;
        disk.losePower();
        died.resolve(undefined);
      });
    }
    const live = async () => {
      const database = await mount.openDatabase("bitcoin.sqlite");
      const folder = await mount.openFileFolder("blocks");
      const blocks = new BlockFiles(folder, { magic: regtest.magic, fileBytesMax: 20_000 });
      const openCoins = (place: number) => mount.openFileFolder(`coins-${place}`);
      const store = await openSqlBitcoinStore(database, { network: regtest, blocks, openCoins });
      return await tell({
        ...{ number: lives, isMortal: left !== undefined, clock, mount, store, hear },
        load: (more = {}) =>
          BitcoinChain.load({
            ...{ network: regtest, store, clock, headersOnly: false },
            validator: treeValidator(tree, hear),
            coins: { random: new SeededRandom(5), bytesMax: 0 },
            onActivation: (level, text) => void (level === "info" || hear(text)),
            ...more,
          }),
        close: async () => {
          await store.close();
          await database.close();
        },
      });
    };
    const end = await clock.until(Promise.race([live(), died.promise]));
    disk.keepPower();
    assert.deepEqual(wrong, []);
    if (end !== undefined) return { end, lives };
  }
  throw new Error("the story was never told to its end");
}
