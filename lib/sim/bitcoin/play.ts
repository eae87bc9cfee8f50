/**
 * Bitcoin's part in the simulated world.
 *
 * @module
 */
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { BitcoinBan, BitcoinService } from "../../bitcoin/service.ts";
import { type ChainConfig, DEFAULTS, type RunningNode } from "../../config.ts";
import type { Transaction } from "../../bitcoin/types/mod.ts";
import { NodeError } from "../../core/errors.ts";
import type { SimClock } from "../clock.ts";
import {
  type BanGlance,
  type LiarParts,
  type Lie,
  LIES,
  type PeerGlance,
  type Play,
  type PlayOptions,
  type SpecialHosts,
  type Tip,
} from "../play.ts";
import { FramedTail, type Tail } from "../tail.ts";
import { Givers } from "../givers.ts";
import { LateVerdicts } from "../late-verdicts.ts";
import type { SeededRandom } from "../random.ts";
import type { Substitutes } from "../../compose/chain.ts";
import { network, WorldBlocks } from "./blocks.ts";
import { BitcoinLiar } from "./liar.ts";
import { simValidator } from "./validator.ts";

/** Magic, type, length and checksum before each message. */
const ENVELOPE_BYTES = 24;
const BLOCK_EVERY_MS = 600_000;

/** The Bitcoin side of a node of the world. @throws TypeError it has none */
export function serviceOf({ bitcoin }: RunningNode): BitcoinService {
  if (bitcoin === undefined) throw new TypeError("not a Bitcoin node");
  return bitcoin;
}

/** A world of Bitcoin nodes. */
export class BitcoinPlay implements Play {
  readonly chain = "bitcoin";
  readonly lies: readonly Lie[] = [...LIES, "announce"];
  readonly port = network.defaultPort;
  readonly blockEveryMs = BLOCK_EVERY_MS;
  readonly blocks: WorldBlocks;
  readonly givers = new Givers();
  readonly #clock: SimClock;
  readonly #random: SeededRandom;
  /** Hosts that are being given the blocks of the history. */
  readonly #furnishing = new Set<string>();
  /** How often each host was started. */
  readonly #lives = new Map<string, number>();
  readonly #hosts: SpecialHosts;
  /** The same tip is asked for again and again; a header keeps its row as long as the node runs. */
  readonly #tips = new WeakMap<RunningNode, { readonly row: number; readonly tip: Tip }>();
  readonly #bans = new WeakMap<readonly BitcoinBan[], readonly BanGlance[]>();

  constructor(clock: SimClock, hosts: SpecialHosts, random: SeededRandom, blocks = new WorldBlocks(clock.now())) {
    this.#clock = clock;
    this.#random = random;
    this.#hosts = hosts;
    this.blocks = blocks;
  }

  isValid(hash: string): boolean {
    return this.blocks.isValid(hash);
  }

  condemnsValid(node: RunningNode): boolean {
    const { headers } = serviceOf(node);
    const row = headers.find(this.blocks.headers.hash(this.blocks.best));
    return row >= 0 && headers.isInvalid(row);
  }

  configOf(host: string, { outbound, peersMax }: PlayOptions): ChainConfig {
    // Some write their coins after every block, some once an hour.
    const writesAtOnce = this.#random.fork(`coins cache ${host}`).chance(0.5);
    return {
      ...DEFAULTS.bitcoin,
      ...(writesAtOnce && { coinsCacheBytes: 0 }),
      chain: "bitcoin",
      network: network.name,
      listen: [{ host, port: this.port }],
      outbound,
      peersMax,
      // The encrypted transport has tests of its own, and its keys cost a hundred times what they would show here.
      v2: false,
      // Of half of the hosts nobody keeps coins, without which there are no filters.
      filterIndex: false,
      peerFilters: false,
    };
  }

  /** Half of the hosts keep coins, and most of them take their time over verdicts. */
  substitutesOf(host: string): Substitutes {
    const life = (this.#lives.get(host) ?? 0) + 1;
    this.#lives.set(host, life);
    this.#furnishing.delete(host);
    const validator = simValidator({
      needsCoins: this.#random.fork(`coins ${host}`).chance(0.5),
      coinbaseOf: (hash) => this.blocks.coinbaseOf(hash),
      late: new LateVerdicts(this.#clock, this.#random.fork(`verdicts ${host} ${life}`)),
      isPunctual: () => this.#furnishing.has(host),
      refused: (hash) => this.givers.refused(host, hash, this.#clock.monotonic()),
    });
    return { bitcoin: { network, validator } };
  }

  tipOf(node: RunningNode): Tip {
    const { headers, tip: row } = serviceOf(node);
    const known = this.#tips.get(node);
    if (known?.row === row) return known.tip;
    const tip = { hash: toDisplayHex(headers.hash(row)), height: headers.height(row), weight: headers.work(row) };
    this.#tips.set(node, { row, tip });
    return tip;
  }

  peersOf(node: RunningNode): readonly PeerGlance[] {
    return serviceOf(node).places();
  }

  readBytesOf(node: RunningNode): ReadonlyMap<string, number> {
    const peers = serviceOf(node).peers();
    return new Map(peers.map(({ host, port, bytesReceived }) => [`${host} ${port}`, bytesReceived]));
  }

  newTail(): Tail {
    return new FramedTail((head) => {
      if (head.length < ENVELOPE_BYTES) return undefined;
      return ENVELOPE_BYTES + head[16]! + head[17]! * 2 ** 8 + head[18]! * 2 ** 16 + head[19]! * 2 ** 24;
    });
  }

  bansOf(node: RunningNode): readonly BanGlance[] {
    const bans = serviceOf(node).bans();
    let glances = this.#bans.get(bans);
    if (glances === undefined) {
      glances = bans.map(({ subnet, ...ban }) => ({ ...ban, host: subnet.replace(/\/32$/, "") }));
      this.#bans.set(bans, glances);
    }
    return glances;
  }

  /** Proof of work is checked at every level. */
  trustsPeers(): boolean {
    return false;
  }

  async furnish(node: RunningNode, host: string): Promise<void> {
    if (!this.#hosts.furnished.has(host)) return;
    // What a host begins with it has at once: a world whose nodes all crash before they have it cannot reach the least work.
    this.#furnishing.add(host);
    for (const raw of this.blocks.history) await serviceOf(node).submitBlock(raw);
    this.#furnishing.delete(host);
  }

  async extend(node: RunningNode, maker: string, made: (tip: Tip) => void): Promise<void> {
    const service = serviceOf(node);
    const { tip } = service.state();
    const parent = this.blocks.headers.find(service.headers.hash(tip));
    if (parent < 0) throw new NodeError("unknown_tip", "self", "a node stands on a block that nobody made");
    const { row, block } = this.blocks.mine(parent, this.#clock.now(), maker, "valid", this.fill(service));
    made(this.blocks.tip(row));
    const result = await service.submitBlock(block.raw);
    if (result.kind === "refused") throw new NodeError("refused", "self", result.refusal.reason);
  }

  /** What a block of a node has beside its coinbase. */
  protected fill(_service: BitcoinService): readonly Transaction[] {
    return [];
  }

  lie(parts: LiarParts): void {
    new BitcoinLiar(this.blocks, this.givers, parts).start();
  }
}
