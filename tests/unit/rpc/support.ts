/**
 * A node for RPC tests: memory store, pretended peers, a clock that stands still until told.
 *
 * @module
 */
import { SeededRandom } from "../../../lib/sim/random.ts";
import { chiaAddressRules } from "../../../lib/chia/addresses/rules.ts";
import { AddressBook } from "../../../lib/core/addresses/book.ts";
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { readConstants } from "../../../lib/chia/networks/mod.ts";
import { simulator0 } from "../../../lib/chia/networks/simulator0.ts";
import type { BanView, ChiaService, PeerView, SyncState } from "../../../lib/chia/service.ts";
import { MemoryChiaStore } from "../../../lib/chia/store/memory.ts";
import { type Json, parseJson } from "../../../lib/codec/json.ts";
import { BlockRecord, FullBlock } from "../../../lib/chia/types/mod.ts";
import type { LogLevel } from "../../../lib/config.ts";
import { LiveEvents } from "../../../lib/core/events/live.ts";
import { Bus } from "../../../lib/core/events/bus.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import type { Clock } from "../../../lib/core/ports.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { MemoryBudget } from "../../../lib/core/peers/memory-budget.ts";
import { Traffic } from "../../../lib/core/peers/traffic.ts";
import { UploadTarget } from "../../../lib/core/peers/upload-target.ts";
import { rpcApp } from "../../../lib/rpc/app.ts";
import { chiaHandle } from "../../../lib/rpc/chia/handle.ts";
import type { RpcContext } from "../../../lib/rpc/context.ts";
import type { RpcLimits } from "../../../lib/rpc/limits.ts";
import { openDatabase } from "../../../lib/platform/node/sqlite.ts";
import { EVENT_GROUPS_SCHEMA, EventGroups } from "../../../lib/storage/event-groups.ts";
import { MemoryEventLog } from "../../../lib/storage/event-log.ts";
import type { LiveNodeEvent } from "../../../lib/storage/events.ts";

/** A clock that moves only by {@link FakeClock.advance}. */
export class FakeClock implements Clock {
  #now = 1_763_721_064_120;
  #timers: { readonly at: number; readonly callback: () => void }[] = [];
  /** Longest sleep that was asked for. */
  longestSleepMs = 0;

  now(): number {
    return this.#now;
  }
  monotonic(): number {
    return this.#now;
  }
  sleep(ms: number): Promise<void> {
    this.longestSleepMs = Math.max(this.longestSleepMs, ms);
    return new Promise((resolve) => void this.after(ms, resolve));
  }
  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
  /** Moves time and runs what is due. */
  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { callback } of due) callback();
  }
  /** Timers that wait. */
  get pending(): number {
    return this.#timers.length;
  }
}

/** Lets everything run that only waits for promises. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** A connected peer. */
export function peerView(id: number, more: Partial<PeerView> = {}): PeerView {
  return {
    id,
    direction: "out",
    type: 1,
    host: `203.0.113.${id}`,
    port: 8444,
    serverPort: 8444,
    localPort: 40_000 + id,
    nodeId: new Uint8Array(32).fill(id),
    agent: "2.7.5",
    protocolVersion: "0.0.37",
    creationTime: 1_763_721_000.5,
    lastMessageTime: 1_763_721_060.25,
    bytesRead: 1000,
    bytesWritten: 500,
    traffic: new Traffic(new FakeClock()),
    peakHeight: undefined,
    peakWeight: undefined,
    peakHash: undefined,
    ...more,
  };
}

/** A service whose peers and bans are lists. */
export class FakeService implements ChiaService {
  readonly store: MemoryChiaStore;
  readonly network;
  readonly nodeId = new Uint8Array(32).fill(0xee);
  readonly list: PeerView[] = [];
  readonly banned: BanView[] = [];
  readonly traffic = new Traffic(new FakeClock());
  sync: Partial<SyncState> = {};

  constructor(store: MemoryChiaStore, constants: Readonly<Record<string, unknown>> = simulator0.constants.all) {
    this.store = store;
    this.network = { ...simulator0, constants: readConstants(constants) };
  }
  state(): SyncState {
    return {
      peak: undefined,
      syncMode: false,
      synced: true,
      tipHeight: 0,
      progressHeight: 0,
      warnings: [],
      difficulty: 1n,
      subSlotIters: 1n,
      validation: "linkage",
      agreement: { agree: 1, of: 1 },
      bestPeerHeight: 0,
      ...this.sync,
    };
  }
  peers(): readonly PeerView[] {
    return this.list;
  }
  get peak() {
    return this.state().peak;
  }
  places() {
    return this.list.map(({ host, port, direction }) => {
      const kind = direction === "in" ? "inbound" as const : "outbound" as const;
      return { host, port, direction, kind, name: `${host}:${port}` };
    });
  }
  bans(): readonly BanView[] {
    return this.banned;
  }
  connect(host: string, port: number): Promise<PeerView> {
    if (port === 2) {
      return Promise.reject(new NodeError("ALREADY_CONNECTED", "self", `already connected to ${host}:${port}`));
    }
    if (port === 1) return Promise.reject(new NodeError("connection_refused", "network", "connection refused"));
    const peer = peerView(this.list.length + 1, { host, port });
    this.list.push(peer);
    return Promise.resolve(peer);
  }
  disconnect(nodeId: Uint8Array): Promise<boolean> {
    const index = this.list.findIndex((peer) => String(peer.nodeId) === String(nodeId));
    if (index >= 0) this.list.splice(index, 1);
    return Promise.resolve(index >= 0);
  }
  ban(host: string, seconds: number, reason: string): void {
    const since = 1_763_721_064_120;
    this.banned.push({ host, since, until: since + seconds * 1000, reason, effect: "ban", scope: "all" });
  }
  unban(host: string): boolean {
    const index = this.banned.findIndex((ban) => ban.host === host);
    if (index >= 0) this.banned.splice(index, 1);
    return index >= 0;
  }
  submitBlock(): Promise<undefined> {
    return Promise.resolve(undefined);
  }
}

/** The right token. */
export const TOKEN = "ab".repeat(32);

/** A node with RPC. */
export function testNode(
  options: { limits?: Partial<RpcLimits>; constants?: Readonly<Record<string, unknown>>; hosts?: string[] } = {},
) {
  const bus = new Bus<{ events: number }>();
  const events = new MemoryEventLog({ onAppend: (newest) => bus.emit("events", newest) });
  const live = new LiveEvents<LiveNodeEvent>();
  const store = new MemoryChiaStore(events);
  const chia = new FakeService(store, options.constants);
  const clock = new FakeClock();
  const addressBook = new AddressBook({ rules: chiaAddressRules({}), clock, random: new SeededRandom(1) });
  let level: LogLevel = "info";
  const stops: number[] = [];
  let groups: Promise<EventGroups> | undefined;
  const openGroups = async () => {
    const database = await openDatabase(":memory:");
    await database.script(EVENT_GROUPS_SCHEMA);
    return new EventGroups({ database, log: events, clock, random: new SeededRandom(1) });
  };
  const context: RpcContext = {
    chains: [chiaHandle(chia, { clock, addressBook, listenAddress: () => undefined })],
    chia,
    events,
    hints: (wake) => bus.on("events", wake),
    live,
    groups: () => groups ??= openGroups(),
    clock,
    memory: new MemoryBudget(clock),
    upload: new UploadTarget({ clock, sent: () => 0 }),
    workers: new InlineWorkers(),
    engine: () => ({ topics: new Map([["secp256k1", "plain"]]), passedOver: ["wide"] }),
    log: { level: () => level, set: (wanted) => void (level = wanted), configured: "info" },
    stop: () => void stops.push(1),
    version: "0.1.0",
  };
  const app = rpcApp(context, {
    auth: { token: TOKEN, hosts: options.hosts ?? [] },
    ...(options.limits && { limits: options.limits }),
    random: { bytes: (length) => new Uint8Array(length), below: () => 0 },
  });
  /** Sends a request with the token, to localhost, unless told otherwise. */
  const request = (path: string, init: RequestInit = {}, headers: Record<string, string> = {}) =>
    app.fetch(
      new Request(`https://localhost:8555${path}`, {
        ...init,
        headers: { authorization: `Bearer ${TOKEN}`, host: "localhost:8555", ...headers },
      }),
    );
  /** Calls a route; status, headers and the parsed answer. */
  const call = async (route: string, body: unknown = {}) => {
    const response = await request(`/${route}`, { method: "POST", body: JSON.stringify(body) });
    return { status: response.status, headers: response.headers, answer: parseJson(await response.text()) };
  };
  return { addressBook, app, bus, chia, clock, context, events, live, store, stops, request, call, level: () => level };
}

/** One request of the recording and what the reference answered. */
export interface Exchange {
  readonly route: string;
  readonly body: string | null;
  readonly status: number;
  readonly answer: Json;
}

/** The recording of `record-reference.py`. */
export async function recording() {
  const packed = await readFile(new URL("./reference-answers.json.gz", import.meta.url));
  return parseJson(new TextDecoder().decode(gunzipSync(packed))) as unknown as {
    readonly constants: Record<string, unknown>;
    readonly blocks: readonly { readonly record: Json; readonly block: Json; readonly main: boolean }[];
    readonly exchanges: readonly Exchange[];
  };
}

/** A node that holds the chain of the recording, orphans included. */
export async function recordedNode(limits?: Partial<RpcLimits>) {
  const { constants, blocks, exchanges } = await recording();
  const node = testNode({ constants, ...(limits && { limits }) });
  const stored = blocks.map(({ record, block, main }) => ({
    record: BlockRecord.fromJson(record),
    raw: FullBlock.encode(FullBlock.fromJson(block)),
    validation: "linkage" as const,
    main,
  }));
  const hashes = stored.filter(({ main }) => main).map(({ record }) => record.headerHash);
  await node.store.commit({ blocks: stored, main: { fromHeight: 0, hashes }, events: [] });
  return { ...node, stored, exchanges };
}
