/** Whole nodes in one process: simulated time, memory connections, the recorded chain. */
import assert from "node:assert/strict";
import { toHex } from "../../lib/codec/hex.ts";
import type { ByteDuplex } from "../../lib/core/ports.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import type { SimClock } from "../../lib/sim/clock.ts";
import { MemoryNetwork } from "../../lib/transport/memory.ts";
import { acceptWebSocket, connectWebSocket } from "../../lib/transport/websocket/mod.ts";
import { sha256 } from "../../lib/codec/sha256.ts";
import { AddressBook } from "../../lib/core/addresses/book.ts";
import type { MemoryBudget } from "../../lib/core/peers/memory-budget.ts";
import { UploadTarget } from "../../lib/core/peers/upload-target.ts";
import { Subnets } from "../../lib/core/subnets.ts";
import { chiaAddressRules } from "../../lib/chia/addresses/rules.ts";
import { ChiaChain } from "../../lib/chia/chain/chain.ts";
import { LinkageValidator } from "../../lib/chia/chain/linkage.ts";
import type { BlockValidator } from "../../lib/chia/chain/validator.ts";
import type { Candidate } from "../../lib/chia/chain/verdict.ts";
import type { ChiaNetwork } from "../../lib/chia/networks/network.ts";
import { simulator0 } from "../../lib/chia/networks/simulator0.ts";
import { ChiaNode } from "../../lib/chia/node.ts";
import type { ChiaService } from "../../lib/chia/service.ts";
import { NodeType } from "../../lib/chia/protocol/mod.ts";
import { candidateOf } from "../../lib/chia/chain/raw-blocks.ts";
import { ChiaSession, type Incoming } from "../../lib/chia/peers/session.ts";
import { MemoryChiaStore } from "../../lib/chia/store/memory.ts";
import { recordedBlocks, referenceChain } from "../unit/chia-chain/chain-1200.ts";
import { simClock } from "../unit/core/sim.ts";

const PORT = 8444;
const RULES = chiaAddressRules({ allowPrivate: true });
const raws = recordedBlocks();
const { constants } = referenceChain();
/** The network of the recording. */
export const network: ChiaNetwork = { ...simulator0, constants };

/** A certificate in shape only: memory connections show it and check nothing. */
function identityOf(host: string) {
  const der = new TextEncoder().encode(`certificate of ${host}`);
  const certificate = `-----BEGIN CERTIFICATE-----\n${btoa(String.fromCharCode(...der))}\n-----END CERTIFICATE-----`;
  return { identity: { certificate, privateKey: "" }, nodeId: sha256(der) };
}

/** The recorded blocks `from … to − 1`. */
export const recorded = (from: number, to: number): Candidate[] => raws.slice(from, to).map(candidateOf);

/** How a node of the world is made. */
export interface NodeOptions {
  readonly connect?: readonly string[];
  /** How many recorded blocks it has from the start. */
  readonly blocks?: number;
  /** Other blocks that it has from the start, parents before children. */
  readonly chain?: readonly Uint8Array[];
  readonly store?: MemoryChiaStore;
  /** What its peers may hold together. */
  readonly memory?: MemoryBudget;
  readonly validator?: BlockValidator;
}

/** A running node and what can be seen of it. */
export interface Member {
  readonly host: string;
  readonly node: ChiaNode;
  readonly service: ChiaService;
  readonly chain: ChiaChain;
  readonly store: MemoryChiaStore;
  /** What it logged, for failures. */
  readonly notices: string[];
  readonly height: () => number;
  readonly banOf: (host: string) => { readonly seconds: number; readonly reason: string } | undefined;
  stop(): Promise<void>;
}

/** One simulated world. */
export class World {
  readonly clock: SimClock;
  readonly #net = new MemoryNetwork({ bufferBytes: 1 << 20 });
  readonly #random = new SeededRandom(42);
  readonly #members = new Set<Member>();
  readonly #network: ChiaNetwork;
  /**
   * @param startMs when it begins, in unix milliseconds: by default after the last block of the recording was made
   * @param of the network that the nodes are of: by default that of the recording
   */
  constructor(startMs = 1_750_100_000_000, of: ChiaNetwork = network) {
    this.clock = simClock(startMs);
    this.#network = of;
  }

  /** Called with each side of a connection that `from` dials; may cut it or slow it down. */
  readonly links = new Map<string, (duplex: ByteDuplex) => ByteDuplex>();

  /** Starts a node that listens at `host`. */
  async node(host: string, options: NodeOptions = {}): Promise<Member> {
    const { clock } = this;
    const network = this.#network;
    const { connect = [], blocks = 0, store = new MemoryChiaStore() } = options;
    const validator = options.validator ?? new LinkageValidator(network.constants);
    const chain = await ChiaChain.load({ network, store, validator, clock });
    const notices: string[] = [];
    const { identity, nodeId } = identityOf(host);
    const dialer = this.#net.dialer(host);
    const node = new ChiaNode({
      chain,
      store,
      rules: RULES,
      book: new AddressBook({ rules: RULES, clock, random: this.#random }),
      clock,
      protocol: {
        random: this.#random,
        dialer: {
          dial: async (to, how) => {
            const duplex = await dialer.dial(to, how);
            return this.links.get(to.host)?.(duplex) ?? duplex;
          },
        },
        identity,
        ownNodeId: nodeId,
        authorities: [],
        ...(options.memory && { memory: options.memory }),
        own: { networkId: network.name, nodeType: NodeType.FULL_NODE, softwareVersion: "gemel/0", serverPort: PORT },
        inboundMax: 8,
      },
      loopbackExempt: false,
      connect: connect.map((each) => ({ host: each, port: PORT })),
      resolve: (name) => Promise.resolve([name]),
      listen: { addresses: [{ host, port: PORT }], open: (how) => this.#net.listen(how) },
      whitelist: new Subnets(),
      upload: new UploadTarget({ clock: this.clock, sent: () => 0 }),
      outbound: 0,
      record: (events) => void store.events.append(events),
      notice: (level, area, text) => notices.push(`${clock.monotonic()} ${level} ${area} ${text}`),
    });
    const fedFrom = options.chain ?? raws.slice(0, blocks);
    for (let at = 0; at < fedFrom.length; at += 200) {
      const fed = await clock.until(node.feed(fedFrom.slice(at, at + 200).map(candidateOf)));
      assert.deepEqual(fed.refusals, []);
    }
    await node.start();
    const member: Member = {
      host,
      node,
      service: node.service,
      chain,
      store,
      notices,
      height: () => chain.peak?.height ?? -1,
      banOf: (other) => {
        const ban = node.service.bans().find((each) => each.host === other);
        return ban && { seconds: Math.round((ban.until - clock.now()) / 1000), reason: ban.reason };
      },
      stop: async () => {
        this.#members.delete(member);
        await clock.until(node.stop(), 60_000);
      },
    };
    this.#members.add(member);
    return member;
  }

  /** Opens a port where a test plays the peer by hand. */
  async actor(
    host: string,
    answer: (session: ChiaSession, incoming: Incoming) => void | Promise<void>,
    greet: (session: ChiaSession) => Promise<void>,
  ) {
    const { clock } = this;
    const { identity, nodeId } = identityOf(host);
    const running = new Set<Promise<unknown>>();
    const stop = new AbortController();
    const serve = async (duplex: ByteDuplex) => {
      const socket = acceptWebSocket(duplex, { path: "/ws", clock, random: this.#random, messageBytesMax: 1 << 26 });
      const session = await ChiaSession.open(socket, {
        role: "acceptor",
        own: { networkId: network.name, nodeType: NodeType.FULL_NODE, softwareVersion: "actor", serverPort: PORT },
        ownNodeId: nodeId,
        peerNodeId: sha256(socket.peerCertificate ?? new Uint8Array()),
        clock,
        handshakeTimeoutMs: 30_000,
        enforceRates: false,
        signal: stop.signal,
      });
      const end = session.run((incoming) => answer(session, incoming));
      await greet(session).catch(() => {});
      await end;
      await socket.closed;
    };
    const listener = await this.#net.listen({
      host,
      port: PORT,
      tls: { identity, authorities: [] },
      onConnection: (duplex) => {
        const served = serve(duplex).catch(() => {}).finally(() => running.delete(served));
        running.add(served);
      },
    });
    return async () => {
      stop.abort();
      await listener.close();
      await clock.until(Promise.all(running), 60_000);
    };
  }

  /** Dials a node as a peer that is played by hand. The session is in nobody's charge: its end is the test's. */
  async dialIn(from: string, to: string, nodeType: NodeType = NodeType.FULL_NODE): Promise<ChiaSession> {
    const { clock } = this;
    const { identity, nodeId } = identityOf(from);
    const duplex = await this.#net.dialer(from).dial({ host: to, port: PORT }, { tls: { identity, authorities: [] } });
    const socket = connectWebSocket(duplex, { path: "/ws", clock, random: this.#random, messageBytesMax: 1 << 26 });
    return await clock.until(ChiaSession.open(socket, {
      role: "dialler",
      own: { networkId: network.name, nodeType, softwareVersion: "visitor", serverPort: PORT },
      ownNodeId: nodeId,
      peerNodeId: sha256(socket.peerCertificate ?? new Uint8Array()),
      clock,
      handshakeTimeoutMs: 30_000,
      enforceRates: false,
    }));
  }

  /** Lets time pass until the condition holds; tells what the nodes logged when it never does. */
  async until(condition: () => boolean, limitMs = 300_000): Promise<void> {
    try {
      await this.clock.untilTrue(condition, limitMs);
    } catch (cause) {
      const told = [...this.#members].map(({ host, notices }) => `${host}:\n  ${notices.slice(-30).join("\n  ")}`);
      throw new Error(told.join("\n"), { cause });
    }
  }

  /** Stops everything, and finds nothing left behind. */
  async end(): Promise<void> {
    for (const member of [...this.#members]) await member.stop();
    await this.clock.advance(0);
    assert.equal(this.clock.pending, 0, "timers that outlive their owners");
  }
}

/** The hash of a recorded block. */
export const hashAt = (height: number): string => toHex(candidateOf(raws[height] ?? assert.fail("none")).headerHash);

/** The hash of a node's tip. */
export const tipOf = ({ chain }: Member): string => chain.peak === undefined ? "" : toHex(chain.peak.headerHash);

/** A connection whose bytes towards the dialler take their time: `delayMs` of the n-th chunk. */
export function slowed(duplex: ByteDuplex, clock: SimClock, delayMs: (chunk: number) => number): ByteDuplex {
  let chunks = 0;
  const stop = new AbortController();
  void duplex.closed.then(() => stop.abort());
  const delay = new TransformStream<Uint8Array, Uint8Array>({
    transform: async (chunk, controller) => {
      await clock.sleep(delayMs(chunks++), stop.signal).catch(() => {});
      controller.enqueue(chunk);
    },
  });
  const readable = duplex.readable.pipeThrough(delay);
  return Object.create(duplex, { readable: { value: readable } }) as ByteDuplex;
}
