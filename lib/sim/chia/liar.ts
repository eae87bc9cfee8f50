/**
 * Malicious Chia peers.
 *
 * @module
 */
import { shakeHands } from "../../chia/peers/opening.ts";
import {
  type Body,
  decodeEnvelope,
  encodeEnvelope,
  type Message,
  newPeak,
  NodeType,
  rejectBlock,
  rejectBlocks,
  requestBlock,
  requestBlocks,
  requestPeers,
  respondBlock,
  respondBlocks,
  respondPeers,
} from "../../chia/protocol/mod.ts";
import { candidateOf } from "../../chia/chain/raw-blocks.ts";
import type { Infer } from "../../chia/streamable/mod.ts";
import { sha256 } from "../../codec/sha256.ts";
import type { ByteDuplex, PeerSocket } from "../../core/ports.ts";
import { acceptWebSocket, connectWebSocket } from "../../transport/websocket/mod.ts";
import type { Givers } from "../givers.ts";
import { type LiarParts, nobodyOf } from "../play.ts";
import { network, type WorldBlock, type WorldBlocks } from "./blocks.ts";
import { identityOf } from "./identity.ts";

/** How often a liar dials somebody, and how often it does its worst on a connection. */
const DIAL_EVERY_MS = 600_000;
/** What can only dial does so more often. */
const DIAL_ONLY_EVERY_MS = 60_000;
const ACT_EVERY_MS = 60_000;
const FLOOD_MESSAGES = 300;
const FORGED_BLOCKS = 3;
/** Addresses that are told at first, as many as a message holds, and each time after. */
const ADDRESSES = 1_000;
const ADDRESSES_AGAIN = 50;
/** Connections that a liar takes at a time. */
const CONNECTIONS_MAX = 32;
const HANDSHAKE_MS = 30_000;
const MESSAGE_BYTES_MAX = 1 << 26;

/** One connection of a liar. */
class Conversation {
  readonly #liar: ChiaLiar;
  readonly #duplex: ByteDuplex;
  readonly #dials: boolean;
  #writer: WritableStreamDefaultWriter<Uint8Array | string> | undefined;
  /** The end of the chain that it claims to have here. */
  #tip: WorldBlock | undefined;
  #told = false;
  #cancel = () => {};

  constructor(liar: ChiaLiar, duplex: ByteDuplex, dials: boolean) {
    this.#liar = liar;
    this.#duplex = duplex;
    this.#dials = dials;
  }

  end(): void {
    this.#cancel();
    this.#duplex.destroy();
  }

  #gave(block: WorldBlock): void {
    this.#liar.givers.gave(this.#duplex.remote.host, block.hash, this.#duplex);
  }

  async run(): Promise<void> {
    const { lie, clock, random } = this.#liar.parts;
    if (lie === "silent") {
      const reader = this.#duplex.readable.getReader();
      while (!(await reader.read()).done);
      return;
    }
    const options = { path: "/ws", clock, random, messageBytesMax: MESSAGE_BYTES_MAX };
    const socket: PeerSocket = (this.#dials ? connectWebSocket : acceptWebSocket)(this.#duplex, options);
    const { reader, writer } = await shakeHands(socket, {
      role: this.#dials ? "dialler" : "acceptor",
      own: {
        networkId: network.name,
        nodeType: NodeType.FULL_NODE,
        softwareVersion: "2.7.5",
        serverPort: this.#liar.onlyDials ? 0 : network.defaultPort,
      },
      ownNodeId: this.#liar.identity.nodeId,
      peerNodeId: sha256(socket.peerCertificate ?? new Uint8Array()),
      clock,
      handshakeTimeoutMs: HANDSHAKE_MS,
      enforceRates: false,
    });
    this.#writer = writer;
    this.#act();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || typeof value === "string") return;
      const { type, id, data } = decodeEnvelope(value);
      this.#hear(type, id, data);
    }
  }

  #send<B extends Body>(message: Message<string, B>, body: Infer<B>, id: number | null = null): void {
    this.#raw(encodeEnvelope({ type: message.id, id, data: (message.body as Body).encode(body as never) }));
  }

  #raw(frame: Uint8Array): void {
    this.#writer?.write(frame).catch(() => {});
  }

  #hear(type: number, id: number | null, data: Uint8Array): void {
    const { lie } = this.#liar.parts;
    if (lie === "stall") return;
    if (type === requestBlock.id) {
      const { height } = requestBlock.body.decode(data);
      const block = this.#at(height);
      if (block !== undefined) this.#gave(block);
      if (block === undefined) this.#send(rejectBlock, { height }, id);
      else this.#raw(encodeEnvelope({ type: respondBlock.id, id, data: block.raw }));
    } else if (type === requestBlocks.id) {
      const { startHeight, endHeight } = requestBlocks.body.decode(data);
      const blocks: WorldBlock[] = [];
      for (let height = startHeight; height <= endHeight && blocks.length < 64; height++) {
        const block = this.#at(height);
        if (block === undefined) return this.#send(rejectBlocks, { startHeight, endHeight }, id);
        blocks.push(block);
        this.#gave(block);
      }
      this.#send(
        respondBlocks,
        { startHeight, endHeight, blocks: blocks.map(({ raw }) => candidateOf(raw).block) },
        id,
      );
    } else if (type === requestPeers.id) {
      if (lie === "addresses") this.#spam(id);
      else this.#send(respondPeers, { peerList: [] }, id);
    }
  }

  #at(height: number): WorldBlock | undefined {
    let block: WorldBlock | undefined = this.#tip ?? this.#liar.blocks.best;
    while (block !== undefined && block.height > height) block = block.parent;
    return block?.height === height ? block : undefined;
  }

  /** What this liar is here for, now and again. */
  #act(): void {
    const { lie, random, clock } = this.#liar.parts;
    const { best } = this.#liar.blocks;
    if (lie === "garbage") this.#raw(random.bytes(1 + random.below(2_000)));
    else if ((lie === "flood" || lie === "neighbour")) {
      for (let i = 0; i < FLOOD_MESSAGES; i++) this.#send(requestPeers, {});
    } else if (lie === "claim") {
      const height = best.height + 1 + random.below(1_000);
      this.#announce(random.bytes(32), height, BigInt(height + 1) * 2_048n);
    } else if (lie === "stall" || lie === "forge" || lie === "mint") {
      this.#tip = this.#liar.forged();
      this.#announce(this.#tip.headerHash, this.#tip.height, this.#tip.weight);
    } else if (lie === "addresses") this.#spam(null);
    this.#cancel = clock.after(ACT_EVERY_MS / 2 + random.wait(ACT_EVERY_MS / 2), () => {
      if (this.#liar.holds(this)) this.#act();
    });
  }

  #announce(headerHash: Uint8Array, height: number, weight: bigint): void {
    this.#send(newPeak, {
      headerHash,
      height,
      weight,
      forkPointWithPreviousPeak: Math.max(0, height - 1),
      unfinishedRewardBlockHash: new Uint8Array(32),
    });
  }

  #spam(id: number | null): void {
    const { clock, random, hosts } = this.#liar.parts;
    const timestamp = BigInt(Math.floor(clock.now() / 1000));
    const peerList = Array.from({ length: this.#told ? ADDRESSES_AGAIN : ADDRESSES }, () => ({
      host: nobodyOf(random, hosts),
      port: network.defaultPort,
      timestamp,
    }));
    this.#told = true;
    this.#send(respondPeers, { peerList }, id);
  }
}

/** One malicious host. */
export class ChiaLiar {
  readonly blocks: WorldBlocks;
  readonly givers: Givers;
  readonly parts: LiarParts;
  readonly #conversations = new Set<Conversation>();
  /** The tip of its forged chain, and the honest block that it was made after. */
  #forgery: { readonly tip: WorldBlock; readonly after: WorldBlock } | undefined;

  constructor(blocks: WorldBlocks, givers: Givers, parts: LiarParts) {
    this.blocks = blocks;
    this.givers = givers;
    this.parts = parts;
  }

  holds(conversation: Conversation): boolean {
    return this.#conversations.has(conversation);
  }

  /** Its identity. Behind another's address it has another. */
  get identity() {
    const { presence: { host }, lie } = this.parts;
    return identityOf(lie === "neighbour" ? `behind ${host}` : host);
  }

  get onlyDials(): boolean {
    return this.parts.lie === "mint" || this.parts.lie === "neighbour";
  }

  start(): void {
    const { presence, network: net } = this.parts;
    const tls = { identity: this.identity, authorities: [] };
    const onConnection = (duplex: ByteDuplex) => this.#talk(duplex, false);
    if (!this.onlyDials) {
      void net.listen(presence, { host: presence.host, port: network.defaultPort, tls, onConnection });
    }
    this.#dialLater();
  }

  /** The tip of a chain heavier than the honest one; none of its own blocks is valid. */
  forged(): WorldBlock {
    const { blocks, parts: { presence, lie, random } } = this;
    const after = blocks.best;
    if (this.#forgery !== undefined && this.#forgery.after === after) return this.#forgery.tip;
    const worth = lie === "mint" ? "minted" : random.pick(["unproven", "unspendable", "unlinked"] as const);
    // Blocks that are right by themselves are built on it, and sometimes it is built on one that is right: of the honest
    // tip's weight, and no more.
    const bad = random.below(2);
    let tip = after.parent ?? after;
    for (let i = 0; i < FORGED_BLOCKS; i++) {
      const honest = i < bad ? "valid" : "heir";
      tip = blocks.make(tip, `${presence.host} ${i}`, i === bad ? worth : honest);
    }
    this.#forgery = { tip, after };
    return tip;
  }

  #dialLater(): void {
    const { clock, random, victims, network: net, presence } = this.parts;
    clock.after(random.wait(this.onlyDials ? DIAL_ONLY_EVERY_MS : DIAL_EVERY_MS), () => {
      const host = random.pick(victims.filter((each) => each !== presence.host));
      const tls = { identity: this.identity, authorities: [] };
      net.dialer(presence).dial({ host, port: network.defaultPort }, { timeoutMs: 5_000, tls })
        .then((duplex) => this.#talk(duplex, true), () => {});
      this.#dialLater();
    });
  }

  #talk(duplex: ByteDuplex, dials: boolean): void {
    if (this.#conversations.size >= CONNECTIONS_MAX) return duplex.destroy();
    const conversation = new Conversation(this, duplex, dials);
    this.#conversations.add(conversation);
    conversation.run().catch(() => {}).finally(() => {
      this.#conversations.delete(conversation);
      conversation.end();
    });
  }
}
