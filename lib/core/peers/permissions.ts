/**
 * What hosts that the operator names may do that others may not: `PERMISSIONS@SUBNET`, or a subnet alone.
 *
 * @see Bitcoin Core `net_permissions.cpp`, whose names and defaults these are
 * @module
 */
import { NodeError } from "../errors.ts";
import { Subnets } from "../subnets.ts";

/**
 * - `noban`: never banned, never put out for another, and may have what is kept back for fear of being recognised; hears of
 *   news at once.
 * - `download`: the upload target does not hold for it, nor the work that a chain needs to be served.
 * - `addr`: may tell and ask for addresses without bound.
 * - `relay`: may announce without bound, also to a node that takes nothing from others.
 * - `forcerelay`: has what is known already told on again, and is told to hold nothing back.
 * - `mempool`: may ask for all that waits.
 * - `bloomfilter`: known and shown; there is nothing yet that it would allow.
 */
export const PERMISSIONS = ["bloomfilter", "noban", "forcerelay", "relay", "mempool", "download", "addr"] as const;
/** One of {@link PERMISSIONS}. */
export type Permission = (typeof PERMISSIONS)[number];

/** What each gives beside itself. */
const IMPLIED: Partial<Record<Permission, Permission>> = { noban: "download", forcerelay: "relay" };
/** What a subnet without permissions gets. */
const STANDARD: readonly Permission[] = ["noban", "relay", "mempool"];
const SYNONYMS: Readonly<Record<string, readonly Permission[]>> = { bloom: ["bloomfilter"], all: PERMISSIONS };

type Direction = "in" | "out";

interface Entry {
  readonly hosts: Subnets;
  readonly permissions: ReadonlySet<Permission>;
  readonly directions: ReadonlySet<Direction>;
}

/**
 * The entries of a list that was split at its commas: an entry may have commas of its own between permissions, so that
 * `noban,in@10.0.0.0/8,192.0.2.7` are two.
 *
 * @throws NodeError `CONFIG_INVALID` for words that belong to no subnet
 *
 * @example
 * ```ts
 * import { splitPermissionList } from "gemel";
 *
 * assert.deepEqual(splitPermissionList(["noban", "in@10.0.0.0/8", "192.0.2.7"]), ["noban,in@10.0.0.0/8", "192.0.2.7"]);
 * ```
 */
export function splitPermissionList(words: readonly string[]): readonly string[] {
  const entries: string[] = [];
  let pending: string[] = [];
  for (const word of words) {
    if (!word.includes("@") && isPermissionWord(word)) {
      pending.push(word);
      continue;
    }
    // A subnet that stands alone is no end to permissions before it: they would be lost in silence.
    if (pending.length > 0 && !word.includes("@")) break;
    entries.push([...pending, word].join(","));
    pending = [];
  }
  if (pending.length > 0) throw invalid(`${pending.join(",")} names no subnet; PERMISSIONS@SUBNET is needed`);
  return entries;
}

/**
 * Hosts with permissions.
 *
 * @example
 * ```ts
 * import { PermissionList } from "gemel";
 *
 * const list = new PermissionList(["noban,addr@10.0.0.0/8"]);
 * assert.ok(list.has("10.1.2.3"));
 * ```
 */
export class PermissionList {
  readonly #entries: readonly Entry[];

  /** @param entries as {@link splitPermissionList} gives them. @throws NodeError `CONFIG_INVALID` */
  constructor(entries: readonly string[]) {
    this.#entries = entries.map(parse);
  }

  /** What a host may do whose connection has this direction, in the order of {@link PERMISSIONS}. */
  of(host: string, direction: Direction): readonly Permission[] {
    const granted = new Set<Permission>();
    for (const { hosts, permissions, directions } of this.#entries) {
      if (directions.has(direction) && hosts.has(host)) { for (const each of permissions) granted.add(each); }
    }
    return granted.size === 0 ? NONE : PERMISSIONS.filter((each) => granted.has(each));
  }

  /** Whether a host is never banned. */
  has(host: string): boolean {
    return this.#entries.some(({ hosts, permissions }) => permissions.has("noban") && hosts.has(host));
  }
}

const NONE: readonly Permission[] = [];

function isPermissionWord(word: string): boolean {
  return (PERMISSIONS as readonly string[]).includes(word) || Object.hasOwn(SYNONYMS, word) || word === "in" ||
    word === "out";
}

function parse(entry: string): Entry {
  const at = entry.lastIndexOf("@");
  const text = entry.slice(at + 1).trim();
  const hosts = new Subnets();
  if (!hosts.add(text)) throw invalid(`${text} is neither an address nor a subnet`);
  if (at < 0) return { hosts, permissions: withImplied(STANDARD), directions: new Set(["in"]) };
  const granted: Permission[] = [];
  const directions = new Set<Direction>();
  for (const word of entry.slice(0, at).split(",").map((each) => each.trim())) {
    if (word === "in" || word === "out") directions.add(word);
    else if (Object.hasOwn(SYNONYMS, word)) granted.push(...SYNONYMS[word]!);
    else if ((PERMISSIONS as readonly string[]).includes(word)) granted.push(word as Permission);
    else if (word !== "") throw invalid(`${word} is none of ${[...PERMISSIONS, "all", "in", "out"].join(", ")}`);
  }
  if (directions.size > 0 && granted.length === 0) throw invalid(`${entry} has a direction and no permission`);
  if (directions.size === 0) directions.add("in");
  return { hosts, permissions: withImplied(granted), directions };
}

function withImplied(granted: readonly Permission[]): ReadonlySet<Permission> {
  return new Set(granted.flatMap((each) => [each, IMPLIED[each] ?? each]));
}

function invalid(text: string): NodeError {
  return new NodeError("CONFIG_INVALID", "self", `whitelist: ${text}`);
}
