/**
 * The connections of one network: dials, accepts, keeps slots and bans, and reports each peer's coming and going. What
 * peers say goes to the handler; why they ended prices their host. How a connection is opened and what is said on it is
 * the protocol's business.
 *
 * @module
 */
import { AcceptGate, type GateRate, type Refusal } from "./accept-gate.ts";
import { BAN_WORDS, BanList, type BanTerms } from "./bans.ts";
import { OPENING_MAX } from "./descriptor-fit.ts";
import { messageOf, NodeError } from "../errors.ts";
import { chooseEviction } from "./eviction.ts";
import { exitFor, type Peer, type PeerExit, type PeerInit, type PeerKind, type PeerSession, stopped } from "./peer.ts";
import type { PermissionList } from "./permissions.ts";
import type { ByteDuplex, Clock, PeerAddress } from "../ports.ts";
import { type PeerOffence, Score } from "./reputation.ts";
import { isLoopback, type Subnets } from "../subnets.ts";

/** What the protocol is told of a connection that it is to open. */
export interface OpenContext {
  readonly kind: PeerKind;
  /** The host may not connect; an accepting protocol that can say so does, and rejects in any case. */
  readonly banned: boolean;
  /** Whether limits hold for this host. */
  readonly enforce: boolean;
  /** Aborts when the node stops. */
  readonly signal: AbortSignal;
  /** The id that the peer will have; drawn when it is first asked for. */
  readonly id?: () => number;
  /** Keeps the engine from ending before a socket is released, which may be later than the session. */
  readonly holds: (socket: Promise<unknown>) => void;
}

/** Inbound slots: how many there are, and which sessions have one. */
export interface Slots<S> {
  readonly max: number;
  readonly isAlike: (other: S) => boolean;
}

/** One network's way of opening connections. */
export interface PeerProtocol<S> {
  /** Dials and shakes hands. Rejects with a `NodeError`. */
  dial(address: PeerAddress, context: OpenContext): Promise<S>;
  /** Shakes hands with who dialled us. The duplex is the protocol's: on failure it destroys it. */
  accept(duplex: ByteDuplex, context: OpenContext): Promise<S>;
  /** What an error on opening a connection means. */
  exitFor(error: unknown): PeerExit;
  /** Whether both sessions are with the same node; the older one is closed then. */
  isSame(one: S, other: S): boolean;
  /** The slots that an inbound session needs, one of each. */
  slotsFor(session: S): readonly Slots<S>[];
  /** Ends an inbound session for want of a slot. */
  refuseSlot(session: S): NodeError;
}

/** What a peer's life looks like to the rest of the node. */
export interface PeerEvents<P, I> {
  /** The handshake is done. */
  joined(peer: P): void;
  /** A message that is no reply. */
  message(peer: P, incoming: I): void | Promise<void>;
  left(peer: P, exit: PeerExit): void;
  /** A connection that never became a peer. */
  failed(address: PeerAddress | undefined, direction: "in" | "out", error: Error): void;
  banned(host: string, seconds: number, reason: string, terms: BanTerms): void;
  /** Connections are not accepted, once a minute: how many were refused, or why there are none. */
  refusing?(text: string): void;
}

/** What connections need. */
export interface ConnectionsParts<S extends PeerSession<I>, P extends Peer<S>, I> {
  readonly clock: Clock;
  readonly protocol: PeerProtocol<S>;
  readonly makePeer: (init: PeerInit<S>) => P;
  /** Hosts that limits and bans do not concern. */
  readonly isExempt: (host: string) => boolean;
  /** Hosts that bans do not concern, but limits do. */
  readonly whitelist: Pick<Subnets, "has">;
  /** What hosts may do that others may not; nobody anything when absent. */
  readonly permissions?: PermissionList;
  /** The network and the group of a host; the group is hashed under a secret key, so that nobody can choose it. */
  readonly placeOf: (host: string) => { readonly network: string; readonly keyedGroup: bigint };
  readonly events: PeerEvents<P, I>;
  /** How fast connections may come before each host gets its share only; that of TLS when absent. */
  readonly gateRate?: GateRate;
  /** Inbound connections that may be shaking hands at once; 128 when absent. */
  readonly openingMax?: number | undefined;
}

/** What is remembered of a peer that has to answer for something later, when it may be gone. */
export type Debtor = Pick<Peer, "id" | "kind" | "place" | "score">;

/** How often it is told that connections were refused at the gate. */
const REFUSING_EVERY_MS = 60_000;

/** All connections of one network. */
export class Connections<S extends PeerSession<I>, P extends Peer<S>, I> {
  readonly bans: BanList;
  readonly #parts: ConnectionsParts<S, P, I>;
  /** Those whose sessions go on. A list of its own after each change: it is asked for several times a second. */
  #alive: readonly P[] = [];
  /** How many at its head are those that we chose. */
  #chosen = 0;
  readonly #running = new Set<Promise<void>>();
  readonly #gate: AcceptGate;
  readonly #stop = new AbortController();
  #isActive = true;
  /** Inbound connections that shake hands, oldest first. */
  readonly #opening = new Set<{ readonly duplex: ByteDuplex; readonly group: bigint }>();
  readonly #openingMax: number;
  #toldRefused = 0;
  #tellAfter = -Infinity;
  #nextId = 1;

  constructor(parts: ConnectionsParts<S, P, I>) {
    this.#parts = parts;
    this.#gate = new AcceptGate(parts.clock, parts.gateRate);
    this.#openingMax = parts.openingMax ?? OPENING_MAX;
    this.bans = new BanList(parts.clock, (host) => parts.isExempt(host) || parts.whitelist.has(host));
  }

  /** The peers whose sessions go on: those that we chose before those that chose us. */
  get peers(): readonly P[] {
    return this.#alive;
  }

  /** Dials a peer and shakes hands. The peer is served until it ends. @throws NodeError why it failed */
  async dial(address: PeerAddress, kind: Exclude<PeerKind, "inbound">): Promise<P> {
    const ban = this.bans.find(address.host, "out");
    // The operator's own choice is dialled unless the operator banned it, or unless it was itself that offended.
    const isOwnDeed = ban?.effect === "ban" && (ban.port ?? address.port) === address.port;
    if (ban !== undefined && (kind !== "manual" || isOwnDeed)) {
      throw new NodeError("banned", "self", `${address.host} is ${BAN_WORDS[ban.effect]}: ${ban.reason}`);
    }
    const context = this.#context(kind, address.host, false);
    return await this.#open(kind, address, () => this.#parts.protocol.dial(address, context), context.id);
  }

  /** Whether there may be connections. */
  get isActive(): boolean {
    return this.#isActive;
  }

  /** Lets connections be, or ends all of them and makes and takes none. */
  setActive(active: boolean): void {
    this.#isActive = active;
    if (active) return;
    this.disconnect(() => true);
    for (const { duplex } of [...this.#opening]) duplex.destroy();
  }

  /** Whether a listener is to take a connection from a host at all. */
  admits(host: string): boolean {
    const { isExempt, placeOf } = this.#parts;
    if (isExempt(host)) return true;
    const isAdmitted = this.#gate.admit(host, placeOf(host).keyedGroup, 1 - this.#opening.size / this.#openingMax);
    if (!isAdmitted) this.#tellRefused();
    return isAdmitted;
  }

  /** Connections that were refused at the gate so far, by reason. */
  get refused(): Readonly<Record<Refusal, number>> {
    return this.#gate.refused;
  }

  /** A connection that a listener accepted failed before it came here; without `remote`, all that are accepted do. */
  acceptFailed(error: Error, remote: PeerAddress | undefined): void {
    if (remote === undefined) return this.#parts.events.refusing?.(error.message);
    this.#countFailure(remote.host, error);
    this.#parts.events.failed(remote, "in", error);
  }

  /** Counts a connection that never became a peer against its host, unless that was for want of room here. */
  #countFailure(host: string, error: unknown): void {
    if (!(error instanceof NodeError && error.fault === "self")) this.#gate.failed(host);
  }

  /** Takes over a connection that a listener accepted. */
  accept(duplex: ByteDuplex): void {
    const { protocol, events } = this.#parts;
    if (this.#stop.signal.aborted || !this.#isActive) return duplex.destroy();
    const { host } = duplex.remote;
    const place = { duplex, group: this.#parts.placeOf(host).keyedGroup };
    this.#opening.add(place);
    if (this.#opening.size > this.#openingMax) this.#crowdedOut().duplex.destroy();
    const context = this.#context("inbound", host, this.bans.find(host, "in")?.effect === "ban");
    this.#track(
      this.#open("inbound", duplex.remote, () =>
        protocol.accept(duplex, context).catch((error) => {
          this.#countFailure(host, error);
          throw error;
        }), context.id)
        .catch((error) => events.failed(duplex.remote, "in", error instanceof Error ? error : new Error(String(error))))
        .finally(() => this.#opening.delete(place)),
    );
  }

  /** Ends the connections for which `matches` holds; false when there are none. */
  disconnect(matches: (peer: P) => boolean): boolean {
    const found = this.peers.filter(matches);
    for (const peer of found) peer.session.close();
    return found.length > 0;
  }

  /** Bans a host or a subnet for the operator: its connections end in both directions, and it is not dialled. */
  ban(subnet: string, seconds: number, reason: string): void {
    if (this.#note(subnet, seconds, reason, { effect: "ban", scope: "all" })) {
      this.disconnect((peer) => this.bans.find(peer.host, "out")?.effect === "ban");
    }
  }

  /**
   * A peer did wrong what is found out only now. The connection over which it did ends for that; when it has ended, its host
   * pays as it would have then.
   */
  charge(debtor: Debtor, fault: PeerOffence): void {
    const peer = this.#alive.find(({ id }) => id === debtor.id);
    if (peer !== undefined) return peer.session.fail(fault);
    this.#settle(debtor.kind, debtor.place, exitFor(fault), debtor.score);
  }

  /** Ends all connections and waits until they are gone. */
  async close(): Promise<void> {
    this.#stop.abort(stopped());
    this.disconnect(() => true);
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #context(kind: PeerKind, host: string, banned: boolean): OpenContext & { readonly id: () => number } {
    let id: number | undefined;
    return {
      id: () => (id ??= this.#nextId++),
      kind,
      banned,
      enforce: !this.#parts.isExempt(host),
      signal: this.#stop.signal,
      holds: (socket) => this.#track(socket),
    };
  }

  async #open(kind: PeerKind, place: PeerAddress, open: () => Promise<S>, id: () => number): Promise<P> {
    const { protocol, clock, makePeer } = this.#parts;
    let session: S;
    try {
      this.#requireActive();
      session = await open();
      if (!this.#isActive) session.close();
      this.#requireActive();
      this.#requireWelcome(kind, place, session);
      if (kind === "inbound") this.#makeRoom(session);
    } catch (thrown) {
      this.#settle(kind, place, protocol.exitFor(thrown), new Score());
      throw thrown;
    }
    for (const other of this.peers) if (protocol.isSame(other.session, session)) other.session.close();
    const permissions = this.#parts.permissions?.of(place.host, kind === "inbound" ? "in" : "out") ?? [];
    const peer = makePeer({ id: id(), kind, session, since: clock.now(), permissions });
    this.#enlist(peer);
    this.#track(this.#serve(peer));
    return peer;
  }

  /** Puts a peer on the list until its session ends. */
  #enlist(peer: P): void {
    const { signal } = peer.session;
    if (signal.aborted) return;
    const before = peer.direction === "out" ? this.#chosen++ : this.#alive.length;
    this.#alive = [...this.#alive.slice(0, before), peer, ...this.#alive.slice(before)];
    signal.addEventListener("abort", () => this.#strike(peer), { once: true });
  }

  #strike(peer: P): void {
    if (!this.#alive.includes(peer)) return;
    this.#alive = this.#alive.filter((each) => each !== peer);
    if (peer.direction === "out") this.#chosen -= 1;
  }

  #requireActive(): void {
    if (!this.#isActive) throw new NodeError("NETWORK_OFF", "self", "the network is switched off");
  }

  /** Its host may have been banned while hands were shaken. @throws NodeError it was */
  #requireWelcome(kind: PeerKind, { host, port }: PeerAddress, session: S): void {
    const ban = this.bans.find(host, kind === "inbound" ? "in" : "out");
    if (ban?.effect !== "ban" || (kind === "manual" && (ban.port ?? port) !== port)) return;
    session.close();
    throw new NodeError("banned", "self", `${host} is ${BAN_WORDS.ban}: ${ban.reason}`);
  }

  #tellRefused(): void {
    const now = this.#parts.clock.monotonic();
    if (now < this.#tellAfter) return;
    this.#tellAfter = now + REFUSING_EVERY_MS;
    const { refused } = this.#gate;
    const total = Object.values(refused).reduce((sum, count) => sum + count, 0);
    const since = total - this.#toldRefused;
    this.#toldRefused = total;
    const reasons = Object.entries(refused).filter(([, count]) => count > 0).map(([reason, count]) =>
      `${reason} ${count}`
    );
    this.#parts.events.refusing?.(
      `${since} connections were refused since the last such line; in all: ${reasons.join(", ")}`,
    );
  }

  /** The one that has waited longest, of the group with most that wait: many who say nothing keep out only their own. */
  #crowdedOut(): { readonly duplex: ByteDuplex } {
    const counts = new Map<bigint, number>();
    for (const { group } of this.#opening) counts.set(group, (counts.get(group) ?? 0) + 1);
    const most = Math.max(...counts.values());
    const first = [...this.#opening].find(({ group }) => counts.get(group) === most)!;
    this.#opening.delete(first);
    return first;
  }

  /** Finds a slot for an inbound session, if need be that of a peer that is worth less. @throws NodeError there is none */
  #makeRoom(session: S): void {
    for (const slots of this.#parts.protocol.slotsFor(session)) this.#makeRoomIn(slots, session);
  }

  #makeRoomIn({ max, isAlike }: Slots<S>, session: S): void {
    const { protocol, placeOf, isExempt, whitelist } = this.#parts;
    const rivals = this.peers.filter((peer) =>
      peer.direction === "in" && isAlike(peer.session) && !protocol.isSame(peer.session, session)
    );
    const isDiscouraged = (host: string) => this.bans.find(host, "in")?.effect === "discourage";
    // A discouraged host does not get the last slot.
    if (rivals.length < max - (isDiscouraged(session.remote.host) ? 1 : 0)) return;
    if (isDiscouraged(session.remote.host)) throw protocol.refuseSlot(session);
    const evicted = max === 0 ? undefined : chooseEviction(rivals.map((peer) => ({
      ...peer.merits,
      ...placeOf(peer.host),
      id: peer.id,
      direction: peer.direction,
      isExempt: isExempt(peer.host) || whitelist.has(peer.host),
      sinceMs: peer.since,
      goesFirst: isDiscouraged(peer.host),
      isLocal: isLoopback(peer.host),
    })));
    if (evicted === undefined) throw protocol.refuseSlot(session);
    this.disconnect(({ id }) => id === evicted);
  }

  async #serve(peer: P): Promise<void> {
    const { events } = this.#parts;
    events.joined(peer);
    const exit = await peer.session.run((incoming) => events.message(peer, incoming));
    this.#strike(peer);
    this.#settle(peer.kind, peer.session.remote, exit, peer.score);
    events.left(peer, exit);
  }

  /**
   * Makes a host pay for how its connection ended. Its other connections go on: they may be another node's, and answer for
   * themselves. For the same reason what came to us and offended says nothing of what we dial there.
   */
  #settle(kind: PeerKind, { host, port }: PeerAddress, { offence, message }: PeerExit, score: Score): void {
    if (offence === undefined) return;
    const { effect, banSeconds } = score.charge(offence, this.#parts.clock.monotonic());
    if (effect === "none") return;
    const whom: Omit<BanTerms, "effect"> = kind === "inbound" ? { scope: "inbound" } : { scope: "all", port };
    this.#note(host, banSeconds, message, { effect, ...whom });
  }

  #note(host: string, seconds: number, reason: string, terms: BanTerms): boolean {
    if (seconds <= 0 || !this.bans.ban(host, seconds, reason, terms)) return false;
    this.#parts.events.banned(host, seconds, reason, terms);
    return true;
  }

  #track(work: Promise<unknown>): void {
    const tracked = work.then(() => {}, (error) => {
      this.#parts.events.failed(undefined, "in", new Error(messageOf(error)));
    }).finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }
}
