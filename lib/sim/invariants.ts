/**
 * The rules that hold in every world at every moment, whatever goes wrong in it.
 *
 * @module
 */
import type { RunningNode } from "../config.ts";
import type { LinkEnd } from "./links.ts";
import type { Life, SimNode } from "./node.ts";
import type { BanGlance, PeerGlance, Play } from "./play.ts";

/** What the rules need to know. */
export interface RuleParts {
  readonly play: Play;
  readonly honest: ReadonlySet<string>;
  readonly outbound: number;
  readonly peersMax: number;
  readonly broke: (rule: string, host: string, detail: string) => void;
}

/** Outgoing connections beside the ones that are aimed at: feelers, and those that relay blocks only. */
const OUTBOUND_EXTRA = 4;
/** Inbound connections that may be shaking hands. */
const OPENING_MAX = 64;
/** Bytes that a node may have waiting for one peer that does not read. */
const UNSENT_BYTES_MAX = 20 * 1024 * 1024;
/** Bytes that came for a node and that it has not read, or read and not handled: what a socket holds and a message more. */
const UNREAD_BYTES_MAX = 5 * 1024 * 1024;
/** That is looked at as often as every so manieth time: it is dear, and what waits does not go away. */
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

/** Looks at nodes again and again. */
export class Rules {
  readonly #parts: RuleParts;
  #looks = 0;
  /** When a connection was first seen open without a peer. */
  readonly #unknownSince = new WeakMap<LinkEnd, number>();
  readonly #weights = new WeakMap<Life, bigint>();
  /** Bans of each host at the last look and at the one before, and the run in which that was. */
  readonly #bansSeen = new Map<string, { life: Life; last: readonly BanGlance[]; before: readonly BanGlance[] }>();

  constructor(parts: RuleParts) {
    this.#parts = parts;
  }

  /** Holds one node to the rules. `at`: virtual milliseconds. */
  check(subject: SimNode, at: number): void {
    const { host, life } = subject;
    const node = life?.node;
    if (life === undefined || node === undefined) return;
    const peers = this.#parts.play.peersOf(node);
    this.#slots(host, peers);
    this.#connections(host, life, peers, at);
    if (this.#looks++ % UNHANDLED_LOOKS === 0) this.#unhandled(host, life, node);
    this.#bans(subject, life, node, peers);
    this.#damage(subject, life);
    this.#tip(subject, node, life);
    const timers = TIMERS_MAX + TIMERS_PER_CONNECTION * life.presence.ends.size;
    if (life.clock.pending > timers) {
      this.#parts.broke("timers are bounded", host, `${life.clock.pending} timers, at most ${timers} make sense`);
    }
  }

  #slots(host: string, peers: readonly PeerGlance[]): void {
    const { outbound, peersMax, broke } = this.#parts;
    const out = peers.filter(({ direction }) => direction === "out").length;
    if (out > outbound + OUTBOUND_EXTRA) {
      broke("outbound slots", host, `${out} outbound peers, ${outbound} are aimed at`);
    }
    const inbound = peers.length - out;
    if (inbound > peersMax - outbound) {
      broke("inbound slots", host, `${inbound} inbound peers, ${peersMax - outbound} have a slot`);
    }
  }

  /** Peers and connections are the same, but for those that shake hands. */
  #connections(host: string, { presence }: Life, peers: readonly PeerGlance[], at: number): void {
    const { broke, peersMax } = this.#parts;
    const known = new Set(peers.map(({ name }) => name));
    let open = 0;
    for (const end of presence.ends) {
      if (end.isOver) continue;
      open += 1;
      if (end.waitingBytes > UNSENT_BYTES_MAX) {
        broke("queues are bounded", host, `${end.waitingBytes} bytes wait to be sent to ${end.remote.host}`);
      }
      if (end.inbox.bytes > UNREAD_BYTES_MAX) {
        broke("queues are bounded", host, `${end.inbox.bytes} bytes from ${end.remote.host} wait to be read`);
      }
      if (known.delete(end.name)) {
        if (this.#unknownSince.has(end)) this.#unknownSince.delete(end);
        continue;
      }
      const since = this.#unknownSince.get(end) ?? at;
      this.#unknownSince.set(end, since);
      if (at - since > UNKNOWN_MS) broke("no connection is forgotten", host, `one with ${end.remote.host} has no peer`);
    }
    if (open > peersMax + OPENING_MAX + OUTBOUND_EXTRA) broke("connections are bounded", host, `${open} are open`);
    for (const peer of known) broke("no peer is leaked", host, `${peer} has no connection`);
  }

  /** What was read from a peer and waits inside the node. */
  #unhandled(host: string, { presence }: Life, node: RunningNode): void {
    const read = this.#parts.play.readBytesOf(node);
    for (const { remote, inbox } of presence.ends) {
      const bytes = inbox.taken - (read.get(`${remote.host} ${remote.port}`) ?? Infinity);
      if (bytes > UNREAD_BYTES_MAX) {
        this.#parts.broke("queues are bounded", host, `${bytes} bytes from ${remote.host} wait to be handled`);
      }
    }
  }

  #bans({ host, isSound }: SimNode, life: Life, node: RunningNode, peers: readonly PeerGlance[]): void {
    const { play, honest, broke } = this.#parts;
    const now = life.clock.now();
    const bans = play.bansOf(node);
    const seen = this.#bansSeen.get(host);
    const isFileGone = life.damaged.some((path) => path.endsWith(BANS_FILE));
    if (seen !== undefined && seen.life !== life && !isFileGone) {
      // Those of the last look may be too young to have reached the disk.
      for (const { host: banned, until } of seen.before) {
        const isKept = until < now + 1_000 || bans.some((ban) => ban.host === banned);
        if (!isKept) broke("bans last over restarts", host, `that of ${banned} is gone`);
      }
    }
    // On a full disk no ban reaches the file; then those of before count, as far as they are still there.
    const before = seen?.life !== life
      ? []
      : isSound
      ? seen.last
      : seen.before.filter(({ host }) => bans.some((ban) => ban.host === host));
    this.#bansSeen.set(host, { life, last: isSound ? bans : [], before });
    for (const ban of bans) {
      const lastsMs = ban.until - ban.since;
      if (honest.has(ban.host) && lastsMs > PAUSE_MS) {
        broke("no honest node is banned", host, `${ban.host} for ${Math.round(lastsMs / 1000)} s`);
      }
      // When the clock goes back, a ban that had ended begins anew.
      if (ban.effect === "ban" && !life.hasJumped && peers.some((peer) => peer.host === ban.host)) {
        broke("who is banned is not connected", host, ban.host);
      }
    }
  }

  /** Small files that were damaged are set aside, and everybody can see that. */
  #damage({ host, disk }: SimNode, { damaged }: Life): void {
    for (const path of damaged) {
      if (!SET_ASIDE.test(path) || disk.files.has(`${path}.damaged`) || disk.isFull) continue;
      this.#parts.broke("a damaged file is set aside", host, path);
    }
  }

  #tip({ host, weightAtStop }: SimNode, node: RunningNode, life: Life): void {
    const { play, broke } = this.#parts;
    const tip = play.tipOf(node);
    if (tip === undefined) return;
    if (tip.height > 0 && !play.isValid(tip.hash)) broke("the tip is valid", host, `${tip.height} ${tip.hash}`);
    if (!this.#weights.has(life) && tip.weight < weightAtStop) {
      broke("a stop in order loses nothing", host, `${tip.weight} of ${weightAtStop}`);
    }
    if (tip.weight < (this.#weights.get(life) ?? 0n)) broke("the weight never falls", host, `${tip.weight}`);
    this.#weights.set(life, tip.weight);
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
