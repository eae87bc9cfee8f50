/**
 * Bans as the operator sees and sets them.
 *
 * @see Bitcoin Core `rpc/net.cpp` (listbanned, setban)
 * @module
 */
import { type Ban, banTarget } from "../core/peers/bans.ts";
import type { Clock } from "../core/ports.ts";
import type { BitcoinPeerNetwork } from "./peers/network.ts";
import type { BitcoinBan } from "./service.ts";
import { banView } from "./views.ts";

/** The bans of one node. */
export class OperatorBans {
  readonly #connections: BitcoinPeerNetwork["connections"];
  readonly #clock: Clock;
  /** What was last told of which list. */
  #told: { readonly of: readonly Ban[]; readonly views: readonly BitcoinBan[] } | undefined;

  constructor(connections: BitcoinPeerNetwork["connections"], clock: Clock) {
    this.#connections = connections;
    this.#clock = clock;
  }

  /** All bans. */
  list(): readonly BitcoinBan[] {
    const list = this.#connections.bans.list();
    if (this.#told?.of === list) return this.#told.views;
    const views = list.map(banView);
    this.#told = { of: list, views };
    return views;
  }

  /** Bans a host or subnet until a time (unix milliseconds); false when it is banned already. */
  add(subnet: string, until: number, reason: string): boolean {
    const normal = banTarget(subnet);
    const isBanned = this.#connections.bans.list().some(({ host, effect, scope }) =>
      host === normal && effect === "ban" && scope === "all"
    );
    if (normal === undefined || isBanned) return false;
    this.#connections.ban(normal, (until - this.#clock.now()) / 1000, reason);
    return true;
  }
}
