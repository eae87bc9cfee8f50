/** A session against a peer that a test plays by hand, over memory and on simulated time. */
import { SeededRandom } from "../../../lib/sim/random.ts";
import type { OpenContext } from "../../../lib/core/peers/connections.ts";
import type { PeerExit, PeerKind } from "../../../lib/core/peers/peer.ts";
import type { SimClock } from "../../../lib/sim/clock.ts";
import { duplexPair } from "../../../lib/transport/memory.ts";
import { acceptWebSocket, connectWebSocket } from "../../../lib/transport/websocket/mod.ts";
import type { CloseInfo } from "../../../lib/core/ports.ts";
import { encodeHandshake, type OwnHandshake } from "../../../lib/chia/peers/handshake.ts";
import { encodeEnvelope, NodeType } from "../../../lib/chia/protocol/mod.ts";
import {
  ChiaSession,
  type Incoming,
  type IncomingHandler,
  type SessionOptions,
} from "../../../lib/chia/peers/session.ts";
import { simClock } from "../core/sim.ts";

/** What both sides say of themselves, unless told otherwise. */
export const OWN: OwnHandshake = {
  networkId: "simulator0",
  nodeType: NodeType.FULL_NODE,
  softwareVersion: "gemel/0",
  serverPort: 8444,
};

/** What a session is opened with, between two nodes of any ids. */
export const sessionOptions = (role: SessionOptions["role"], clock: SessionOptions["clock"]) => ({
  role,
  own: OWN,
  ownNodeId: new Uint8Array(32).fill(1),
  peerNodeId: new Uint8Array(32).fill(2),
  clock,
  handshakeTimeoutMs: 30_000,
  enforceRates: true,
});

/** What a connection of a kind is opened with. */
export const openContext = (kind: PeerKind): OpenContext => ({
  kind,
  banned: false,
  enforce: true,
  signal: new AbortController().signal,
  holds: () => {},
});

/** A signal that counts who listens to it. */
export function countedSignal(): { readonly signal: AbortSignal; readonly listening: () => number } {
  const { signal } = new AbortController();
  let listening = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...rest: Parameters<typeof add>) => (listening += 1, add(...rest));
  signal.removeEventListener = (...rest: Parameters<typeof remove>) => (listening -= 1, remove(...rest));
  return { signal, listening: () => listening };
}

/** A frame of the protocol. */
export const frame = (type: number, data: Uint8Array | number[] = [], id: number | null = null): Uint8Array =>
  encodeEnvelope({ type, id, data: Uint8Array.from(data) });

/** The peer's side of the connection: frames by hand. */
export interface Hand {
  send(frame: Uint8Array | string): Promise<void>;
  /** All frames that have come and were not taken yet. */
  take(): Promise<(Uint8Array | string)[]>;
  close(info?: CloseInfo): void;
  /** How the session under test closed the connection. */
  readonly closed: Promise<Required<CloseInfo>>;
}

/** What a test has in hand. */
export interface Bench {
  readonly clock: SimClock;
  readonly hand: Hand;
  readonly opening: Promise<ChiaSession>;
  /** Messages that reached the handler. */
  readonly received: Incoming[];
  /** Opens after the peer's handshake and runs. */
  up(own?: Partial<OwnHandshake>): Promise<{ readonly session: ChiaSession; readonly exit: Promise<PeerExit> }>;
}

/** Sets up a session in the given role; nothing has been said yet, except what a dialler says first. */
export async function bench(
  role: SessionOptions["role"] = "acceptor",
  more: Partial<SessionOptions> = {},
  handle: IncomingHandler = () => {},
  /** A deaf peer reads nothing at all. */
  deaf = false,
): Promise<Bench> {
  const clock = simClock();
  const random = new SeededRandom(1);
  const options = { clock, random, messageBytesMax: 50 * 1024 * 1024, path: "/ws" };
  const [near, far] = duplexPair({ bufferBytes: 1 << 20 });
  const [client, server] = [connectWebSocket(near, options), acceptWebSocket(far, options)];
  const [own, other] = role === "dialler" ? [client, server] : [server, client];
  const received: Incoming[] = [];
  const opening = ChiaSession.open(own, { ...sessionOptions(role, clock), ...more });
  opening.catch(() => {});
  const { readable, writable } = await other.opened;
  const frames: (Uint8Array | string)[] = [];
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  const reading = (async () => {
    if (deaf) return;
    for await (const each of readable as unknown as AsyncIterable<Uint8Array | string>) frames.push(each);
  })();
  reading.catch(() => {});
  const hand: Hand = {
    send: async (each) => {
      await writer.write(each).catch(() => {});
      await clock.advance(0);
    },
    take: async () => {
      await clock.advance(0);
      return frames.splice(0);
    },
    close: (info) => other.close(info),
    closed: other.closed,
  };
  await clock.advance(0);
  return {
    clock,
    hand,
    opening,
    received,
    up: async (peer = {}) => {
      await hand.send(encodeHandshake({ ...OWN, ...peer }));
      const session = await clock.until(opening, 0);
      const exit = session.run((incoming) => {
        received.push(incoming);
        return handle(incoming);
      });
      await hand.take();
      return { session, exit };
    },
  };
}

/** The close code and reason on the wire, as `1002 -4`. */
export async function closing({ clock, hand }: Bench): Promise<string> {
  const { closeCode, reason } = await clock.until(hand.closed, 10_000);
  return `${closeCode} ${reason}`.trim();
}
