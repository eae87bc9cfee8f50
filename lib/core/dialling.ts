/**
 * Which peers to dial, and when: the named ones for ever, otherwise known addresses until there are enough.
 *
 * @module
 */
import { messageOf } from "./errors.ts";
import type { Peer, PeerSession } from "./peer.ts";
import type { Clock, PeerAddress, Random } from "./ports.ts";

/** An address of a peer as it is kept over restarts. Times are unix milliseconds, 0 when never. */
export interface StoredPeer {
  readonly host: string;
  readonly port: number;
  /** The host or seed that told of it. */
  readonly source: string;
  readonly lastTry: number;
  readonly lastSuccess: number;
}

/** Where addresses are kept over restarts. */
export interface PeerStore {
  /** The kept peers. */
  peers(): Promise<StoredPeer[]>;
  /** Replaces the kept peers. */
  savePeers(peers: readonly StoredPeer[]): Promise<void>;
}

/** What dialling needs. */
export interface DiallingParts<P> {
  /** Names of the network's DNS seeds, and the port of the addresses that they give. */
  readonly dnsSeeds: readonly string[];
  readonly defaultPort: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: PeerStore;
  /** Peers to keep a connection to, by name or address; when there are any, no others are dialled. */
  readonly connect: readonly PeerAddress[];
  /** Looks a host name up. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** Outgoing connections that are aimed at when peers are discovered. */
  readonly outbound: number;
  /** Those that are connected. */
  readonly peers: () => readonly P[];
  readonly dial: (address: PeerAddress, wanted: boolean) => Promise<P>;
  /** Whether two peers are the same node. */
  readonly isSame: (one: P, other: P) => boolean;
  readonly notice: (level: "debug" | "warning", text: string) => void;
}

const REDIAL_FIRST_MS = 1_000;
const REDIAL_LAST_MS = 30_000;
const DISCOVERY_PAUSE_MS = 5_000;
/** An address is not tried again for so long. */
const RETRY_MS = 600_000;
/** Addresses that were reached within this time are told to others. */
const GOSSIP_MS = 30 * 86_400_000;
/** Addresses kept from gossip; both networks take as many from one message. */
const KNOWN_PEERS_MAX = 1_000;
/** The longest text of an IPv6 address. */
const HOST_LENGTH_MAX = 45;

/** The address book and the loops that dial from it. */
export class Dialling<P extends Peer<PeerSession<unknown>>> {
  readonly #parts: DiallingParts<P>;
  readonly #known = new Map<string, StoredPeer>();

  constructor(parts: DiallingParts<P>) {
    this.#parts = parts;
  }

  /** Every address that is known. */
  get known(): readonly StoredPeer[] {
    return [...this.#known.values()];
  }

  /** Reads the kept addresses. */
  async load(): Promise<void> {
    for (const peer of await this.#parts.store.peers()) this.#known.set(keyOf(peer), peer);
  }

  /** Keeps the addresses for the next start. */
  async save(): Promise<void> {
    await this.#parts.store.savePeers(this.known);
  }

  /** Takes addresses that `source` (a host) told. Longer lists than the protocols allow are ignored as a whole. */
  learn(addresses: readonly PeerAddress[], source: string): void {
    if (addresses.length > KNOWN_PEERS_MAX) return;
    for (const { host, port } of addresses) {
      const key = keyOf({ host, port });
      if (this.#known.has(key) || this.#known.size >= KNOWN_PEERS_MAX || host.length > HOST_LENGTH_MAX) continue;
      this.#known.set(key, { host, port, source, lastTry: 0, lastSuccess: 0 });
    }
  }

  /** What to tell others: addresses that we have reached not long ago. */
  gossip(): StoredPeer[] {
    const recent = this.#parts.clock.now() - GOSSIP_MS;
    return this.known.filter(({ lastSuccess }) => lastSuccess > recent);
  }

  /** Dials until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { connect } = this.#parts;
    if (connect.length === 0) await this.#discover(signal);
    else await Promise.all(connect.map((address) => this.keep(address, signal)));
  }

  /** Keeps a connection to one named peer until the signal aborts. */
  async keep({ host, port }: PeerAddress, signal: AbortSignal): Promise<void> {
    const { clock, random, resolve, notice } = this.#parts;
    let wait = REDIAL_FIRST_MS;
    let said = "";
    let last: P | undefined;
    while (!signal.aborted) {
      try {
        // When both sides name each other, the newer connection replaces ours: it is the same peer, and to dial it again
        // would go on for ever.
        const known = last;
        const standing = known && this.#parts.peers().find((peer) => this.#parts.isSame(peer, known));
        const [address] = standing === undefined ? await resolve(host) : [];
        const peer = standing ?? await this.#parts.dial({ host: address ?? host, port }, true);
        peer.wanted = true;
        last = peer;
        wait = REDIAL_FIRST_MS;
        said = "";
        if (standing === undefined) this.#succeeded(host, port);
        await either(peer.session.signal, signal);
      } catch (thrown) {
        if (signal.aborted) return;
        const text = `cannot connect to ${host}:${port}: ${messageOf(thrown)}`;
        // The same trouble again is no news.
        notice(text === said ? "debug" : "warning", text);
        said = text;
      }
      // Two that dial each other must not do so in step.
      await clock.sleep(wait / 2 + random.below(wait), signal).catch(() => {});
      wait = Math.min(wait * 2, REDIAL_LAST_MS);
    }
  }

  #succeeded(host: string, port: number): void {
    const now = this.#parts.clock.now();
    this.#known.set(keyOf({ host, port }), { host, port, source: "self", lastTry: now, lastSuccess: now });
  }

  /** Dials known peers, and those that the DNS seeds name, until there are enough. */
  async #discover(signal: AbortSignal): Promise<void> {
    const { clock, outbound, notice } = this.#parts;
    while (!signal.aborted) {
      const out = this.#parts.peers().filter((peer) => peer.direction === "out").length;
      if (out < outbound) {
        if (this.#known.size === 0) await this.#askSeeds();
        const choice = this.#choose();
        if (choice !== undefined) {
          this.#known.set(keyOf(choice), { ...choice, lastTry: clock.now() });
          await this.#parts.dial(choice, false).then(
            () => this.#succeeded(choice.host, choice.port),
            (error) => notice("debug", `${choice.host}: ${messageOf(error)}`),
          );
          continue;
        }
      }
      await clock.sleep(DISCOVERY_PAUSE_MS, signal).catch(() => {});
    }
  }

  /** One of the addresses that were not tried lately and are not connected. */
  #choose(): StoredPeer | undefined {
    const { clock, random } = this.#parts;
    const connected = new Set(this.#parts.peers().map(({ host }) => host));
    const untried = this.known.filter(({ host, lastTry }) => lastTry < clock.now() - RETRY_MS && !connected.has(host));
    return untried.length === 0 ? undefined : untried[random.below(untried.length)];
  }

  async #askSeeds(): Promise<void> {
    const { dnsSeeds, defaultPort: port, resolve } = this.#parts;
    for (const seed of dnsSeeds) {
      for (const host of await resolve(seed).catch(() => [])) {
        this.#known.set(keyOf({ host, port }), { host, port, source: seed, lastTry: 0, lastSuccess: 0 });
      }
    }
  }
}

function keyOf({ host, port }: PeerAddress): string {
  return `${host} ${port}`;
}

/** Resolves when one of the signals aborts, and lets go of the other. */
function either(...signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      for (const signal of signals) signal.removeEventListener("abort", end);
      resolve();
    };
    for (const signal of signals) signal.addEventListener("abort", end, { once: true });
  });
}
