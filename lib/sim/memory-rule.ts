/**
 * The rule that a node's accounts of memory are true: what they say of a connection is held, and nothing is said of a
 * connection that has gone. Held against what the sockets gave, which the node does not count.
 *
 * @module
 */
import type { RunningNode } from "../config.ts";
import type { AccountGlance } from "../core/peers/memory-budget.ts";
import type { LinkEnd } from "./links.ts";
import type { Presence } from "./network.ts";

/** Memory is taken in pieces of this size: so much more may be accounted than has come. */
const PIECE_BYTES = 64 * 1024;
/** What a count from outside does not know to a byte: lengths that were read already, heads of frames. */
const ROUNDING_BYTES = 64;
/** By then what came in whole messages is handled, whatever it waits for. */
const QUIET_MS = 60_000;

/** One connection as it was when it last moved. */
interface Quiet {
  taken: number;
  since: number;
}

/** Looks at the accounts of nodes again and again. */
export class MemoryRule {
  readonly #broke: (rule: string, host: string, detail: string) => void;
  readonly #quiet = new WeakMap<LinkEnd, Quiet>();

  constructor(broke: (rule: string, host: string, detail: string) => void) {
    this.#broke = broke;
  }

  /** Holds one node to it. `at`: virtual milliseconds. */
  check(host: string, { ends }: Presence, { memory }: RunningNode, at: number): void {
    const accounts = new Map<string, AccountGlance>();
    let sum = memory.charged;
    for (const account of memory.accounts) {
      const { in: came, work, out } = account.held;
      sum += came + work + out + account.waiting;
      if (account.isOpen) accounts.set(account.name, account);
      if (came < 0 || work < 0 || out < 0) this.#tell(host, account.name, "less than nothing is accounted");
    }
    if (sum !== memory.used) this.#tell(host, "all", `${memory.used} bytes are accounted, of connections ${sum}`);
    for (const end of ends) {
      const account = accounts.get(`${end.remote.host} ${end.remote.port}`);
      accounts.delete(`${end.remote.host} ${end.remote.port}`);
      if (account !== undefined && !end.isOver) this.#compare(host, end, account, at);
    }
    for (const { name } of accounts.values()) this.#tell(host, name, "an account has no connection");
  }

  #compare(host: string, end: LinkEnd, { name, held }: AccountGlance, at: number): void {
    const { taken, tail } = end.inbox;
    if (tail === undefined) return;
    const last = this.#quiet.get(end);
    if (last === undefined || last.taken !== taken || held.work > 0 || held.out > 0) {
      this.#quiet.set(end, { taken, since: at });
      return;
    }
    if (at - last.since < QUIET_MS) return;
    if (held.in > tail.bytes + PIECE_BYTES) {
      this.#tell(host, name, `${held.in} bytes are accounted, ${tail.bytes} have come of a message`);
    } else if (held.in < tail.bytes - ROUNDING_BYTES) {
      this.#tell(host, name, `${held.in} bytes are accounted, ${tail.bytes} are held of a message`);
    }
  }

  #tell(host: string, name: string, text: string): void {
    this.#broke("what is accounted is held", host, `${name}: ${text}`);
  }
}
