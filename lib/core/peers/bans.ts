/**
 * Hosts and subnets that may not connect, or are not wanted, for a while. Bounded; a longer ban is never cut short by a
 * shorter one, nor a ban weakened by a discouragement. In memory: `ban-keeper.ts` keeps it over restarts.
 *
 * @module
 */
import type { Clock } from "../ports.ts";
import { hostKindOf } from "../reachability.ts";
import { normalSubnet, Subnets } from "../subnets.ts";

/** One ban. Times are unix milliseconds. */
export interface Ban {
  /** An address, or a subnet as `203.0.113.0/24`. */
  readonly host: string;
  readonly since: number;
  readonly until: number;
  readonly reason: string;
  /** `discourage`: it may come while slots are free, see `reputation.ts`. */
  readonly effect: BanEffect;
  readonly scope: BanScope;
  /** The port at which the host was dialled when it offended; absent when it came to us, or for a ban by hand. */
  readonly port?: number;
}

/** What a ban does, and to which connections. */
export type BanTerms = Pick<Ban, "effect" | "scope" | "port">;

/**
 * Which connections a ban concerns. `inbound`: those that come from the host, because one that came from there offended.
 * Several nodes may stand behind one address: the one that we dial there answers for itself, so that no stranger can take
 * it from us. `all`: those that we dial as well, because one that we dialled offended, or because the operator said so.
 */
export type BanScope = "inbound" | "all";

/** What a ban does. */
export type BanEffect = "ban" | "discourage";

/** What it is called in logs and errors. */
export const BAN_WORDS: Readonly<Record<BanEffect, string>> = { ban: "banned", discourage: "discouraged" };

/** The key of an entry: a host may have one of each scope. */
const keyOf = (host: string, scope: BanScope) => (scope === "all" ? host : `${host} ${scope}`);

/** Bans that are kept; the one that ends first goes when there are more. */
const BANS_MAX = 10_000;
/** Bans of subnets are looked through one by one. */
const SUBNETS_MAX = 1_000;

/** A host of a network whose addresses are names; undefined for anything else. */
function namedHost(host: string): string | undefined {
  return ["onion", "i2p"].includes(hostKindOf(host) ?? "") ? host.toLowerCase() : undefined;
}

/** The one form of what may be banned: an address, a subnet, or a name of Tor or I2P. Undefined for anything else. */
export function banTarget(text: string): string | undefined {
  return normalSubnet(text) ?? namedHost(text);
}

/** The list. */
export class BanList {
  readonly #clock: Clock;
  readonly #exempt: (host: string) => boolean;
  readonly #bans = new Map<string, Ban>();
  readonly #subnets = new Subnets();
  /** What {@link list} gave, which holds until something changes or the first of them ends. */
  #listed: { readonly bans: readonly Ban[]; readonly until: number } | undefined;
  /** Called after each change; the code that keeps the list over restarts sets it. */
  onChange: () => void = () => {};

  /** @param exempt hosts that are never banned */
  constructor(clock: Clock, exempt: (host: string) => boolean = () => false) {
    this.#clock = clock;
    this.#exempt = exempt;
  }

  /** Takes in bans of an earlier run; those that have ended or are no bans are left out. */
  restore(bans: readonly Ban[]): void {
    for (const ban of bans.slice(0, BANS_MAX)) {
      const host = banTarget(ban.host);
      if (host === undefined || this.#exempt(host) || ban.until <= this.#clock.now()) continue;
      if (host.includes("/")) this.#subnets.add(host);
      this.#bans.set(keyOf(host, ban.scope), { ...ban, host });
    }
    this.#listed = undefined;
  }

  /** Bans an address or a subnet; false when it is exempt, or when there are too many subnets. */
  ban(
    subnet: string,
    seconds: number,
    reason: string,
    { effect = "ban", scope = "all", port }: Partial<BanTerms> = {},
  ): boolean {
    const host = normalSubnet(subnet) ?? subnet;
    if (this.#exempt(host)) return false;
    const since = this.#clock.now();
    const until = since + seconds * 1000;
    const key = keyOf(host, scope);
    const before = this.#current(key);
    const isStronger = before?.effect === "discourage" && effect === "ban";
    if (before !== undefined && !isStronger && (before.effect !== effect || before.until >= until)) return true;
    if (host.includes("/")) {
      if (this.#subnets.size >= SUBNETS_MAX && before === undefined) return false;
      if (!this.#subnets.add(host)) return false;
    }
    this.#bans.set(key, { host, since, until, reason, effect, scope, ...(port !== undefined && { port }) });
    this.#listed = undefined;
    if (this.#bans.size > BANS_MAX) this.#shrink();
    this.onChange();
    return true;
  }

  /** Lifts the ban of exactly this address or subnet; false when there is none. */
  unban(subnet: string): boolean {
    const host = normalSubnet(subnet) ?? subnet;
    const hadAll = this.#remove(host);
    const hadInbound = this.#remove(keyOf(host, "inbound"));
    return hadAll || hadInbound;
  }

  /**
   * What holds for a connection that a host dials (`in`) or that we dial there (`out`): the host's own entry or that of a
   * subnet around it, a ban before a discouragement.
   */
  find(host: string, direction: "in" | "out" = "in"): Ban | undefined {
    if (this.#bans.size === 0) return undefined;
    const normal = normalSubnet(host) ?? host;
    const own = [this.#current(normal), direction === "in" ? this.#current(keyOf(normal, "inbound")) : undefined];
    const banned = own.find((each) => each?.effect === "ban");
    if (banned !== undefined) return banned;
    for (const subnet of this.#subnets.around(normal)) {
      const ban = this.#current(subnet);
      if (ban !== undefined) return ban;
    }
    return own[0] ?? own[1];
  }

  /** All bans in force; the same array as long as they are the same. */
  list(): readonly Ban[] {
    if (this.#listed === undefined || this.#listed.until <= this.#clock.now()) {
      const bans = [...this.#bans.keys()].flatMap((host) => this.#current(host) ?? []);
      this.#listed = { bans, until: bans.reduce((first, { until }) => Math.min(first, until), Infinity) };
    }
    return this.#listed.bans;
  }

  #current(key: string): Ban | undefined {
    const ban = this.#bans.get(key);
    if (ban === undefined || ban.until > this.#clock.now()) return ban;
    this.#remove(key);
    return undefined;
  }

  #remove(key: string): boolean {
    this.#subnets.delete(key);
    if (!this.#bans.delete(key)) return false;
    this.#listed = undefined;
    this.onChange();
    return true;
  }

  #shrink(): void {
    this.list();
    if (this.#bans.size <= BANS_MAX) return;
    const first = [...this.#bans.values()].reduce((least, ban) => (ban.until < least.until ? ban : least));
    this.#remove(keyOf(first.host, first.scope));
  }
}
