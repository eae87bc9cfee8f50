/**
 * What the composition of both chains has in common.
 *
 * @module
 */
import type { CoinSet } from "../chia/coin-set.ts";
import type { ChiaNetwork } from "../chia/networks/mod.ts";
import type { BlockValidator as ChiaValidator } from "../chia/chain/validator.ts";
import type { NodeIdentity } from "../chia/identity/identity.ts";
import type { BitcoinNetwork } from "../bitcoin/networks/mod.ts";
import type { BlockValidator as BitcoinValidator } from "../bitcoin/chain/validator.ts";
import type { V1Transport } from "../bitcoin/wire/mod.ts";
import type { ChainConfig, LogLevel, NodeConfig } from "../config.ts";
import { AddressKeeper } from "../core/addresses/keeper.ts";
import { type Anchor, AnchorFile } from "../core/dialling/anchors.ts";
import type { AddressRules } from "../core/addresses/rules.ts";
import type { BookState } from "../core/addresses/state.ts";
import { BanKeeper } from "../core/peers/ban-keeper.ts";
import type { BanList } from "../core/peers/bans.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import type { MemoryBudget } from "../core/peers/memory-budget.ts";
import type { Database, PeerAddress, Workers } from "../core/ports.ts";
import { PermissionList } from "../core/peers/permissions.ts";
import type { Visitor } from "../core/peers/visit.ts";
import type { Turns } from "../core/peers/turns.ts";
import type { UploadTarget } from "../core/peers/upload-target.ts";
import type { LiveEvents } from "../core/events/live.ts";
import type { LiveNodeEvent, NewEvent } from "../storage/events.ts";
import type { EventSource } from "../storage/node-log.ts";
import type { Platform } from "../platform/platform.ts";
import type { ServerSeat } from "./databases.ts";
import type { Egress } from "./egress.ts";
import { readNamed } from "./named-file.ts";
import type { ChainHandle } from "../rpc/mod.ts";

/** Things to undo, last first. */
export class Shutdown {
  readonly #steps: (() => Promise<void> | void)[] = [];

  add(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }

  /** Undoes all of it, whatever fails. @throws the first failure, when everything else is undone */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** What one chain of a node is composed from. */
export interface CompositionParts {
  readonly config: NodeConfig;
  readonly drivers: Drivers;
  /** The ways out, which take the place of the drivers' dialler and resolver. */
  readonly egress: Egress;
  readonly shutdown: Shutdown;
  /** What all peers may hold, how much is uploaded, and whose turn it is: for all chains together. */
  readonly memory: MemoryBudget;
  readonly upload: UploadTarget;
  readonly turns: Turns;
  /** Does what would keep the event loop from everything else. */
  readonly workers: Workers;
  /** Inbound connections of a chain that may be shaking hands. */
  readonly openingMax?: number;
  /** Stops the node. */
  readonly stop: () => void;
  /** What the node is to this chain, where that is on a server. */
  readonly seat: ServerSeat | undefined;
  /** There may be new events in the chain's own log. */
  readonly onEvents: () => void;
  /** Writes events that belong to no block. */
  readonly record: (events: readonly NewEvent[]) => void;
  /** Who listens to events that are not kept. */
  readonly live: LiveEvents<LiveNodeEvent>;
  readonly log: (level: LogLevel, area: string, text: string) => void;
}

/** Keeps a chain's bans over restarts, in a file of their own beside its database. */
async function keepBans(
  { config, drivers, shutdown, log }: CompositionParts,
  chain: ChainConfig,
  bans: BanList,
): Promise<void> {
  const folder = `${config.paths.data}/${chain.network}`;
  await drivers.makeDir(folder, 0o700);
  const failed = (text: string) => log("error", "store", text);
  const path = `${folder}/${chain.chain}-bans.json`;
  const keeper = await BanKeeper.open({ bans, path, files: drivers, failed, clock: drivers.clock });
  shutdown.add(() => keeper.flush());
}

/** Where a chain's anchors are kept, beside its database. */
function anchorFile({ config, drivers, log }: CompositionParts, chain: ChainConfig): AnchorFile {
  const path = `${config.paths.data}/${chain.network}/${chain.chain}-anchors.json`;
  return new AnchorFile(path, drivers, (text) => log("warning", "store", text));
}

/**
 * Opens a chain's address book, which is kept in a file beside its database. Where there is none yet it begins with the
 * `peers.dat` that the configuration names, which `read` reads.
 *
 * @throws NodeError `PEERS_FILE_INVALID` when that file cannot be used
 */
async function openAddresses(
  { config, drivers, log }: CompositionParts,
  chain: ChainConfig,
  rules: AddressRules,
  read: (bytes: Uint8Array) => BookState,
): Promise<AddressKeeper> {
  const folder = `${config.paths.data}/${chain.network}`;
  await drivers.makeDir(folder, 0o700);
  return await AddressKeeper.open({
    path: `${folder}/${chain.chain}-peers.cbor`,
    rules,
    imported: await importedBook(chain.importPeers, drivers, read),
    clock: drivers.clock,
    random: drivers.random,
    files: drivers,
    notice: (level, text) => log(level, "store", text),
  });
}

/** The address book in a `peers.dat`. @throws NodeError `PEERS_FILE_INVALID` when that file cannot be used */
export async function importedBook(
  path: string | undefined,
  files: Pick<Drivers, "readFile">,
  read: (bytes: Uint8Array) => BookState,
): Promise<BookState | undefined> {
  if (path === undefined) return undefined;
  const bytes = await readNamed({ setting: "import-peers", path, code: "PEERS_FILE_INVALID" }, files);
  try {
    return read(bytes);
  } catch (cause) {
    const text = `import-peers: ${path} is no peers.dat that is known here (${messageOf(cause)})`;
    throw new NodeError("PEERS_FILE_INVALID", "self", text, { cause });
  }
}

/**
 * Asks a seed as a peer is asked: through a proxy no name is looked up, so the proxy is told the seed's name, and ends up
 * at one of its addresses.
 */
function seedVisits(visit: Visitor, port: number, signal: AbortSignal) {
  return async (host: string): Promise<readonly PeerAddress[]> => (await visit({ host, port }, signal)).told;
}

/** Asks a node that the operator named as a peer is asked. Through a proxy its name is the proxy's to look up. */
function nodeVisits(visit: Visitor, { resolveHost }: Egress, signal: AbortSignal) {
  return async ({ host, port }: PeerAddress): Promise<readonly PeerAddress[]> => {
    const [address = host] = await resolveHost(host);
    return (await visit({ host: address, port }, signal)).told;
  };
}

/** A circuit of Tor takes its time to be made. */
const PROXY_DIAL_TIMEOUT_MS = 60_000;

/** Whom a node is to connect to, as its parts have it. @throws NodeError `CONFIG_INVALID` for a whitelist that is none */
function peeringParts(
  { connect, added, dns, seeds, seedNodes, externalHost, whitelist, fixedSeeds, networkActive }: ChainConfig,
  egress: Egress,
) {
  const permissions = new PermissionList(whitelist);
  const asked = dns && egress.seeds !== "none" ? seeds : [];
  return {
    connect,
    added,
    whitelist: permissions,
    permissions,
    ...(seedNodes && { seedNodes }),
    ...(networkActive !== undefined && { networkActive }),
    usesFixedSeeds: fixedSeeds,
    ...(asked && { seeds: asked }),
    ...(externalHost !== undefined && { externalHost }),
    resolve: egress.resolveHost,
    networks: egress.networks,
    ...(egress.proxy && { proxy: egress.proxy }),
  };
}

/** A node of a chain, as far as its peers and its life go. */
interface ComposedNode {
  readonly peerNetwork: {
    readonly bans: BanList;
    readonly anchors: readonly Anchor[];
    readonly listenAddress: PeerAddress | undefined;
    readonly refusedAccepts: Readonly<Record<string, number>>;
  };
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What both chains do alike: whom a node knows and keeps knowing, what it is told of its peers, and its life. */
export class ChainPeering {
  readonly #parts: CompositionParts;
  readonly #chain: ChainConfig;
  readonly #rules: AddressRules;
  readonly #addresses: AddressKeeper;
  readonly #anchors: AnchorFile;
  readonly #asking = new AbortController();

  private constructor(parts: CompositionParts, chain: ChainConfig, rules: AddressRules, addresses: AddressKeeper) {
    this.#parts = parts;
    this.#chain = chain;
    this.#rules = rules;
    this.#addresses = addresses;
    this.#anchors = anchorFile(parts, chain);
  }

  /**
   * Opens the address book. `read` reads a `peers.dat` of the chain.
   *
   * @throws NodeError `PEERS_FILE_INVALID`
   */
  static async open(
    parts: CompositionParts,
    chain: ChainConfig,
    rules: AddressRules,
    read: (bytes: Uint8Array) => BookState,
  ): Promise<ChainPeering> {
    return new ChainPeering(parts, chain, rules, await openAddresses(parts, chain, rules, read));
  }

  /** Aborts when the node is to stop: what asks others for addresses ends then. */
  get asking(): AbortSignal {
    return this.#asking.signal;
  }

  /** What the node of either chain is told, beside the clock that it goes by. `visit` asks one node as a peer does. */
  async nodeParts(visit: Visitor, defaultPort: number) {
    const { config, drivers, egress, openingMax, upload, record, live, log } = this.#parts;
    const { listen, outbound } = this.#chain;
    return {
      rules: this.#rules,
      book: this.#addresses.book,
      ...(egress.seeds === "dial" && { visitSeed: seedVisits(visit, defaultPort, this.asking) }),
      visitNode: nodeVisits(visit, egress, this.asking),
      anchors: await this.#anchors.take(),
      loopbackExempt: config.allowLoopbackExempt,
      ...peeringParts(this.#chain, egress),
      listen: { addresses: listen, open: drivers.listen },
      outbound,
      ...(openingMax !== undefined && { openingMax }),
      upload,
      record,
      live,
      notice: log,
    };
  }

  /** What the protocol of either chain is told. */
  get protocolParts() {
    const { drivers: { random }, egress, memory, turns } = this.#parts;
    const { peerTimeoutMs, peersMax, outbound } = this.#chain;
    return {
      random,
      dialer: egress.dialer,
      memory,
      turns,
      ...(egress.proxy && { dialTimeoutMs: PROXY_DIAL_TIMEOUT_MS }),
      ...(peerTimeoutMs !== undefined && { handshakeMs: peerTimeoutMs }),
      inboundMax: Math.max(0, peersMax - outbound),
    };
  }

  /** What RPC shows of a node's peers. */
  handleParts({ peerNetwork }: ComposedNode) {
    return {
      addressBook: this.#addresses.book,
      listenAddress: () => peerNetwork.listenAddress,
      refusedAccepts: () => peerNetwork.refusedAccepts,
    };
  }

  /**
   * Keeps a node's bans from now on, and gives its start and its stop.
   *
   * @param begun what else begins once the node has started, and ends with the signal
   * @param before what has to be done before it starts
   */
  async lifeOf(
    node: ComposedNode,
    begun: (life: AbortSignal) => Promise<void> | void,
    before: () => Promise<void> | void = () => {},
  ): Promise<Pick<ComposedChain, "start" | "stop">> {
    await keepBans(this.#parts, this.#chain, node.peerNetwork.bans);
    const life = new AbortController();
    let keeping: Promise<void> | undefined;
    return {
      start: async () => {
        await before();
        await node.start();
        keeping = this.#addresses.run(life.signal);
        await begun(life.signal);
      },
      stop: async () => {
        this.#asking.abort();
        await this.#anchors.keep(node.peerNetwork.anchors);
        try {
          await node.stop();
        } finally {
          life.abort();
          await keeping;
        }
      },
    };
  }
}

/**
 * What a simulated world puts in the place of what it cannot have: blocks that cost real work, keys that cost time.
 * Absent in a node that runs for real.
 */
export interface Substitutes {
  readonly chia?: {
    readonly network: ChiaNetwork;
    readonly validator: ChiaValidator;
    readonly identity: NodeIdentity;
    /** The coins, which a validator of all spends needs. */
    readonly openCoins?: (database: Database) => Promise<CoinSet>;
  };
  readonly bitcoin?: {
    readonly network: BitcoinNetwork;
    /** The real one when absent. */
    readonly validator?: BitcoinValidator;
    readonly createV1?: (magic: Uint8Array) => V1Transport;
  };
}

/** What of the platform a chain may use. */
export type Drivers =
  & { readonly substitutes?: Substitutes }
  & Partial<Pick<Platform, "openServer" | "processName">>
  & Pick<
    Platform,
    | "clock"
    | "random"
    | "dialer"
    | "listen"
    | "resolveHost"
    | "secureDuplex"
    | "namedFiles"
    | "nameServerResolver"
    | "openDatabase"
    | "openFileFolder"
    | "makeDir"
    | "readFile"
    | "writeFileAtomic"
    | "removeFile"
  >;

/** One chain of the node. */
export interface ComposedChain {
  readonly handle: ChainHandle;
  /** The log that its store writes to; absent where another process writes. */
  readonly events: EventSource | undefined;
  /** Listens, dials, syncs. */
  start(): Promise<void>;
  stop(): Promise<void>;
}
