/**
 * A network of simulated hosts: what listens can be dialled, unless a line is cut or the host is off.
 *
 * @module
 */
import { messageOf, NodeError } from "../core/errors.ts";
import type { Dialer, DialOptions, Listener, ListenOptions, PeerAddress } from "../core/ports.ts";
import type { SimClock } from "./clock.ts";
import { type Lane, LinkEnd, type LinkWorld, type Weather } from "./links.ts";
import type { SeededRandom } from "./random.ts";
import type { Tail } from "./tail.ts";

const DIAL_TIMEOUT_MS = 60_000;
const WINDOW_BYTES = 256 * 1024;
const FIRST_PORT = 49_152;
const LAST_PORT = 65_535;

/** One system that is switched on: from start to stop or crash. */
export interface Presence {
  readonly host: string;
  /** Ends of connections that it holds. */
  readonly ends: Set<LinkEnd>;
  /** Counts up when one comes or goes. */
  changes: number;
  /** Much waited in one of them since the last check. */
  isCrowded: boolean;
  readonly listeners: Map<number, ListenOptions>;
  /** Chance of the connections that it dials. */
  readonly random: SeededRandom;
  /** The local port of its next connection. */
  nextPort: number;
  /** Makes what counts the rest of what is read from each connection, where somebody wants to know. */
  newTail?: () => Tail;
}

/** The network. */
export class SimNetwork implements LinkWorld {
  readonly clock: SimClock;
  readonly weather: Weather;
  readonly windowBytes: number;
  readonly stuck = new Set<Lane>();
  readonly counts = { chunks: 0, bytes: 0, lost: 0, damaged: 0, resets: 0, dials: 0, connections: 0 };
  readonly #random: SeededRandom;
  readonly #present = new Map<string, Presence>();
  /** Systems behind the addresses of others: they dial, and cannot be dialled. */
  readonly #behind = new Set<Presence>();
  readonly #arrivals = new Map<string, number>();

  constructor(clock: SimClock, weather: Weather, random: SeededRandom, windowBytes = WINDOW_BYTES) {
    this.clock = clock;
    this.weather = weather;
    this.#random = random;
    this.windowBytes = windowBytes;
  }

  /** A host is switched on. */
  arrive(host: string): Presence {
    const times = (this.#arrivals.get(host) ?? 0) + 1;
    this.#arrivals.set(host, times);
    const presence = newPresence(host, this.#random.fork(`${host} ${times}`));
    this.#present.set(host, presence);
    return presence;
  }

  /** Another system behind a host's address, as behind one router. */
  behind(host: string): Presence {
    const presence = newPresence(host, this.#random.fork(`behind ${host}`));
    this.#behind.add(presence);
    return presence;
  }

  /**
   * A host's process is gone, without a last word of its own. `kill`: its system closes what it held open; `power`: nobody says anything, and a peer that
   * still sends there is told only when it is back.
   */
  leave(presence: Presence, how: "kill" | "power"): void {
    const { host, ends, listeners } = presence;
    if (this.#present.get(host) === presence) this.#present.delete(host);
    listeners.clear();
    for (const end of [...ends]) {
      if (how === "kill") end.kill();
      else end.lose(() => this.#present.has(host));
    }
    ends.clear();
  }

  /** Lines that were cut carry again. */
  mend(): void {
    for (const lane of [...this.stuck]) lane.mend();
  }

  /** A dialler whose connections come from this host. */
  dialer(presence: Presence): Dialer {
    return { dial: (to, options = {}) => this.#dial(presence, to, options) };
  }

  /** Opens a port of this host. Rejects with `PORT_IN_USE`. */
  listen(presence: Presence, options: ListenOptions): Promise<Listener> {
    const { host, listeners } = presence;
    const port = options.port === 0 ? portOf(presence) : options.port;
    if (listeners.has(port)) {
      return Promise.reject(new NodeError("PORT_IN_USE", "self", `port ${host}:${port} is in use`));
    }
    listeners.set(port, options);
    return Promise.resolve({
      address: { host, port },
      close: () => {
        listeners.delete(port);
        return Promise.resolve();
      },
    });
  }

  async #dial(from: Presence, to: PeerAddress, options: DialOptions): Promise<LinkEnd> {
    const { signal, timeoutMs = DIAL_TIMEOUT_MS } = options;
    signal?.throwIfAborted();
    this.counts.dials += 1;
    const port = portOf(from);
    const random = from.random.fork(`link ${port} ${this.clock.monotonic()}`);
    const { latencyMs } = this.weather.of(from.host, to.host);
    const waitMs = 2 * latencyMs;
    const isSilent = () => this.#present.get(to.host) === undefined || this.weather.isCut(from.host, to.host);
    if (isSilent()) await this.#tooLate(to, timeoutMs, signal);
    await this.clock.sleep(Math.min(waitMs, timeoutMs), signal);
    if (isSilent() || waitMs > timeoutMs) await this.#tooLate(to, timeoutMs - waitMs, signal);
    return this.#connect(from, { host: options.localHost ?? from.host, port }, to, options, random);
  }

  async #tooLate({ host }: PeerAddress, leftMs: number, signal: AbortSignal | undefined): Promise<never> {
    await this.clock.sleep(leftMs, signal);
    throw new NodeError("timeout", "network", `${host} does not answer`);
  }

  #isUp(presence: Presence): boolean {
    return this.#present.get(presence.host) === presence || this.#behind.has(presence);
  }

  #connect(
    from: Presence,
    here: PeerAddress,
    to: PeerAddress,
    options: DialOptions,
    random: SeededRandom,
  ): LinkEnd {
    const target = this.#present.get(to.host);
    const listening = target?.listeners.get(to.port);
    const name = `${to.host}:${to.port}`;
    if (target === undefined || listening === undefined || !this.#isUp(from)) {
      throw new NodeError("connection_refused", "network", `${name}: connection refused`);
    }
    if ((listening.tls === undefined) !== (options.tls === undefined)) {
      throw new NodeError("tls_failed", "network", `${name}: one side speaks TLS, the other does not`);
    }
    if (listening.admit?.(from.host) === false) {
      throw new NodeError("connection_reset", "network", `${name}: connection reset`);
    }
    const secure = options.tls !== undefined;
    const near = new LinkEnd(here, to, secure, certificateOf(listening.tls?.identity));
    const far = new LinkEnd(to, here, secure, certificateOf(options.tls?.identity));
    LinkEnd.join(near, far, this, random);
    for (const [end, holder] of [[near, from], [far, target]] as const) {
      end.holder = holder;
      end.inbox.tail = holder.newTail?.();
      holder.ends.add(end);
      holder.changes += 1;
      void end.closed.then(() => {
        holder.ends.delete(end);
        holder.changes += 1;
      });
    }
    this.counts.connections += 1;
    try {
      listening.onConnection(far);
    } catch (cause) {
      far.destroy(new NodeError("closed", "self", messageOf(cause), { cause }));
    }
    return near;
  }
}

function newPresence(host: string, random: SeededRandom): Presence {
  // Not where the last run began: its connections may still be open elsewhere.
  const nextPort = FIRST_PORT + random.below(LAST_PORT - FIRST_PORT);
  const held = { ends: new Set<LinkEnd>(), changes: 0, isCrowded: false };
  return { host, ...held, listeners: new Map(), random, nextPort };
}

/** The local port of a host's next connection. */
function portOf(presence: Presence): number {
  presence.nextPort = presence.nextPort >= LAST_PORT ? FIRST_PORT : presence.nextPort + 1;
  return presence.nextPort;
}

const certificates = new Map<string, Uint8Array>();

/** DER of the first certificate of a PEM text. */
function certificateOf(identity: { readonly certificate: string } | undefined): Uint8Array | undefined {
  if (identity === undefined) return undefined;
  const known = certificates.get(identity.certificate);
  if (known !== undefined) return known;
  const body = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/.exec(identity.certificate)?.[1];
  if (body === undefined) throw new TypeError("not a PEM certificate");
  const der = Uint8Array.from(atob(body.replaceAll(/\s/g, "")), (character) => character.charCodeAt(0));
  certificates.set(identity.certificate, der);
  return der;
}
