/**
 * Chia's part in the simulated world.
 *
 * @module
 */
import type { ChiaService } from "../../chia/service.ts";
import { toHex } from "../../codec/hex.ts";
import { type ChainConfig, DEFAULTS, type RunningNode } from "../../config.ts";
import { NodeError } from "../../core/errors.ts";
import type { SimDisk } from "../disk.ts";
import type { BanGlance, LiarParts, PeerGlance, Play, PlayOptions, Tip } from "../play.ts";
import { network, simValidator, WorldBlocks } from "./blocks.ts";
import { identityOf } from "./identity.ts";
import { ChiaLiar } from "./liar.ts";
import { SimChiaStore } from "./store.ts";

/** Chia makes a block each 18.75 s; what the world is to show does not hang on so many. */
const BLOCK_EVERY_MS = 300_000;

function serviceOf({ chia }: RunningNode): ChiaService {
  if (chia === undefined) throw new TypeError("not a Chia node");
  return chia;
}

/** A world of Chia nodes. */
export class ChiaPlay implements Play {
  readonly chain = "chia";
  readonly port = network.defaultPort;
  readonly blockEveryMs = BLOCK_EVERY_MS;
  readonly blocks = new WorldBlocks();

  isValid(hash: string): boolean {
    return this.blocks.isValid(hash);
  }

  configOf(host: string, { outbound, peersMax }: PlayOptions): ChainConfig {
    return {
      ...DEFAULTS.chia,
      chain: "chia",
      network: network.name,
      listen: { host, port: this.port },
      outbound,
      peersMax,
    };
  }

  substitutesOf(host: string, disk: SimDisk) {
    return {
      chia: {
        network,
        validator: simValidator,
        identity: identityOf(host),
        openStore: async (onEvents: () => void) => {
          const store = await SimChiaStore.open(disk, this.blocks, onEvents);
          return { store, events: store.events };
        },
      },
    };
  }

  tipOf(node: RunningNode): Tip | undefined {
    const { peak } = serviceOf(node).state();
    return peak && { hash: toHex(peak.headerHash), height: peak.height, weight: peak.weight };
  }

  peersOf(node: RunningNode): readonly PeerGlance[] {
    return serviceOf(node).peers();
  }

  bansOf(node: RunningNode): readonly BanGlance[] {
    return serviceOf(node).bans();
  }

  async extend(node: RunningNode, maker: string, made: (tip: Tip) => void): Promise<void> {
    const parent = this.blocks.find(this.tipOf(node)?.hash ?? "");
    if (parent === undefined) {
      throw new NodeError("unknown_tip", "self", "a node stands on a block that nobody made");
    }
    const block = this.blocks.make(parent, maker, true);
    made(block);
    const refusal = await serviceOf(node).submitBlock(block.raw);
    if (refusal !== undefined) throw new NodeError("refused", "self", refusal.error);
  }

  lie(parts: LiarParts): void {
    new ChiaLiar(this.blocks, parts).start();
  }
}
