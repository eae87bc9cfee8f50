/**
 * One address of the book, and the judgement of it.
 *
 * @see Bitcoin Core `addrman.cpp` AddrInfo; chia-blockchain 2.7.5 `address_manager.py` ExtendedPeerInfo
 * @module
 */
import { BOOK, type Located, type TableName } from "./rules.ts";

/** What the book tells of an address. Times are unix seconds, 0 when never. */
export interface KnownAddress {
  readonly host: string;
  readonly port: number;
  /** Short name of the network, such as `ipv4`. */
  readonly network: string;
  /** What all addresses of its group share (`Located.group`) as text, for comparing. */
  readonly groupName: string;
  /** Bits of what it offers; 0 when unknown. */
  readonly services: bigint;
  /** Host or seed that told of it first; its own host when it did itself. */
  readonly source: string;
  /** When it was last seen by anyone, as far as we were told. */
  readonly timeS: number;
  readonly lastTryS: number;
  readonly lastSuccessS: number;
  /** Failures since the last success. */
  readonly attempts: number;
  readonly isTried: boolean;
  /** Slots that it holds in the new table. */
  readonly references: number;
}

/** A group's bytes as text, for comparing. */
export function groupNameOf({ group }: Pick<Located, "group">): string {
  return String.fromCharCode(...group);
}

/** Where an entry lies. */
export interface Slot {
  readonly table: TableName;
  readonly bucket: number;
  readonly position: number;
}

/** An entry as the tables keep it. Nothing outside of this folder changes one. */
export class Entry implements KnownAddress {
  readonly host: string;
  readonly port: number;
  readonly network: string;
  readonly group: Uint8Array;
  readonly groupName: string;
  readonly source: string;
  readonly sourceGroup: Uint8Array;
  services = 0n;
  timeS = 0;
  lastTryS = 0;
  lastSuccessS = 0;
  /** The last failed try that was counted. */
  lastCountedS = 0;
  attempts = 0;
  /** Slot of the tried table, or −1. */
  triedSlot = -1;
  /** Slots of the new table. */
  readonly newSlots: number[] = [];
  /** Its place in the list that samples are drawn from. */
  order = -1;

  constructor(
    { host, port, network }: Located,
    group: Uint8Array,
    groupName: string,
    source: string,
    sourceGroup: Uint8Array,
  ) {
    this.host = host;
    this.port = port;
    this.network = network;
    this.group = group;
    this.groupName = groupName;
    this.source = source;
    this.sourceGroup = sourceGroup;
  }

  get isTried(): boolean {
    return this.triedSlot >= 0;
  }

  get references(): number {
    return this.newSlots.length;
  }

  /** The buckets of {@link newSlots}. */
  get newBuckets(): number[] {
    return this.newSlots.map((slot) => Math.floor(slot / BOOK.bucketSize));
  }
}

/** What {@link isTerrible} and {@link selectionChance} look at. */
export type Record = Pick<KnownAddress, "timeS" | "lastTryS" | "lastSuccessS" | "attempts">;

/** Whether an entry is not worth its slot. */
export function isTerrible({ timeS, lastTryS, lastSuccessS, attempts }: Record, nowS: number): boolean {
  // What is being tried at this moment has not failed yet.
  if (lastTryS >= nowS - 60) return false;
  if (timeS > nowS + 600) return true;
  if (nowS - timeS > BOOK.horizonS) return true;
  if (lastSuccessS === 0 && attempts >= BOOK.retriesMax) return true;
  return nowS - lastSuccessS > BOOK.minFailS && attempts >= BOOK.failuresMax;
}

/** The chance, 0 … 1, that a drawn entry is taken at the first draw. */
export function selectionChance({ lastTryS, attempts }: Record, nowS: number): number {
  const recent = nowS - lastTryS < 600 ? 0.01 : 1;
  return recent * Math.pow(0.66, Math.min(attempts, 8));
}

/**
 * The time to believe of an address that a peer told: one from long before the network, or from more than ten minutes
 * ahead, counts as five days old. Both references do this to what gossip brings, before it reaches the book.
 */
export function believableTimeS(toldS: number, nowS: number): number {
  return toldS <= 100_000_000 || toldS > nowS + 600 ? nowS - 5 * 86_400 : toldS;
}
