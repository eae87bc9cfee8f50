/** A Bitcoin session against a peer that a test plays by hand, over memory and on simulated time. */
import { OwnNonces } from "../../../lib/bitcoin/peers/handshake.ts";
import { BitcoinSession, type Incoming, type SessionOptions } from "../../../lib/bitcoin/peers/session.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { NO_ADDRESS } from "../../../lib/bitcoin/types/mod.ts";
import {
  type AnyMessage,
  type BodyOf,
  messageByType,
  V1Transport,
  Verack,
  Version,
} from "../../../lib/bitcoin/wire/mod.ts";
import type { Message } from "../../../lib/bitcoin/wire/message.ts";
import type { MemoryAccount, MemoryUse } from "../../../lib/core/peers/memory-budget.ts";
import { Traffic } from "../../../lib/core/peers/traffic.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { duplexPair } from "../../../lib/transport/memory.ts";
import { simClock } from "../core/sim.ts";

/** What the peer says of itself unless told otherwise. */
export const VERSION: BodyOf<typeof Version> = {
  version: 70_016,
  services: 9n,
  timestamp: 1_750_000_000n,
  addrRecv: NO_ADDRESS,
  addrFrom: NO_ADDRESS,
  nonce: 5n,
  userAgent: "/by hand/",
  startHeight: 0,
  relay: true,
};

/** Keeps what is reported to it. */
export class Account implements MemoryAccount {
  readonly held: Record<MemoryUse, number> = { in: 0, work: 0, out: 0 };
  readonly most: Record<MemoryUse, number> = { in: 0, work: 0, out: 0 };
  set(use: MemoryUse, bytes: number): void {
    this.held[use] = bytes;
    this.most[use] = Math.max(this.most[use], bytes);
  }
  hold(): () => void {
    return () => {};
  }
  close(): void {}
}

/** A session and the peer's side of it. `bufferBytes`: what the peer's socket takes unread. */
export function hand(more: Partial<SessionOptions> = {}, bufferBytes = 1 << 20) {
  const clock = simClock();
  const [near, far] = duplexPair({ bufferBytes });
  const memory = new Account();
  const traffic = new Traffic(clock);
  const opening = BitcoinSession.open(near, {
    transport: new V1Transport(regtest.magic),
    clock,
    random: new SeededRandom(3),
    traffic,
    memory,
    connectionType: "outbound-full-relay",
    own: { services: 9n, userAgent: "/under test/", startHeight: 7, relay: true },
    nonces: new OwnNonces(),
    requiredServices: 0n,
    ...more,
  });
  opening.catch(() => {});
  const transport = new V1Transport(regtest.magic);
  const writer = far.writable.getWriter();
  writer.closed.catch(() => {});
  const received: { readonly message: AnyMessage; readonly body: unknown }[] = [];
  const reader = far.readable.getReader();
  const readOnce = async () => {
    const { done, value } = await reader.read();
    if (done) return false;
    for (const { type, payload } of transport.push(value)) {
      const message = messageByType(type);
      if (message !== undefined) received.push({ message, body: message.decode(payload) });
    }
    return true;
  };
  /** Reads everything that comes from now on. */
  const read = () => {
    void (async () => {
      while (await readOnce());
    })().catch(() => {});
  };
  const raw = async (bytes: Uint8Array) => {
    writer.write(bytes).catch(() => {});
    await clock.advance(0);
  };
  const send = <T>(message: Message<string, T>, body: T) => raw(transport.pack(message.type, message.encode(body)));
  const handled: Incoming[] = [];
  /** Shakes hands and runs. */
  const up = async (
    handle: (incoming: Incoming) => void | Promise<void> = () => {},
    said: Partial<BodyOf<typeof Version>> = {},
  ) => {
    await send(Version, { ...VERSION, ...said });
    await send(Verack, {});
    const session = await clock.until(opening, 0);
    const exit = session.run((incoming) => {
      handled.push(incoming);
      return handle(incoming);
    });
    await clock.advance(0);
    return { session, exit };
  };
  /** Ends the peer's side in order. */
  const end = () => void writer.close().catch(() => {});
  const names = () => received.map(({ message }) => message.type);
  return {
    clock,
    memory,
    traffic,
    opening,
    received,
    names,
    read,
    readOnce,
    end,
    raw,
    send,
    up,
    handled,
    far,
    transport,
  };
}
