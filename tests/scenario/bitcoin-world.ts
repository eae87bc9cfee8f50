/** Whole Bitcoin nodes in one process: simulated time, memory connections, chains of regtest mined on the spot. */
import assert from "node:assert/strict";
import { bitcoinAddressRules } from "../../lib/bitcoin/addresses/rules.ts";
import { HeaderBatch, HEADERS_MAX } from "../../lib/bitcoin/headers/header-batch.ts";
import { HeaderChain } from "../../lib/bitcoin/headers/header-chain.ts";
import { type BlockValidator, structureValidator } from "../../lib/bitcoin/chain/validator.ts";
import { toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { type BlockTemplate, blockTemplate, coinbaseOf } from "../../lib/bitcoin/mining.ts";
import type { FilterStore } from "../../lib/bitcoin/indexes/filter-store.ts";
import { type AssumedCoins, type BitcoinNetwork, regtest } from "../../lib/bitcoin/networks/mod.ts";
import type { Mempool } from "../../lib/bitcoin/mempool/mempool.ts";
import { BitcoinNode, type BitcoinNodeParts } from "../../lib/bitcoin/node.ts";
import type { BitcoinMode } from "../../lib/bitcoin/service.ts";
import { MemoryLightStore } from "../../lib/bitcoin/light/mod.ts";
import { MemoryBitcoinStore } from "../../lib/bitcoin/store/memory.ts";
import { Block, type BlockHeader, headerToBytes, NO_ADDRESS, type Transaction } from "../../lib/bitcoin/types/mod.ts";
import {
  type AnyMessage,
  Block as BlockMessage,
  type BodyOf,
  GetData,
  GetHeaders,
  HeadersMessage,
  type Message,
  messageByType,
  Ping,
  Pong,
  V1Transport,
  Verack,
  Version,
} from "../../lib/bitcoin/wire/mod.ts";
import { MemoryFolder } from "../contract/memory-folder.ts";
import { AddressBook } from "../../lib/core/addresses/book.ts";
import type { MemoryBudget } from "../../lib/core/peers/memory-budget.ts";
import type { ByteDuplex, Clock, NamedFiles } from "../../lib/core/ports.ts";
import { UploadTarget } from "../../lib/core/peers/upload-target.ts";
import { PermissionList } from "../../lib/core/peers/permissions.ts";
import type { SimClock } from "../../lib/sim/clock.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { MemoryNetwork } from "../../lib/transport/memory.ts";
import { MemoryEventLog } from "../../lib/storage/event-log.ts";
import type { NewEvent } from "../../lib/storage/events.ts";
import { simClock } from "../unit/core/sim.ts";

const PAY_TO = Uint8Array.of(0x51);
/** NETWORK and WITNESS. */
const SERVICES = 9n;

/** How often a condition that is waited for is looked at. */
const STEP_MS = 250;

/** The rules of all addresses here. */
export const RULES = bitcoinAddressRules({ allowPrivate: true });

/** What of a mined block is changed before its work is sought. */
export interface Change {
  readonly header?: Partial<BlockHeader>;
  readonly transactions?: (coinbase: Transaction) => readonly Transaction[];
  /** Seconds to which the template's clock is set. */
  readonly time?: number;
  /** What the coinbase pays to: tells branches apart. */
  readonly payTo?: Uint8Array;
}

/** Mines one block on a header. */
export function mine(headers: HeaderChain, parent: number, now: number, change: Change = {}): Block {
  const template: BlockTemplate = blockTemplate(headers, parent, change.time ?? now);
  const coinbase = coinbaseOf(template, change.payTo ?? PAY_TO);
  const transactions = change.transactions?.(coinbase) ?? [coinbase];
  const { version, previousBlockHash: prevBlockHash, time, bits } = template;
  for (let nonce = 0;; nonce++) {
    const header = { version, prevBlockHash, merkleRoot: coinbase.txid, time, bits, nonce, ...change.header };
    const batch = HeaderBatch.fromBytes(headerToBytes(header));
    if (batch.firstWithoutWork(headers.network.pow) < 0) return Block.of(header, transactions);
  }
}

/** A chain of blocks on regtest, with its own header tree. */
export class Recording {
  readonly headers: HeaderChain;
  readonly blocks: Block[] = [];
  readonly #now: number;

  constructor(now: number, network: BitcoinNetwork = regtest) {
    this.headers = new HeaderChain(network);
    this.#now = now;
  }

  /** Mines on the tip. The times begin two hours ago, a second a block, so that a chain is recent. */
  extend(count: number, payTo?: Uint8Array): this {
    for (let i = 0; i < count; i++) {
      this.add(mine(this.headers, this.headers.best, this.#now - 7_200, payTo === undefined ? {} : { payTo }));
    }
    return this;
  }

  /** Takes a block in. */
  add(block: Block): this {
    const { refusal } = this.headers.accept(HeaderBatch.fromBytes(block.raw.slice(0, 80)), this.#now);
    assert.equal(refusal, undefined);
    this.blocks.push(block);
    return this;
  }

  /** A copy that shares the first `height` blocks. */
  fork(height: number): Recording {
    const copy = new Recording(this.#now, this.headers.network);
    for (const block of this.blocks.slice(0, height)) copy.add(block);
    return copy;
  }

  get tip(): string {
    return toDisplayHex(this.headers.hash(this.headers.best));
  }
}

/** How a node of the world is made. */
export interface NodeOptions {
  readonly connect?: readonly string[];
  /** Blocks that it has from the start. */
  readonly blocks?: readonly Block[];
  readonly store?: MemoryBitcoinStore;
  /** What its peers may hold together. */
  readonly memory?: MemoryBudget;
  readonly mode?: BitcoinMode;
  /** What judges its blocks; their structure alone when absent. */
  readonly validator?: BlockValidator;
  /** Files that calls name. */
  readonly files?: NamedFiles;
  /** Snapshots that it may take. */
  readonly assumedCoins?: readonly AssumedCoins[];
  /** What it keeps in mode `filters`. */
  readonly light?: MemoryLightStore;
  readonly minimumWork?: bigint;
  readonly v2?: boolean;
  readonly inboundMax?: number;
  /** What it keeps filters of blocks in, which it gives to peers. */
  readonly filters?: FilterStore | undefined;
  /** With what it judges transactions, which it relays then. */
  readonly mempool?: BitcoinNodeParts["mempool"];
  /** Takes no transactions from peers. */
  readonly blocksOnly?: boolean;
  /** What compact blocks are put together from. */
  readonly blockParts?: Pick<Mempool, "entries" | "listen">;
  /** Bytes of block data to keep. */
  readonly pruneTarget?: number;
  /** Outgoing connections to discover. */
  readonly outbound?: number;
  /** Its clock, when that is not the world's. */
  readonly clock?: Clock;
  /** Hosts with permissions, as `--whitelist` takes them. */
  readonly whitelist?: readonly string[];
  /** How long a handshake may take. */
  readonly peerTimeoutMs?: number;
  /** Bytes to upload in a day. */
  readonly uploadMax?: number;
  /** What names resolve to; a host to itself when absent. */
  readonly resolve?: (name: string) => Promise<readonly string[]>;
}

/** A running node and what can be seen of it. */
export interface Member {
  readonly host: string;
  readonly node: BitcoinNode;
  readonly store: MemoryBitcoinStore;
  readonly notices: string[];
  /** Events that belong to no block. */
  readonly events: NewEvent[];
  readonly height: () => number;
  readonly tip: () => string;
  readonly bans: () => readonly string[];
  stop(): Promise<void>;
}

/** A peer that is played by hand. */
export interface Actor {
  send<T>(message: Message<string, T>, body: T): Promise<void>;
  /** Bytes as they are, below any envelope. */
  raw(bytes: Uint8Array): Promise<void>;
  /** Everything that came, decoded where it is a message that we know. */
  readonly received: { readonly message: AnyMessage; readonly body: unknown }[];
  /** Settles when the node ended the connection. */
  readonly closed: Promise<void>;
  readonly isClosed: () => boolean;
  /** Hangs up. */
  end(): void;
}

/** One simulated world. */
export class BitcoinWorld {
  readonly clock: SimClock = simClock();
  readonly network: BitcoinNetwork;
  readonly #net = new MemoryNetwork({ bufferBytes: 1 << 20 });
  readonly #random = new SeededRandom(42);
  readonly #members = new Set<Member>();
  readonly #closing: (() => Promise<void>)[] = [];

  constructor(network: BitcoinNetwork = regtest) {
    this.network = network;
  }

  /** Unix seconds. */
  get now(): number {
    return Math.floor(this.clock.now() / 1000);
  }

  recording(): Recording {
    return new Recording(this.now, this.network);
  }

  async node(host: string, options: NodeOptions = {}): Promise<Member> {
    const { clock, network } = this;
    const { connect = [], blocks = [], store = new MemoryBitcoinStore({ events: new MemoryEventLog() }) } = options;
    const notices: string[] = [];
    const events: NewEvent[] = [];
    const permissions = new PermissionList(options.whitelist ?? []);
    const node = await clock.until(BitcoinNode.open({
      network,
      store,
      rules: RULES,
      book: new AddressBook({ rules: RULES, clock, random: this.#random }),
      validator: options.validator ?? structureValidator,
      mode: options.mode ?? "full",
      light: options.light ?? new MemoryLightStore((added) => store.events.append(added)),
      clock: options.clock ?? clock,
      protocol: {
        random: this.#random,
        dialer: this.#net.dialer(host),
        v2: options.v2 ?? false,
        ...(options.memory && { memory: options.memory }),
        inboundMax: options.inboundMax ?? 8,
        ...(options.peerTimeoutMs !== undefined && { handshakeMs: options.peerTimeoutMs }),
      },
      userAgent: "/gemel:test/",
      files: options.files ?? new MemoryFolder().named("/data"),
      assumedCoins: options.assumedCoins,
      ...(options.minimumWork !== undefined && { minimumWork: options.minimumWork }),
      ...(options.pruneTarget !== undefined && { pruneTarget: options.pruneTarget }),
      ...(options.mempool && { mempool: options.mempool, blocksOnly: options.blocksOnly }),
      ...(options.blockParts && { blockParts: options.blockParts }),
      ...(options.filters && { filters: { store: options.filters, forPeers: true } }),
      coins: { random: this.#random, bytesMax: 1 << 20 },
      loopbackExempt: false,
      connect: connect.map((each) => ({ host: each, port: network.defaultPort })),
      resolve: options.resolve ?? ((name) => Promise.resolve([name])),
      listen: { addresses: [{ host, port: network.defaultPort }], open: (how) => this.#net.listen(how) },
      whitelist: permissions,
      permissions,
      upload: new UploadTarget({ clock: this.clock, sent: () => 0, bytesMax: options.uploadMax }),
      outbound: options.outbound ?? 0,
      record: (added) => events.push(...added),
      notice: (level, area, text) => notices.push(`${clock.monotonic()} ${level} ${area} ${text}`),
    }));
    for (const block of blocks) {
      const { kind } = await clock.until(node.service.submitBlock(block.raw));
      assert.ok(kind === "accepted" || kind === "inconclusive", kind);
    }
    await node.start();
    const { service } = node;
    const member: Member = {
      host,
      node,
      store,
      notices,
      events,
      height: () => service.headers.height(service.state().tip),
      tip: () => toDisplayHex(service.headers.hash(service.state().tip)),
      bans: () => service.bans().map(({ subnet, reason }) => `${subnet} ${reason}`),
      stop: async () => {
        this.#members.delete(member);
        await clock.until(node.stop(), 120_000);
      },
    };
    this.#members.add(member);
    return member;
  }

  /** Opens a port where a test plays the peer by hand; `answer` hears each message after the handshake. */
  async actor(
    host: string,
    answer: (actor: Actor, message: AnyMessage, body: unknown) => void | Promise<void> = () => {},
    greet: (actor: Actor) => void | Promise<void> = () => {},
    services = SERVICES,
  ): Promise<{ readonly connections: Actor[] }> {
    const connections: Actor[] = [];
    const listener = await this.#net.listen({
      host,
      port: this.network.defaultPort,
      onConnection: (duplex) => {
        this.#play(duplex, connections, answer, greet, true, false, services).catch(() => {});
      },
    });
    this.#closing.push(() => listener.close());
    return { connections };
  }

  /** Dials a node as an inbound peer would. `isPolite` false leaves the handshake to the test. */
  async dialIn(
    from: string,
    to: string,
    answer: (actor: Actor, message: AnyMessage, body: unknown) => void | Promise<void> = () => {},
    isPolite = true,
  ): Promise<Actor> {
    const duplex = await this.#net.dialer(from).dial({ host: to, port: this.network.defaultPort });
    const connections: Actor[] = [];
    const playing = this.#play(duplex, connections, answer, () => {}, isPolite, true);
    playing.catch(() => {});
    const [actor] = connections;
    assert.ok(actor);
    await this.clock.advance(0);
    return actor;
  }

  async #play(
    duplex: ByteDuplex,
    connections: Actor[],
    answer: (actor: Actor, message: AnyMessage, body: unknown) => void | Promise<void>,
    greet: (actor: Actor) => void | Promise<void>,
    isPolite: boolean,
    dials = false,
    services = SERVICES,
  ): Promise<void> {
    const transport = new V1Transport(this.network.magic);
    const writer = duplex.writable.getWriter();
    writer.closed.catch(() => {});
    let closed = false;
    void duplex.closed.then(() => (closed = true));
    const actor: Actor = {
      send: async (message, body) => {
        await writer.write(transport.pack(message.type, message.encode(body))).catch(() => {});
        await this.clock.advance(0);
      },
      raw: async (bytes) => {
        await writer.write(bytes).catch(() => {});
        await this.clock.advance(0);
      },
      received: [],
      closed: duplex.closed,
      isClosed: () => closed,
      end: () => duplex.destroy(),
    };
    connections.push(actor);
    this.#closing.push(() => Promise.resolve(duplex.destroy()));
    const version: BodyOf<typeof Version> = {
      version: 70_016,
      services,
      timestamp: BigInt(this.now),
      addrRecv: NO_ADDRESS,
      addrFrom: NO_ADDRESS,
      nonce: 77n,
      userAgent: "/actor/",
      startHeight: 0,
      relay: false,
    };
    const write = <T>(message: Message<string, T>, body: T) =>
      writer.write(transport.pack(message.type, message.encode(body))).catch(() => {});
    if (dials && isPolite) void write(Version, version);
    const reader = duplex.readable.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const frame of transport.push(value)) {
        const message = messageByType(frame.type);
        if (message === undefined) continue;
        const body = message.decode(frame.payload);
        actor.received.push({ message, body });
        if (message === Version && isPolite) {
          if (!dials) void write(Version, version);
          void write(Verack, {});
        } else if (message === Verack) void greet(actor);
        else if (message === Ping) void write(Pong, body as { nonce: bigint | null });
        else void answer(actor, message, body);
      }
    }
  }

  /** Lets time pass until the condition holds; tells what the nodes logged when it never does. */
  async until(condition: () => boolean, limitMs = 300_000): Promise<void> {
    try {
      // In steps: a node at rest sets few timers, and what it did last would be seen only when the next one fires.
      const end = this.clock.monotonic() + limitMs;
      await this.clock.advance(0);
      while (!condition()) {
        assert.ok(this.clock.monotonic() < end, `the condition does not hold within ${limitMs} ms`);
        await this.clock.advance(STEP_MS);
      }
    } catch (cause) {
      const told = [...this.#members].map(({ host, notices }) => `${host}:\n  ${notices.slice(-30).join("\n  ")}`);
      throw new Error(told.join("\n"), { cause });
    }
  }

  /** Stops everything, and finds nothing left behind. */
  async end(): Promise<void> {
    for (const member of [...this.#members]) await member.stop();
    for (const close of this.#closing) await close();
    await this.clock.advance(0);
    assert.equal(this.clock.pending, 0, "timers that outlive their owners");
  }
}

/** Answers like a node that has these blocks: headers after the locator, and the blocks that `gives` lets through. */
export function serving(
  recording: Recording,
  gives: (height: number) => boolean = () => true,
): (actor: Actor, message: AnyMessage, body: unknown) => Promise<void> {
  const { headers, blocks } = recording;
  const byHash = new Map(blocks.map((block, i) => [toDisplayHex(block.hash), i]));
  return async (actor, message, body) => {
    if (message === GetHeaders) {
      const { locator } = body as BodyOf<typeof GetHeaders>;
      const fork = locator.map((hash) => headers.find(hash)).find((row) => row >= 0 && headers.onBest(row)) ?? 0;
      const from = headers.height(fork);
      const most = headers.network.headersPerMessage ?? HEADERS_MAX;
      await actor.send(HeadersMessage, { headers: blocks.slice(from, from + most).map(({ header }) => header) });
    } else if (message === GetData) {
      for (const { hash } of (body as BodyOf<typeof GetData>).inventory) {
        const index = byHash.get(toDisplayHex(hash));
        const block = index === undefined ? undefined : blocks[index];
        if (block !== undefined && gives(index! + 1)) await actor.send(BlockMessage, block);
      }
    }
  };
}
