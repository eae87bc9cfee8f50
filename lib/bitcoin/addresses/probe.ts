/**
 * A visit to a Bitcoin node: handshake, `getaddr`, one ping, and good-bye. Nothing else is asked, no transactions are
 * wanted, and no slot is held longer than the answer takes.
 *
 * @see spec sections a.4 (handshake), g (addresses)
 * @module
 */
import type { Clock, Dialer, PeerAddress, Random } from "../../core/ports.ts";
import { printable } from "../../core/printable.ts";
import { type Visit, type Visitor, visitorBy } from "../../core/peers/visit.ts";
import { ofAddr, ofAddrV2 } from "./exchange.ts";
import type { OwnVersion } from "../peers/handshake.ts";
import type { BitcoinNetwork } from "../networks/network.ts";
import { BitcoinProtocol } from "../peers/protocol.ts";
import type { BitcoinSession, Incoming } from "../peers/session.ts";
import { serviceNames } from "../types/mod.ts";
import { Addr, AddrV2, type BodyOf, GetAddr } from "../wire/mod.ts";

/** What visits need. */
export interface BitcoinProbeParts {
  readonly network: BitcoinNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly dialer: Dialer;
  readonly userAgent: string;
  /** Whether the encrypted transport is tried first; a node without it then sees two connections. */
  readonly v2?: boolean;
}

/** How long the answer to `getaddr` is waited for. Core and btcd answer at once or never. */
const ANSWER_MS = 5_000;
/** How long after the first addresses more may come: Core tells of itself apart from the rest. */
const MORE_MS = 1_000;
/** How long after the pong addresses may come. We ping after `getaddr`, and a peer takes messages in their order. */
const AFTER_PONG_MS = 2_000;
/** Nothing calls when the pong comes: so often it is checked. */
const PONG_STEP_MS = 50;
/** An answer of so many addresses is the whole one. */
const PLENTY = 20;
/** Addresses of one visit: two full messages. */
const TOLD_MAX = 2_000;

/** Makes visits to nodes of a network. */
export function bitcoinVisitor(parts: BitcoinProbeParts): Visitor {
  const { network, clock, random, dialer, userAgent, v2 = false } = parts;
  const own: OwnVersion = { services: 0n, userAgent, startHeight: 0, relay: false };
  const protocol = new BitcoinProtocol({ network, clock, random, dialer, own: () => own, v2, inboundMax: 0 });
  return visitorBy(protocol, (session, signal) => talk(session, clock, signal));
}

/** Asks and listens. A node that shook hands has been reached, however the rest goes. */
async function talk(session: BitcoinSession, clock: Clock, signal: AbortSignal): Promise<Visit> {
  const told: PeerAddress[] = [];
  let leaveAt = clock.monotonic() + ANSWER_MS;
  let wake = () => {};
  const onMessage = ({ message, body }: Incoming): void => {
    if (message === Addr || message === AddrV2) {
      const each = message === Addr ? ofAddr(body as BodyOf<typeof Addr>) : ofAddrV2(body as BodyOf<typeof AddrV2>);
      told.push(...each.slice(0, TOLD_MAX - told.length).map(({ host, port }) => ({ host, port })));
      leaveAt = Math.min(leaveAt, clock.monotonic() + (told.length >= PLENTY ? 0 : MORE_MS));
    }
    wake();
  };
  session.post(GetAddr, {});
  const running = session.run(onMessage);
  // The session pings as soon as it runs; its pong is the latency.
  let hasPong = false;
  while (!session.signal.aborted && !signal.aborted) {
    const now = clock.monotonic();
    if (!hasPong && session.pingMs !== undefined) {
      hasPong = true;
      leaveAt = Math.min(leaveAt, now + AFTER_PONG_MS);
    }
    if (now >= (hasPong ? leaveAt : leaveAt + MORE_MS)) break;
    const waitMs = hasPong ? leaveAt - now : PONG_STEP_MS;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(waitMs, () => done());
      const done = () => {
        cancel();
        session.signal.removeEventListener("abort", done);
        resolve();
      };
      session.signal.addEventListener("abort", done, { once: true });
      wake = done;
    });
  }
  const { pingMs, peer } = session;
  session.close();
  await running;
  return {
    services: peer.services,
    serviceNames: serviceNames(peer.services),
    protocolVersion: String(peer.version),
    userAgent: printable(peer.userAgent),
    height: peer.startHeight,
    latencyMs: pingMs,
    told,
  };
}
