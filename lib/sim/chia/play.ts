/**
 * Chia's part in the simulated world.
 *
 * @module
 */
import type { ChiaService } from "../../chia/service.ts";
import type { BlockRecord } from "../../chia/types/mod.ts";
import { toHex } from "../../codec/hex.ts";
import { type ChainConfig, DEFAULTS, type RunningNode } from "../../config.ts";
import { NodeError } from "../../core/errors.ts";
import {
  type BanGlance,
  type LiarParts,
  LIES,
  type PeerGlance,
  type Play,
  type PlayOptions,
  type SpecialHosts,
  type Tip,
} from "../play.ts";
import { FramedTail, type Tail } from "../tail.ts";
import type { SimClock } from "../clock.ts";
import { Givers } from "../givers.ts";
import { LateVerdicts } from "../late-verdicts.ts";
import type { SeededRandom } from "../random.ts";
import { network, type WorldBlock, WorldBlocks } from "./blocks.ts";
import { openSimCoins } from "./coins.ts";
import { identityOf } from "./identity.ts";
import { ChiaLiar } from "./liar.ts";
import { SimValidator } from "./validator.ts";

/** Chia makes a block each 18.75 s; what the world is to show does not hang on so many. */
const BLOCK_EVERY_MS = 300_000;

function serviceOf({ chia }: RunningNode): ChiaService {
  if (chia === undefined) throw new TypeError("not a Chia node");
  return chia;
}

async function submit(node: RunningNode, { raw }: WorldBlock): Promise<void> {
  const refusal = await serviceOf(node).submitBlock(raw);
  if (refusal !== undefined) throw new NodeError("refused", "self", refusal.error);
}

/** Lengths of what comes on one WebSocket of a client or a server: the HTTP head, then frames. */
function frameLengths(): (head: readonly number[]) => number | undefined {
  let isOpen = false;
  return (head) => {
    if (!isOpen) {
      isOpen = head.length >= 4 && head.slice(-4).join() === "13,10,13,10";
      return isOpen ? head.length : undefined;
    }
    const second = head[1];
    if (second === undefined) return undefined;
    const short = second & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const start = 2 + lengthBytes + (second & 0x80 ? 4 : 0);
    if (head.length < start) return undefined;
    const length = head.slice(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
    return start + (lengthBytes === 0 ? short : length);
  };
}

/** A world of Chia nodes. */
export class ChiaPlay implements Play {
  readonly chain = "chia";
  readonly lies = [...LIES, "mint", "neighbour"] as const;
  readonly port = network.defaultPort;
  readonly blockEveryMs = BLOCK_EVERY_MS;
  readonly blocks = new WorldBlocks();
  readonly givers = new Givers();
  /** The same tip is asked for again and again. */
  readonly #tips = new WeakMap<BlockRecord, Tip>();
  readonly #clock: SimClock;
  readonly #hosts: SpecialHosts;

  constructor(clock: SimClock, hosts: SpecialHosts) {
    this.#clock = clock;
    this.#hosts = hosts;
  }

  isValid(hash: string): boolean {
    return this.blocks.isValid(hash);
  }

  configOf(host: string, { outbound, peersMax }: PlayOptions): ChainConfig {
    return {
      ...DEFAULTS.chia,
      chain: "chia",
      network: network.name,
      listen: [{ host, port: this.port }],
      outbound,
      peersMax,
    };
  }

  substitutesOf(host: string, random: SeededRandom) {
    const validator = new SimValidator({
      level: this.trustsPeers(host) ? "linkage" : "full",
      late: new LateVerdicts(this.#clock, random.fork("verdicts")),
      refused: (headerHash) => this.givers.refused(host, toHex(headerHash), this.#clock.monotonic()),
    });
    return { chia: { network, validator, identity: identityOf(host), openCoins: openSimCoins } };
  }

  trustsPeers(host: string): boolean {
    return host === this.#hosts.trusting;
  }

  furnish(): Promise<void> {
    return Promise.resolve();
  }

  tipOf(node: RunningNode): Tip | undefined {
    const { peak } = serviceOf(node);
    if (peak === undefined) return undefined;
    let tip = this.#tips.get(peak);
    if (tip === undefined) {
      tip = { hash: toHex(peak.headerHash), height: peak.height, weight: peak.weight };
      this.#tips.set(peak, tip);
    }
    return tip;
  }

  peersOf(node: RunningNode): readonly PeerGlance[] {
    return serviceOf(node).places();
  }

  readBytesOf(node: RunningNode): ReadonlyMap<string, number> {
    const peers = serviceOf(node).peers();
    return new Map(peers.map(({ host, port, bytesRead }) => [`${host} ${port}`, bytesRead]));
  }

  newTail(): Tail {
    return new FramedTail(frameLengths());
  }

  bansOf(node: RunningNode): readonly BanGlance[] {
    return serviceOf(node).bans();
  }

  async extend(node: RunningNode, maker: string, made: (tip: Tip) => void): Promise<void> {
    const tip = this.tipOf(node);
    // A node without a block begins with the first one, which is the same for all.
    if (tip === undefined) await submit(node, this.blocks.genesis);
    const parent = this.blocks.find(tip?.hash ?? this.blocks.genesis.hash);
    if (parent === undefined) {
      throw new NodeError("unknown_tip", "self", "a node stands on a block that nobody made");
    }
    const block = this.blocks.make(parent, maker, "valid");
    made(block);
    await submit(node, block);
  }

  lie(parts: LiarParts): void {
    new ChiaLiar(this.blocks, this.givers, parts).start();
  }
}
