/**
 * Which peers to dial, and when: the named ones for ever, otherwise known addresses until there are enough.
 *
 * @see spec section f
 * @module
 */
import { equalBytes } from "../codec/sized.ts";
import { messageOf } from "../core/errors.ts";
import type { Clock, PeerAddress, Random } from "../core/ports.ts";
import type { ChiaConnections } from "./connections.ts";
import type { ChiaNetwork } from "./networks/network.ts";
import type { ChiaStore, StoredPeer } from "./store.ts";
import type { TimestampedPeerInfo } from "./types/mod.ts";

/** What dialling needs. */
export interface DiallingParts {
  readonly network: ChiaNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: ChiaStore;
  readonly connections: ChiaConnections;
  /** Peers to keep a connection to, by name or address; when there are any, no others are dialled. */
  readonly connect: readonly PeerAddress[];
  /** Looks a host name up. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** Outgoing connections that are aimed at when peers are discovered. */
  readonly outbound: number;
  readonly notice: (level: "debug" | "warning", text: string) => void;
}

const REDIAL_FIRST_MS = 1_000;
const REDIAL_LAST_MS = 30_000;
const DISCOVERY_PAUSE_MS = 5_000;
/** An address is not tried again for so long. */
const RETRY_MS = 600_000;
/** Addresses that were reached within this time are told to others. */
const GOSSIP_MS = 30 * 86_400_000;
/** Addresses kept from gossip; the reference takes as many from one message. */
const KNOWN_PEERS_MAX = 1_000;
/** The longest text of an IPv6 address. */
const HOST_LENGTH_MAX = 45;

/** The address book and the loops that dial from it. */
export class Dialling {
  readonly #parts: DiallingParts;
  readonly #known = new Map<string, StoredPeer>();

  constructor(parts: DiallingParts) {
    this.#parts = parts;
  }

  /** Reads the kept addresses. */
  async load(): Promise<void> {
    for (const peer of await this.#parts.store.peers()) this.#known.set(keyOf(peer), peer);
  }

  /** Keeps the addresses for the next start. */
  async save(): Promise<void> {
    await this.#parts.store.savePeers([...this.#known.values()]);
  }

  /** Takes addresses that `source` (a host) told. */
  learn(peers: readonly TimestampedPeerInfo[], source: string): void {
    if (peers.length > KNOWN_PEERS_MAX) return;
    for (const { host, port } of peers) {
      const key = keyOf({ host, port });
      if (this.#known.has(key) || this.#known.size >= KNOWN_PEERS_MAX || host.length > HOST_LENGTH_MAX) continue;
      this.#known.set(key, { host, port, source, lastTry: 0, lastSuccess: 0 });
    }
  }

  /** What to tell others: addresses that we have reached not long ago. */
  gossip(): TimestampedPeerInfo[] {
    const recent = this.#parts.clock.now() - GOSSIP_MS;
    return [...this.#known.values()].filter(({ lastSuccess }) => lastSuccess > recent)
      .map(({ host, port, lastSuccess }) => ({ host, port, timestamp: BigInt(Math.floor(lastSuccess / 1000)) }));
  }

  /** Dials until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { connect } = this.#parts;
    if (connect.length === 0) await this.#discover(signal);
    else await Promise.all(connect.map((address) => this.#keep(address, signal)));
  }

  /** Keeps a connection to one named peer. */
  async #keep({ host, port }: PeerAddress, signal: AbortSignal): Promise<void> {
    const { clock, random, connections, resolve, notice } = this.#parts;
    let wait = REDIAL_FIRST_MS;
    let said = "";
    let nodeId: Uint8Array | undefined;
    while (!signal.aborted) {
      try {
        // When both sides name each other, the newer connection replaces ours: it is the same peer, and to dial it again
        // would go on for ever.
        const known = nodeId;
        const standing = known && connections.peers.find(({ session }) => equalBytes(session.nodeId, known));
        const [address] = standing === undefined ? await resolve(host) : [];
        const peer = standing ?? await connections.dial({ host: address ?? host, port }, true);
        peer.wanted = true;
        nodeId = peer.session.nodeId;
        wait = REDIAL_FIRST_MS;
        said = "";
        if (standing === undefined) this.#succeeded(host, port);
        await aborted(peer.session.signal);
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
    const { clock, connections, outbound, notice } = this.#parts;
    while (!signal.aborted) {
      const out = connections.peers.filter((peer) => peer.direction === "out").length;
      if (out < outbound) {
        if (this.#known.size === 0) await this.#askSeeds();
        const choice = this.#choose();
        if (choice !== undefined) {
          this.#known.set(keyOf(choice), { ...choice, lastTry: clock.now() });
          await connections.dial(choice, false).then(
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
    const { clock, random, connections } = this.#parts;
    const untried = [...this.#known.values()].filter(({ host, lastTry }) =>
      lastTry < clock.now() - RETRY_MS && !connections.peers.some((peer) => peer.host === host)
    );
    return untried.length === 0 ? undefined : untried[random.below(untried.length)];
  }

  async #askSeeds(): Promise<void> {
    const { network, resolve } = this.#parts;
    for (const seed of network.dnsSeeds) {
      for (const host of await resolve(seed).catch(() => [])) {
        const port = network.defaultPort;
        this.#known.set(keyOf({ host, port }), { host, port, source: seed, lastTry: 0, lastSuccess: 0 });
      }
    }
  }
}

function keyOf({ host, port }: PeerAddress): string {
  return `${host} ${port}`;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
