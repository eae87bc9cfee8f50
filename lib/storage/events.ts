/**
 * The durable event log: what happened, in order, under ids that rise by one and survive a restart. Consumers read it
 * by cursor; the bus only tells them that there is something new.
 *
 * @module
 */

/** What the data of an event may hold; the same in JSON and in CBOR. Integers above 2^53 are bigint. */
export type EventData = { readonly [name: string]: EventValue };
/** One value inside an event. */
export type EventValue = null | boolean | number | bigint | string | readonly EventValue[] | EventData;

/** An event before it has an id. */
export interface NewEvent {
  /** `chia.peak`, `p2p.connect`, … as `docs/rpc.md` lists them. */
  readonly topic: string;
  /** Unix time in milliseconds. */
  readonly time: number;
  /** `chia`, `bitcoin`, or null for the node itself. */
  readonly chain: string | null;
  readonly network: string | null;
  readonly data: EventData;
}

/** An event of the log. */
export interface LoggedEvent extends NewEvent {
  readonly id: number;
}

/** An event of a log with its data as CBOR, as it is stored: so it goes from one log into another. */
export interface EncodedEvent extends Omit<LoggedEvent, "data"> {
  readonly data: Uint8Array;
}

/** Which event, and of when. */
export type EventAge = Pick<LoggedEvent, "id" | "time">;

/** An event that is told and not kept: it has no id. */
export interface LiveNodeEvent extends NewEvent {
  /** Bytes that it takes, about. */
  readonly bytes: number;
}

/** Topics of events that are told and not kept, by their whole names. */
export const LIVE_TOPICS: readonly string[] = ["bitcoin.mempool", "bitcoin.tx"];

/** The log, append only. Events of a chain are appended by its store, in the transaction of the block that caused them. */
export interface EventLog {
  append(events: readonly NewEvent[]): Promise<readonly number[]>;
  /** Events with an id above `since`, rising, at most `limit`. */
  read(since: number, limit: number): Promise<LoggedEvent[]>;
  /** Ids of the oldest and newest event kept; both 0 when the log is empty. */
  bounds(): Promise<{ readonly oldest: number; readonly newest: number }>;
}

/** Writes events of one chain that belong to no block: a topic and its data. */
export type ChainEvents = (topic: string, data: EventData) => void;

/** What {@link ChainEvents} of a chain go through: the time is that of its clock. */
export function chainEvents({ record, clock, chain, network }: {
  readonly record: (events: readonly NewEvent[]) => void;
  readonly clock: { now(): number };
  readonly chain: string;
  readonly network: string;
}): ChainEvents {
  return (topic, data) => record([{ topic, time: clock.now(), chain, network, data }]);
}
