/**
 * What the composition root and the sides of the node, one a chain, have in common.
 *
 * @module
 */
import type { ChainConfig, LogLevel, NodeConfig } from "./config.ts";
import { BanKeeper } from "./core/ban-keeper.ts";
import type { BanList } from "./core/bans.ts";
import type { NewEvent } from "./storage/events.ts";
import type { EventSource } from "./storage/node-log.ts";
import type { Platform } from "./platform/platform.ts";
import type { ChainHandle } from "./rpc/mod.ts";

/** Things to undo, last first. */
export class Shutdown {
  readonly #steps: (() => Promise<void> | void)[] = [];

  add(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) await step();
  }
}

/** What a side is made from. */
export interface SideParts {
  readonly config: NodeConfig;
  readonly drivers: Drivers;
  readonly shutdown: Shutdown;
  /** There may be new events in the chain's own log. */
  readonly onEvents: () => void;
  /** Writes events that belong to no block. */
  readonly record: (events: readonly NewEvent[]) => void;
  readonly log: (level: LogLevel, area: string, text: string) => void;
}

/** Keeps a chain's bans over restarts, in a file of their own beside its database. */
export async function keepBans(
  { config, drivers, shutdown, log }: SideParts,
  chain: ChainConfig,
  bans: BanList,
): Promise<void> {
  const folder = `${config.paths.data}/${chain.network}`;
  await drivers.makeDir(folder, 0o700);
  const failed = (text: string) => log("error", "store", text);
  const keeper = await BanKeeper.open({ bans, path: `${folder}/${chain.chain}-bans.json`, files: drivers, failed });
  shutdown.add(() => keeper.flush());
}

/** What of the platform a side may use. */
export type Drivers = Pick<
  Platform,
  | "clock"
  | "random"
  | "dialer"
  | "listen"
  | "resolveHost"
  | "openDatabase"
  | "openFileFolder"
  | "makeDir"
  | "readFile"
  | "writeFileAtomic"
>;

/** One chain of the node. */
export interface Side {
  readonly handle: ChainHandle;
  /** The log that its store writes to. */
  readonly events: EventSource;
  /** Listens, dials, syncs. */
  start(): Promise<void>;
  stop(): Promise<void>;
}
