/**
 * A visit to a Chia full node: TLS, WebSocket, handshake as a full node that does not listen, `request_peers`, and
 * good-bye. The node tells its peak by itself.
 *
 * @see spec sections c (handshake), f (events); chia-blockchain's own crawler does the same
 * @module
 */
import { printable } from "../../core/printable.ts";
import type { Clock, Dialer, Random } from "../../core/ports.ts";
import { type Visit, type Visitor, visitorBy } from "../../core/peers/visit.ts";
import { decodeBody } from "../peers/decode-body.ts";
import { type NodeIdentity, publicAuthorities } from "../identity/identity.ts";
import type { ChiaNetwork } from "../networks/mod.ts";
import { ChiaProtocol } from "../peers/protocol.ts";
import { Capability, newPeak, NodeType, requestPeers, respondPeers, SERVED_CAPABILITIES } from "../protocol/mod.ts";
import type { ChiaSession, Incoming } from "../peers/session.ts";

/** What visits need. */
export interface ChiaProbeParts {
  readonly network: ChiaNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly dialer: Dialer;
  readonly identity: NodeIdentity;
  readonly softwareVersion: string;
}

/** How long the answer to `request_peers` is waited for. */
const ANSWER_MS = 5_000;
/** How long, after that, the peak is waited for. */
const PEAK_MS = 2_000;
/** A longer list than the protocol allows is ignored as a whole. */
const TOLD_MAX = 1_000;

/** Makes visits to full nodes of a network. */
export function chiaVisitor(parts: ChiaProbeParts): Visitor {
  const { network, clock, random, dialer, identity, softwareVersion } = parts;
  const protocol = new ChiaProtocol({
    clock,
    random,
    dialer,
    identity,
    ownNodeId: identity.nodeId,
    authorities: publicAuthorities,
    own: {
      networkId: network.name,
      nodeType: NodeType.FULL_NODE,
      softwareVersion,
      serverPort: 0,
      capabilities: SERVED_CAPABILITIES,
    },
    inboundMax: 0,
  });
  return visitorBy(protocol, (session, signal) => talk(session, clock, signal));
}

/** Asks and listens. A node that shook hands has been reached, however the rest goes. */
async function talk(session: ChiaSession, clock: Clock, signal: AbortSignal): Promise<Visit> {
  let height: number | undefined;
  const { promise: peak, resolve: onPeak } = Promise.withResolvers<void>();
  const running = session.run(({ message, data }) => {
    if (message.id !== newPeak.id) return;
    height = decodeBody(newPeak, data).height;
    onPeak();
  });
  let told: Visit["told"] = [];
  let latencyMs: number | undefined;
  const askedAt = clock.monotonic();
  try {
    const answer = await session.request(requestPeers, {}, ANSWER_MS, signal);
    latencyMs = clock.monotonic() - askedAt;
    told = toldBy(answer);
    const over = AbortSignal.any([session.signal, signal]);
    // Nothing waits longer than this for the peak, and nothing is left behind when it comes first.
    const enough = new AbortController();
    void peak.then(() => enough.abort());
    await clock.sleep(PEAK_MS, AbortSignal.any([over, enough.signal])).catch(() => {});
  } catch {
    // A node that shook hands is there, whether it tells of others or not.
  } finally {
    session.close();
    await running;
  }
  const { capabilities, protocolVersion, softwareVersion, nodeType } = session.peer;
  const numbers = capabilities.filter(([number, value]) => value === "1" && number < 64).map(([number]) => number);
  return {
    services: numbers.reduce((bits, number) => bits | (1n << BigInt(number)), 0n),
    serviceNames: [nameOf(NodeType, nodeType), ...[...new Set(numbers)].map((number) => nameOf(Capability, number))],
    protocolVersion: printable(protocolVersion),
    userAgent: printable(softwareVersion),
    height,
    latencyMs,
    told,
  };
}

function toldBy({ message, data }: Incoming): Visit["told"] {
  if (message.id !== respondPeers.id) return [];
  const { peerList } = decodeBody(respondPeers, data);
  return peerList.length > TOLD_MAX ? [] : peerList.map(({ host, port }) => ({ host, port }));
}

function nameOf(names: Readonly<Record<string, number>>, number: number): string {
  return Object.entries(names).find(([, each]) => each === number)?.[0] ?? `UNKNOWN[${number}]`;
}
