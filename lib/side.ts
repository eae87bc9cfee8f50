/**
 * What the composition root and the sides of the node, one a chain, have in common.
 *
 * @module
 */
import type { ChiaNetwork } from "./chia/networks/mod.ts";
import type { BlockValidator as ChiaValidator } from "./chia/chain/verdict.ts";
import type { NodeIdentity } from "./chia/identity.ts";
import type { ChiaStore } from "./chia/store.ts";
import type { BitcoinNetwork } from "./bitcoin/networks/mod.ts";
import type { BlockValidator as BitcoinValidator } from "./bitcoin/chain/validator.ts";
import type { BitcoinStore } from "./bitcoin/store.ts";
import type { ChainConfig, LogLevel, NodeConfig } from "./config.ts";
import { AddressKeeper } from "./core/addresses/keeper.ts";
import type { AddressRules } from "./core/addresses/rules.ts";
import { BanKeeper } from "./core/ban-keeper.ts";
import type { BanList } from "./core/bans.ts";
import type { NewEvent } from "./storage/events.ts";
import type { EventSource } from "./storage/node-log.ts";
import type { Platform } from "./platform/platform.ts";
import type { Reach } from "./reach.ts";
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
  /** The ways out, which take the place of the drivers' dialler and resolver. */
  readonly reach: Reach;
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

/** Opens a chain's address book, which is kept in a file beside its database. */
export async function openAddresses(
  { config, drivers, log }: SideParts,
  chain: ChainConfig,
  rules: AddressRules,
): Promise<AddressKeeper> {
  const folder = `${config.paths.data}/${chain.network}`;
  await drivers.makeDir(folder, 0o700);
  return await AddressKeeper.open({
    path: `${folder}/${chain.chain}-peers.cbor`,
    rules,
    clock: drivers.clock,
    random: drivers.random,
    files: drivers,
    notice: (level, text) => log(level, "store", text),
  });
}

/** A circuit of Tor takes its time to be made. */
export const PROXY_DIAL_TIMEOUT_MS = 60_000;

/** Whom a node is to connect to, as its parts have it. */
export function peeringParts({ connect, added, dns, seeds, externalHost }: ChainConfig, reach: Reach) {
  const asked = dns && reach.asksSeeds ? seeds : [];
  return {
    connect,
    added,
    ...(asked && { seeds: asked }),
    ...(externalHost !== undefined && { externalHost }),
    resolve: reach.resolveHost,
    networks: reach.networks,
    ...(reach.proxy && { proxy: reach.proxy }),
  };
}

/** A store and the event log that it writes to. `onEvents` hears of each append. */
export type OpenStore<S> = (onEvents: () => void) => Promise<{ readonly store: S; readonly events: EventSource }>;

/**
 * What a simulated world puts in the place of what it cannot have: blocks that cost real work, keys that cost time,
 * disks that lose what was not synced. Absent in a node that runs for real.
 */
export interface Substitutes {
  readonly chia?: {
    readonly network: ChiaNetwork;
    readonly validator: ChiaValidator;
    readonly identity: NodeIdentity;
    readonly openStore: OpenStore<ChiaStore>;
  };
  readonly bitcoin?: {
    readonly network: BitcoinNetwork;
    readonly validator: BitcoinValidator;
    readonly openStore: OpenStore<BitcoinStore>;
  };
}

/** What of the platform a side may use. */
export type Drivers =
  & { readonly substitutes?: Substitutes }
  & Pick<
    Platform,
    | "clock"
    | "random"
    | "dialer"
    | "listen"
    | "resolveHost"
    | "secureDuplex"
    | "nameServerResolver"
    | "openDatabase"
    | "openFileFolder"
    | "makeDir"
    | "readFile"
    | "writeFileAtomic"
    | "removeFile"
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
