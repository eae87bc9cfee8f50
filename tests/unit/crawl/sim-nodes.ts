/** Small nodes on simulated hosts: they shake hands and tell the addresses they were given, nothing more. */
import { BitcoinProtocol } from "../../../lib/bitcoin/peers/protocol.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { type NetAddressV2, NetworkId, parseHost } from "../../../lib/bitcoin/types/mod.ts";
import { AddrV2, GetAddr } from "../../../lib/bitcoin/wire/mod.ts";
import type { NodeIdentity } from "../../../lib/chia/identity/identity.ts";
import { networkNamed } from "../../../lib/chia/networks/mod.ts";
import { ChiaProtocol } from "../../../lib/chia/peers/protocol.ts";
import { newPeak, NodeType, requestPeers, respondPeers } from "../../../lib/chia/protocol/mod.ts";
import { sha256 } from "../../../lib/codec/sha256.ts";
import type { OpenContext } from "../../../lib/core/peers/connections.ts";
import type { Dialer, PeerAddress } from "../../../lib/core/ports.ts";
import type { SimClock } from "../../../lib/sim/clock.ts";
import { SimNetwork } from "../../../lib/sim/network.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { simClock } from "../core/sim.ts";

export const SIMULATOR = networkNamed("simulator0");

/** A certificate of the simulated world: it names its host, and nobody checks it. */
export function identityOf(host: string): NodeIdentity {
  const certificate = `-----BEGIN CERTIFICATE-----\n${btoa(host)}\n-----END CERTIFICATE-----\n`;
  return { certificate, privateKey: "", nodeId: sha256(new TextEncoder().encode(host)) };
}

/** A world of hosts with latency. */
export class SimNodes {
  readonly clock: SimClock = simClock();
  readonly random: SeededRandom;
  readonly net: SimNetwork;
  /** Hosts that were connected to, in order, with the time. */
  readonly visits: { readonly host: string; readonly at: number }[] = [];
  /** Connections that are open, by host. */
  readonly open = new Map<string, number>();
  openMost = 0;

  constructor(seed = 7, latencyMs = 40) {
    this.random = new SeededRandom(seed);
    const line = { latencyMs, jitterMs: 0, bytesPerMs: 1_000, loss: 0, reset: 0, damage: 0 };
    this.net = new SimNetwork(this.clock, { era: 0, of: () => line, isCut: () => false }, this.random.fork("net"));
  }

  /** A dialler from the crawler's host. */
  dialer(host = "198.18.0.1"): Dialer {
    return this.net.dialer(this.net.arrive(host));
  }

  #context(host: string, closed: Promise<unknown>): OpenContext {
    this.visits.push({ host, at: this.clock.monotonic() });
    this.open.set(host, (this.open.get(host) ?? 0) + 1);
    this.openMost = Math.max(this.openMost, [...this.open.values()].reduce((a, b) => a + b, 0));
    void closed.then(() => this.open.set(host, this.open.get(host)! - 1));
    return { kind: "inbound", banned: false, enforce: true, signal: new AbortController().signal, holds: () => {} };
  }

  /** A Bitcoin node that tells of others. */
  async bitcoin(
    at: PeerAddress,
    tells: readonly PeerAddress[],
    said: { readonly userAgent?: string; readonly services?: bigint; readonly height?: number } = {},
  ): Promise<void> {
    const { clock } = this;
    const presence = this.net.arrive(at.host);
    const random = this.random.fork(at.host);
    const own = () => ({
      services: said.services ?? 9n,
      userAgent: said.userAgent ?? "/Satoshi:29.0.0/",
      startHeight: said.height ?? 100,
      relay: true,
    });
    const dialer = this.net.dialer(presence);
    const protocol = new BitcoinProtocol({ network: regtest, clock, random, dialer, own, v2: false, inboundMax: 8 });
    const addresses = tells.flatMap(({ host, port }): NetAddressV2[] => {
      const place = parseHost(host);
      return place === undefined ? [] : [{ time: 1_750_000_000, services: 9n, ...place, port }];
    });
    await this.net.listen(presence, {
      ...at,
      onConnection: (duplex) => {
        void protocol.accept(duplex, this.#context(at.host, duplex.closed)).then(
          (session) =>
            session.run(({ message }) => {
              if (message === GetAddr && addresses.length > 0) session.post(AddrV2, { addresses });
            }),
          () => {},
        );
      },
    });
  }

  /** A Chia full node that tells of others. */
  async chia(at: PeerAddress, tells: readonly PeerAddress[], height?: number): Promise<void> {
    const { clock } = this;
    const presence = this.net.arrive(at.host);
    const identity = identityOf(at.host);
    const protocol = new ChiaProtocol({
      clock,
      random: this.random.fork(at.host),
      dialer: this.net.dialer(presence),
      identity,
      ownNodeId: identity.nodeId,
      authorities: [],
      own: {
        networkId: SIMULATOR.name,
        nodeType: NodeType.FULL_NODE,
        softwareVersion: "2.7.5",
        serverPort: at.port,
      },
      inboundMax: 8,
    });
    const peerList = tells.map(({ host, port }) => ({ host, port, timestamp: 1_750_000_000n }));
    await this.net.listen(presence, {
      ...at,
      tls: { identity, authorities: [] },
      onConnection: (duplex) => {
        void protocol.accept(duplex, this.#context(at.host, duplex.closed)).then((session) => {
          if (height !== undefined) {
            const hash = new Uint8Array(32);
            const fields = { height, weight: 1n, forkPointWithPreviousPeak: 0 };
            void session.send(newPeak, { headerHash: hash, unfinishedRewardBlockHash: hash, ...fields }).catch(
              () => {},
            );
          }
          return session.run(async ({ message, id }) => {
            if (message.id === requestPeers.id) await session.send(respondPeers, { peerList }, id);
          });
        }, () => {});
      },
    });
  }
}

export { NetworkId, regtest };
