/**
 * The addresses that a crawl has heard of and not visited yet. The next one is drawn by group first, then within the
 * group: who tells a thousand addresses of one network gets no more visits than who tells one.
 *
 * @module
 */
import { toHex } from "../codec/hex.ts";
import type { PeerAddress, Random } from "../core/ports.ts";

/** An address in its normal form with its group, such as the /16 of an IPv4 address. */
export interface Place extends PeerAddress {
  readonly network: string;
  readonly group: Uint8Array;
}

/** An address that waits. */
export interface Waiting {
  readonly place: Place;
  /** Where it was heard, `HOST:PORT`, or `seed`. */
  readonly toldBy: string;
  /** Unix milliseconds. */
  readonly heardAt: number;
}

interface Group {
  readonly name: string;
  readonly waiting: Waiting[];
  busy: number;
  /** Place in the list of groups of which one may be visited; -1 when it is not there. */
  at: number;
}

/** How much is kept. */
export interface FrontierLimits {
  /** Addresses, visited ones too, of which a crawl keeps anything; more are counted and forgotten. */
  readonly knownMax: number;
  /** Connections at once to one group. */
  readonly perGroup: number;
  /** Ports of one host that are visited; more are counted and forgotten: nobody shall have us scan somebody else. */
  readonly portsPerHost: number;
}

/** What waits. Every operation takes constant time. */
export class Frontier {
  readonly #limits: FrontierLimits;
  readonly #groups = new Map<string, Group>();
  readonly #ready: Group[] = [];
  /** Ports by host. */
  readonly #known = new Map<string, Set<number>>();
  #addresses = 0;
  #waiting = 0;
  #dropped = 0;

  constructor(limits: FrontierLimits) {
    this.#limits = limits;
  }

  /** Addresses that were heard of, visited or not. */
  get known(): number {
    return this.#addresses;
  }

  /** Addresses that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Addresses that were told when no more could be kept, of their host or at all. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes an address in, once. */
  add(waiting: Waiting): void {
    const { place } = waiting;
    const ports = this.#known.get(place.host);
    if (ports?.has(place.port)) return;
    if (this.#addresses >= this.#limits.knownMax || (ports?.size ?? 0) >= this.#limits.portsPerHost) {
      this.#dropped += 1;
      return;
    }
    if (ports === undefined) this.#known.set(place.host, new Set([place.port]));
    else ports.add(place.port);
    this.#addresses += 1;
    this.#waiting += 1;
    const group = this.#groupOf(place);
    group.waiting.push(waiting);
    this.#sort(group);
  }

  /** Draws an address of a group in which nobody is visited now; undefined when there is none. Its group is taken. */
  take(random: Random): Waiting | undefined {
    if (this.#ready.length === 0) return undefined;
    const group = this.#ready[random.below(this.#ready.length)]!;
    const at = random.below(group.waiting.length);
    const drawn = group.waiting[at]!;
    const last = group.waiting.pop()!;
    if (last !== drawn) group.waiting[at] = last;
    group.busy += 1;
    this.#waiting -= 1;
    this.#sort(group);
    return drawn;
  }

  /** Gives an address's group free again. */
  release({ place }: Waiting): void {
    const group = this.#groupOf(place);
    group.busy -= 1;
    this.#sort(group);
  }

  #groupOf({ group, network }: Place): Group {
    const name = `${network} ${toHex(group)}`;
    let found = this.#groups.get(name);
    if (found === undefined) this.#groups.set(name, found = { name, waiting: [], busy: 0, at: -1 });
    return found;
  }

  /** Puts a group into the list of ready ones, or takes it out. */
  #sort(group: Group): void {
    const isReady = group.waiting.length > 0 && group.busy < this.#limits.perGroup;
    if (isReady === group.at >= 0) return;
    if (isReady) {
      group.at = this.#ready.push(group) - 1;
      return;
    }
    const last = this.#ready.pop()!;
    if (last !== group) {
      this.#ready[group.at] = last;
      last.at = group.at;
    }
    group.at = -1;
  }
}
