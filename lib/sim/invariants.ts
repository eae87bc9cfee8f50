/**
 * The rules that hold in every world at every moment, whatever goes wrong in it.
 *
 * @module
 */
import type { RunningNode } from "../config.ts";
import type { LinkEnd } from "./links.ts";
import { MemoryRule } from "./memory-rule.ts";
import type { Life, SimNode } from "./sim-node.ts";
import type { BanGlance, PeerGlance, Play, Tip } from "./play.ts";

/** What the rules need to know. */
export interface RuleParts {
  readonly play: Play;
  readonly honest: ReadonlySet<string>;
  /** Hosts of honest nodes behind whose address a malicious peer stands as well. */
  readonly shared?: ReadonlySet<string>;
  readonly outbound: number;
  readonly peersMax: number;
  readonly broke: (rule: string, host: string, detail: string) => void;
}

/** Outgoing connections beside the ones that are aimed at: two that relay blocks only, and one extra one or a feeler. */
const OUTBOUND_EXTRA = 3;
/** Inbound connections that may be shaking hands. */
const OPENING_MAX = 64;
/** Bytes that a node may have waiting for one peer that does not read. */
const UNSENT_BYTES_MAX = 20 * 1024 * 1024;
/** Bytes that came for a node and that it has not read, or read and not handled: what a socket holds and a message more. */
const UNREAD_BYTES_MAX = 5 * 1024 * 1024;
/** That is checked once for so many checks of the rules: it costs much, and what waits does not go away. */
const UNHANDLED_LOOKS = 61;
/** Timers that a node may wait for by itself, and for each connection. */
const TIMERS_MAX = 64;
const TIMERS_PER_CONNECTION = 8;
/** A ban so short is a pause: Chia's answer to a peer that is silent, which an honest one on a cut line is as well. */
const PAUSE_MS = 30_000;
/** The end of the name of the file in which bans are kept. */
const BANS_FILE = "-bans.json";
/** Files without which a node can begin. */
const SET_ASIDE = /-(bans\.json|peers\.cbor)$/;
/** How long a connection may be open without its peer being known: the longest handshake and a margin. */
const UNKNOWN_MS = 180_000;

/** What was seen of a host at the last look. What is still the same needs no second look. */
interface Seen {
  readonly life: Life;
  peers: readonly PeerGlance[];
  /** The names of the peers, and at which look a connection of that name was last found. */
  names: Map<string, number>;
  /** How often connections had come and gone. */
  changes: number;
  /** Connections without a peer, and when each was first seen so. */
  readonly unknown: Map<LinkEnd, number>;
  tip: Tip | undefined;
  bans: readonly BanGlance[];
  /** Bans that have to outlast a restart: those of the last look and of the one before. */
  lasting: readonly BanGlance[];
  before: readonly BanGlance[];
}

const NO_BANS: readonly BanGlance[] = [];

/** Looks at nodes again and again. */
export class Rules {
  readonly #parts: RuleParts;
  #looks = 0;
  readonly #seen = new Map<string, Seen>();
  readonly #memory: MemoryRule;

  constructor(parts: RuleParts) {
    this.#parts = parts;
    this.#memory = new MemoryRule(parts.broke);
  }

  /** Holds one node to the rules. `at`: virtual milliseconds. */
  check(subject: SimNode, at: number): void {
    const { host, life } = subject;
    const node = life?.node;
    if (life === undefined || node === undefined) return;
    const { play, broke } = this.#parts;
    this.#looks += 1;
    const last = this.#seen.get(host);
    const seen = last?.life === life ? last : this.#meet(subject, life, node, last);
    const { presence } = life;
    const peers = play.peersOf(node);
    const isNew = peers !== seen.peers;
    const fresh = isNew && seen === last ? peers.filter(({ name }) => !seen.names.has(name)) : [];
    if (isNew) {
      seen.peers = peers;
      seen.names = new Map(peers.map(({ name }) => [name, -1]));
      this.#slots(host, peers);
    }
    // What is as it was was right; peers not known yet, and bytes that wait, are checked whatever has changed.
    if (isNew || presence.changes !== seen.changes || presence.isCrowded || seen.unknown.size > 0) {
      seen.changes = presence.changes;
      presence.isCrowded = false;
      this.#connections(host, seen, at);
    }
    if ((this.#looks - 1) % UNHANDLED_LOOKS === 0) {
      this.#unhandled(host, life, node);
      this.#memory.check(host, presence, node, at);
    }
    this.#bans(subject, seen, play.bansOf(node), fresh);
    this.#verdicts(host, life, node, at);
    this.#damage(subject, life);
    this.#tip(subject, seen, play.tipOf(node));
    const timers = TIMERS_MAX + TIMERS_PER_CONNECTION * presence.ends.size;
    if (life.clock.pending > timers) {
      broke("timers are bounded", host, `${life.clock.pending} timers, at most ${timers} make sense`);
    }
  }

  /** The first look at a run: what has to be there of the one before. */
  #meet({ host }: SimNode, life: Life, node: RunningNode, last: Seen | undefined): Seen {
    const { play, broke } = this.#parts;
    play.givers?.forget(host);
    const isFileGone = life.damaged.some((path) => path.endsWith(BANS_FILE));
    // By a clock that is wrong a ban that had ended seems to hold.
    if (last !== undefined && !isFileGone && !life.hasJumped) {
      const bans = play.bansOf(node);
      const now = life.clock.now();
      // Those of the last look may be too young to have reached the disk.
      for (const { host: banned, until } of last.before) {
        const isKept = until < now + 1_000 || bans.some((ban) => ban.host === banned);
        if (!isKept) broke("bans last over restarts", host, `that of ${banned} is gone`);
      }
    }
    const seen: Seen = {
      ...{ life, peers: [], changes: -1, names: new Map(), unknown: new Map(), tip: undefined },
      ...{ bans: NO_BANS, lasting: NO_BANS, before: NO_BANS },
    };
    this.#seen.set(host, seen);
    return seen;
  }

  #slots(host: string, peers: readonly PeerGlance[]): void {
    const { outbound, peersMax, broke } = this.#parts;
    const out = peers.filter(({ direction }) => direction === "out").length;
    if (out > outbound + OUTBOUND_EXTRA) {
      const kinds = peers.map(({ kind }) => kind).filter((kind) => kind !== "inbound").sort();
      broke("outbound slots", host, `${out} outbound peers, ${outbound} are aimed at: ${kinds.join(", ")}`);
    }
    const inbound = peers.length - out;
    if (inbound > peersMax - outbound) {
      broke("inbound slots", host, `${inbound} inbound peers, ${peersMax - outbound} have a slot`);
    }
  }

  /** Peers and connections are the same, but for those that shake hands. */
  #connections(host: string, { life: { presence }, names, unknown }: Seen, at: number): void {
    const { broke, peersMax } = this.#parts;
    let open = 0;
    let known = 0;
    for (const end of presence.ends) {
      if (end.isOver) continue;
      open += 1;
      if (end.waitingBytes > UNSENT_BYTES_MAX) {
        broke("queues are bounded", host, `${end.waitingBytes} bytes wait to be sent to ${end.remote.host}`);
      }
      if (end.inbox.bytes > UNREAD_BYTES_MAX) {
        broke("queues are bounded", host, `${end.inbox.bytes} bytes from ${end.remote.host} wait to be read`);
      }
      const found = names.get(end.name);
      // A second connection of one name is another peer's, or nobody's.
      if (found !== undefined && found !== this.#looks) {
        known += 1;
        names.set(end.name, this.#looks);
        if (unknown.size > 0) unknown.delete(end);
        continue;
      }
      const since = unknown.get(end) ?? at;
      unknown.set(end, since);
      if (at - since > UNKNOWN_MS) broke("no connection is forgotten", host, `one with ${end.remote.host} has no peer`);
    }
    if (unknown.size > open - known) { for (const end of unknown.keys()) if (end.isOver) unknown.delete(end); }
    if (open > peersMax + OPENING_MAX + OUTBOUND_EXTRA) broke("connections are bounded", host, `${open} are open`);
    if (known === names.size) return;
    for (const [name, look] of names) {
      if (look !== this.#looks) broke("no peer is leaked", host, `${name} has no connection`);
    }
  }

  /** What was read from a peer and waits inside the node. */
  #unhandled(host: string, { presence }: Life, node: RunningNode): void {
    // Of what never sent so much, no more can wait.
    const much = [...presence.ends].filter(({ inbox }) => inbox.taken > UNREAD_BYTES_MAX);
    if (much.length === 0) return;
    const read = this.#parts.play.readBytesOf(node);
    for (const { remote, inbox } of much) {
      const bytes = inbox.taken - (read.get(`${remote.host} ${remote.port}`) ?? Infinity);
      if (bytes > UNREAD_BYTES_MAX) {
        this.#parts.broke("queues are bounded", host, `${bytes} bytes from ${remote.host} wait to be handled`);
      }
    }
  }

  #bans({ host, isSound }: SimNode, seen: Seen, bans: readonly BanGlance[], fresh: readonly PeerGlance[]): void {
    const { honest, shared, broke } = this.#parts;
    // When the clock goes back, a ban that had ended begins anew.
    if (!seen.life.hasJumped) this.#requireKeptOut(host, seen.bans, bans, fresh);
    // On a full disk no ban reaches the file; then those of before count, as far as they are still there.
    if (isSound) seen.before = seen.lasting;
    else if (seen.before.length > 0) {
      seen.before = seen.before.filter(({ host }) => bans.some((ban) => ban.host === host));
    }
    seen.lasting = isSound ? bans : NO_BANS;
    if (bans === seen.bans) return;
    seen.bans = bans;
    for (const { host: banned, since, until, scope } of bans) {
      if (!honest.has(banned) || until - since <= PAUSE_MS) continue;
      // What a neighbour did is no word against the node: it is only not let in for a while.
      if (scope === "inbound" && shared?.has(banned)) continue;
      broke("no honest node is banned", host, `${banned} for ${Math.round((until - since) / 1000)} s`);
    }
  }

  /** A host that was banned at the last check, and still is, has not become a peer since. */
  #requireKeptOut(
    host: string,
    before: readonly BanGlance[],
    now: readonly BanGlance[],
    fresh: readonly PeerGlance[],
  ): void {
    if (fresh.length === 0 || before.length === 0) return;
    for (const peer of fresh) {
      const concerns = ({ host, effect, scope }: BanGlance) =>
        host === peer.host && effect === "ban" && (scope === "all" || peer.direction === "in");
      const isNamed = peer.kind === "manual";
      if (!isNamed && before.some(concerns) && now.some(concerns)) {
        this.#parts.broke("who is banned does not become a peer", host, `${peer.kind} ${peer.host}`);
      }
    }
  }

  /** The giver of a block that was refused later is gone by now, and nothing valid is taken for invalid. */
  #verdicts(host: string, { presence }: Life, node: RunningNode, at: number): void {
    const { play, broke } = this.#parts;
    const due = play.givers?.due(host, at) ?? [];
    const peers = due.length === 0 ? [] : play.peersOf(node);
    for (const { local: giver, remote: { port } } of due) {
      // One that takes its leave in order has a connection for a while, and is no peer any more.
      if (!peers.some((peer) => peer.host === giver.host && peer.port === giver.port)) continue;
      const isHis = ({ remote, local, isOver }: LinkEnd) =>
        !isOver && local.port === port && remote.host === giver.host && remote.port === giver.port;
      if ([...presence.ends].some(isHis)) broke("the giver of a refused block pays for it", host, giver.host);
    }
    if (play.condemnsValid?.(node) === true) broke("no valid block is condemned", host, "one of the honest chain is");
  }

  /** Small files that were damaged are set aside, and everybody can see that. */
  #damage({ host, disk }: SimNode, { damaged }: Life): void {
    for (const path of damaged) {
      if (!SET_ASIDE.test(path) || disk.files.has(`${path}.damaged`) || disk.isFull) continue;
      this.#parts.broke("a damaged file is set aside", host, path);
    }
  }

  #tip({ host, weightAtStop }: SimNode, seen: Seen, tip: Tip | undefined): void {
    if (tip === undefined || tip === seen.tip) return;
    const { play, broke } = this.#parts;
    if (tip.height > 0 && !play.isValid(tip.hash)) broke("the tip is valid", host, `${tip.height} ${tip.hash}`);
    if (seen.tip === undefined && tip.weight < weightAtStop) {
      broke("a stop in order loses nothing", host, `${tip.weight} of ${weightAtStop}`);
    }
    if (tip.weight < (seen.tip?.weight ?? 0n)) broke("the weight never falls", host, `${tip.weight}`);
    seen.tip = tip;
  }
}

/** The parts of the honest network that hang together, as lists of hosts, the largest first. */
export function partsOf(nodes: readonly SimNode[], play: Play): string[][] {
  const neighbours = new Map<string, Set<string>>(nodes.map(({ host }) => [host, new Set()]));
  for (const { host, running } of nodes) {
    for (const peer of running === undefined ? [] : play.peersOf(running)) {
      if (!neighbours.has(peer.host)) continue;
      neighbours.get(host)?.add(peer.host);
      neighbours.get(peer.host)?.add(host);
    }
  }
  const parts: string[][] = [];
  const seen = new Set<string>();
  for (const { host } of nodes) {
    if (seen.has(host)) continue;
    seen.add(host);
    const part = [host];
    for (const each of part) {
      for (const next of neighbours.get(each) ?? []) {
        if (seen.has(next)) continue;
        seen.add(next);
        part.push(next);
      }
    }
    parts.push(part);
  }
  return parts.sort((a, b) => b.length - a.length);
}

/**
 * The hosts that a chain can come to from those that have it, themselves included. A node that goes by the peers of its
 * choice takes it from those alone, and what only reaches such a node goes no further.
 */
export function reachedFrom(holders: readonly string[], nodes: readonly SimNode[], play: Play): Set<string> {
  const peersOf = new Map(nodes.map(({ host, running }) => [host, running === undefined ? [] : play.peersOf(running)]));
  const reached = new Set(holders);
  for (let grew = true; grew;) {
    grew = false;
    for (const { host } of nodes) {
      if (reached.has(host)) continue;
      // The other side of a connection may be long gone.
      const isMutual = (other: string) => peersOf.get(other)?.some((peer) => peer.host === host) === true;
      const tells = (peersOf.get(host) ?? []).some((peer) =>
        reached.has(peer.host) && isMutual(peer.host) && (peer.direction === "out" || !play.trustsPeers(host))
      );
      if (tells) reached.add(host);
      grew ||= tells;
    }
  }
  return reached;
}
