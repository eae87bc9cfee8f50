/**
 * A regtest node without network behind Bitcoin's RPC: a real chain in memory, pretended peers, a clock that stands still.
 */
import { bitcoinAddressRules } from "../../../lib/bitcoin/addresses/rules.ts";
import { AddressBook } from "../../../lib/core/addresses/book.ts";
import assert from "node:assert/strict";
import { ScriptCache } from "../../../lib/bitcoin/chain/script-cache.ts";
import { type BlockValidator, structureValidator } from "../../../lib/bitcoin/chain/validator.ts";
import { DEFAULT_POLICY, type MempoolPolicy } from "../../../lib/bitcoin/mempool/mod.ts";
import { Miner } from "../../../lib/bitcoin/mining.ts";
import type { FilterStore } from "../../../lib/bitcoin/indexes/filter-store.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import type { BitcoinNetwork } from "../../../lib/bitcoin/networks/network.ts";
import { BitcoinNode } from "../../../lib/bitcoin/node.ts";
import type { BitcoinMode, BitcoinPeerView, BitcoinService } from "../../../lib/bitcoin/service.ts";
import { MemoryBitcoinStore } from "../../../lib/bitcoin/store/memory.ts";
import { Block } from "../../../lib/bitcoin/types/mod.ts";
import type { LogLevel } from "../../../lib/config.ts";
import type { Following } from "../../../lib/core/following.ts";
import { Bus } from "../../../lib/core/events/bus.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import type { Random, Workers } from "../../../lib/core/ports.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { MemoryBudget } from "../../../lib/core/peers/memory-budget.ts";
import { UploadTarget } from "../../../lib/core/peers/upload-target.ts";
import { Subnets } from "../../../lib/core/subnets.ts";
import { Traffic } from "../../../lib/core/peers/traffic.ts";
import { rpcApp } from "../../../lib/rpc/app.ts";
import { parseRpcAuth } from "../../../lib/rpc/basic-auth.ts";
import { bitcoinHandle } from "../../../lib/rpc/bitcoin/handle.ts";
import type { RpcContext } from "../../../lib/rpc/context.ts";
import type { RpcLimits } from "../../../lib/rpc/limits.ts";
import { type Json, stringifyJson } from "../../../lib/codec/json.ts";
import { MemoryEventLog } from "../../../lib/storage/event-log.ts";
import { MemoryFolder } from "../../contract/memory-folder.ts";
import { FakeClock } from "../rpc/support.ts";

/** The secrets that {@link bitcoinNode} knows. */
export const COOKIE = `__cookie__:${"5a".repeat(32)}`;
export const TOKEN = "ab".repeat(32);
/** `alice` with the password `secret`. */
export const RPCAUTH = "alice:7d9ba5ae63c3d4dc30583ff4fe65a67e$" +
  "14b2e8d3de3f55bb1b168d2a317e9ca52e092653ec03a9703636da6162bfd92a";

/** OP_TRUE. */
export const ANYONE = Uint8Array.of(0x51);
/** The P2WSH address of the script `51`, on regtest. */
export const ADDRESS = "bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85";

function someTraffic(): Traffic {
  const traffic = new Traffic(new TurningClock());
  traffic.countSent("version", 126);
  traffic.countSent("ping", 32);
  traffic.countReceived("version", 126);
  return traffic;
}

/** A peer as the service shows it. */
export function peerView(id: number, more: Partial<BitcoinPeerView> = {}): BitcoinPeerView {
  return {
    id,
    direction: "out",
    connectionType: "outbound-full-relay",
    host: `203.0.113.${id}`,
    port: 18444,
    localHost: "10.0.0.2",
    localPort: 40_000 + id,
    services: 0x409n,
    relayTransactions: true,
    lastInvSequence: 0,
    invToSend: 0,
    lastSend: 1_763_721_000,
    lastReceive: 1_763_721_001,
    lastBlock: 0,
    lastTransaction: 0,
    bytesSent: 500,
    bytesReceived: 1_000,
    traffic: someTraffic(),
    connectionTime: 1_763_720_000,
    timeOffset: -1,
    pingTime: 0.041,
    minimumPing: 0.04,
    pingWait: undefined,
    version: 70016,
    userAgent: "/Satoshi:29.0.0/",
    startHeight: 7,
    syncedHeaders: 7,
    syncedBlocks: -1,
    presyncedHeaders: -1,
    inFlight: [8, 9],
    blockBytesPerSecond: 0,
    addressesProcessed: 0,
    addressesLimited: 0,
    permissions: [],
    seenAs: undefined,
    minimumFeeFilter: 100n,
    compactBlocksTo: false,
    compactBlocksFrom: false,
    addressRelay: true,
    transport: "v1",
    sessionId: undefined,
    ...more,
  };
}

/** A service with some of its members replaced. */
function withOverrides(service: BitcoinService, overrides: Partial<BitcoinService>): BitcoinService {
  return new Proxy(service, {
    get(target, key) {
      const own = Reflect.get(overrides, key) as unknown;
      if (own !== undefined) return own;
      const value = Reflect.get(target, key, target) as unknown;
      return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}

/** A clock that stands still, except that a sleep of no time is a turn of the event loop. */
class TurningClock extends FakeClock {
  override sleep(ms: number): Promise<void> {
    return ms <= 1 ? new Promise((resolve) => setTimeout(resolve, 0)) : super.sleep(ms);
  }
}

const random: Random = { bytes: (length) => new Uint8Array(length).fill(1), below: () => 0 };

/** What a reply of version 1 holds. */
export interface Reply {
  readonly result: unknown;
  readonly error: { readonly code: number; readonly message: string } | null;
  readonly id: unknown;
}

/** A node with RPC on both ports. */
export async function bitcoinNode(options: {
  readonly network?: BitcoinNetwork;
  readonly mode?: BitcoinMode;
  readonly transactionIndex?: boolean;
  readonly limits?: Partial<RpcLimits>;
  readonly overrides?: Partial<BitcoinService>;
  readonly mines?: boolean;
  readonly workers?: Workers;
  /** Bytes of blocks to keep. */
  readonly pruneTarget?: number;
  /** Keep filters of blocks; they are given to peers. */
  readonly filters?: FilterStore;
  /** Answer REST on the plain port. */
  readonly rest?: boolean;
  /** What checks blocks; their structure alone unless it is told. */
  readonly validator?: BlockValidator;
  /** Keep a mempool, by this policy where it is not Core's own. */
  readonly mempool?: Partial<MempoolPolicy>;
  /** Another node writes the chain, and this one only reads it. */
  readonly following?: Following;
} = {}) {
  const bus = new Bus<{ events: number }>();
  const events = new MemoryEventLog({ onAppend: (newest) => bus.emit("events", newest) });
  const store = new MemoryBitcoinStore({ events, transactionIndex: options.transactionIndex ?? false });
  const clock = new TurningClock();
  const files = new MemoryFolder();
  const rules = bitcoinAddressRules({ allowPrivate: true });
  const book = new AddressBook({ rules, clock, random });
  const upload = new UploadTarget({ clock, sent: () => 0 });
  const node = await BitcoinNode.open({
    network: options.network ?? regtest,
    store,
    rules,
    book,
    validator: options.validator ?? structureValidator,
    coins: { random, bytesMax: 1024 * 1024 },
    ...(options.mempool && {
      mempool: {
        ...{ workers: new InlineWorkers(), cache: new ScriptCache(random), engine: "wide", isKept: false },
        policy: { ...DEFAULT_POLICY, ...options.mempool },
      },
    }),
    whitelist: new Subnets(),
    upload,
    listen: { addresses: [], open: () => Promise.reject(new Error("unused")) },
    ...(options.following && { following: options.following }),
    mode: options.mode ?? "full",
    clock,
    protocol: {
      random,
      dialer: { dial: () => Promise.reject(new NodeError("connection_refused", "network", "refused")) },
      v2: false,
      inboundMax: 8,
    },
    userAgent: "/gemel:0.1.0/",
    files: files.named("/data"),
    ...(options.pruneTarget !== undefined && { pruneTarget: options.pruneTarget }),
    ...(options.filters && { filters: { store: options.filters, forPeers: true } }),
    loopbackExempt: true,
    connect: [],
    resolve: (name) => Promise.resolve([name]),
    outbound: 0,
    record: () => {},
    notice: () => {},
  });
  const peers: BitcoinPeerView[] = [];
  const bitcoin = withOverrides(node.service, {
    peers: () => peers,
    disconnect(peer) {
      const index = peers.findIndex(({ id }) => id === peer);
      if (index >= 0) peers.splice(index, 1);
      return index >= 0;
    },
    ...options.overrides,
  });
  const miner = new Miner(node.service, clock);
  let level: LogLevel = "info";
  const stops: number[] = [];
  const context: RpcContext = {
    chains: [bitcoinHandle(bitcoin, { clock, addressBook: book, listenAddress: () => undefined })],
    bitcoin,
    ...(options.mines !== false && { miner }),
    events,
    hints: (wake) => bus.on("events", wake),
    clock,
    log: { level: () => level, set: (wanted) => void (level = wanted), configured: "info" },
    stop: () => void stops.push(1),
    version: "0.1.0",
    memory: new MemoryBudget(clock),
    upload,
    workers: options.workers ?? new InlineWorkers(),
  };
  const app = rpcApp(context, {
    auth: { token: TOKEN, hosts: [], basic: { cookie: COOKIE, rpcauth: [parseRpcAuth(RPCAUTH)] } },
    ...(options.limits && { limits: options.limits }),
    ...(options.rest !== undefined && { rest: options.rest }),
    random,
  });

  /** Posts a body to the plain port with the cookie, unless headers say otherwise. */
  const post = (body: BodyInit, headers: Record<string, string> = {}, signal?: AbortSignal) =>
    app.fetchPlain(
      new Request("http://127.0.0.1:18443/", {
        method: "POST",
        body,
        // A body that is a stream needs it.
        ...(body instanceof ReadableStream && { duplex: "half" }),
        headers: { authorization: `Basic ${btoa(COOKIE)}`, host: "127.0.0.1:18443", ...headers },
        ...(signal && { signal }),
      }),
    );
  /** Asks the plain port for what REST has there, with no password. */
  const rest = (path: string, init: RequestInit = {}) =>
    app.fetchPlain(new Request(`http://127.0.0.1:18443/rest/${path}`, init));
  /** Calls a method in the legacy version. */
  const reply = async (method: string, params: unknown = []) =>
    await (await post(stringifyJson({ method, params: params as Json, id: 1 }))).json() as Reply;
  /** The result of a call that works. */
  const call = async <T>(method: string, ...params: unknown[]): Promise<T> => {
    const { result, error } = await reply(method, params);
    assert.equal(error, null, `${method}: ${error?.message}`);
    return result as T;
  };
  /** The error of a call that fails. */
  const failure = async (method: string, ...params: unknown[]) => {
    const { result, error } = await reply(method, params);
    assert.equal(result, null, `${method} worked`);
    return error!;
  };
  /** Mines blocks; a minute passes before each, so that no two are alike. */
  const mine = async (count: number, script = ANYONE): Promise<Block[]> => {
    const blocks: Block[] = [];
    for (let i = 0; i < count; i++) {
      clock.advance(60_000);
      const signal = new AbortController().signal;
      const [block] = await miner.mine(script, { count: 1, maxTries: 1_000, submit: true, signal });
      blocks.push(Block.decode(block!.raw));
    }
    return blocks;
  };
  return {
    app,
    node,
    bitcoin,
    store,
    /** Files that calls name. */
    files,
    clock,
    miner,
    peers,
    stops,
    post,
    rest,
    reply,
    call,
    failure,
    mine,
    level: () => level,
  };
}
