/**
 * A node of both chains beside a real peer of each.
 *
 * @module
 */
import type { EventEnvelope, Gemel } from "./binary.ts";
import type { Btcd } from "./btcd.ts";
import type { Simulator } from "./simulator.ts";

/** A real peer of each chain. */
export interface BothPeers {
  readonly simulator: Simulator;
  readonly btcd: Btcd;
}

/** What a node that follows both is called with. */
export function bothChains({ simulator, btcd }: BothPeers): readonly string[] {
  return [
    ...["--chain", "chia,bitcoin", "--chia.network", "simulator0", "--bitcoin.network", "regtest"],
    ...["--chia.connect", `127.0.0.1:${simulator.port}`, "--bitcoin.connect", `127.0.0.1:${btcd.port}`],
  ];
}

/** Waits until nodes have the tips that the peers have now. */
export async function reachBothTips({ simulator, btcd }: BothPeers, nodes: readonly Gemel[]): Promise<void> {
  const [peak, { best }] = [(await simulator.peak()).header_hash, await btcd.tip()];
  for (const gemel of nodes) {
    await gemel.reaches(peak);
    await gemel.reachesBlock(best);
  }
}

/** All events up to those of both tips, as a node gives them. */
export async function eventsToBothTips({ simulator, btcd }: BothPeers, gemel: Gemel): Promise<EventEnvelope[]> {
  const marks = new Set([(await btcd.tip()).best, (await simulator.peak()).header_hash]);
  return await gemel.events(0, ({ topic, data }) => {
    if (topic.endsWith(".block")) marks.delete(String(data.hash ?? data.header_hash));
    return marks.size === 0;
  });
}
