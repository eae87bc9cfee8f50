/**
 * Malicious Bitcoin peers.
 *
 * @module
 */
import { headerFromBytes, type Inventory, InvType, NetworkId, parseHost } from "../../bitcoin/types/mod.ts";
import {
  AddrV2,
  type AnyMessage,
  Block as BlockMessage,
  type BodyOf,
  GetAddr,
  GetData,
  GetHeaders,
  HeadersMessage,
  Inv,
  messageByType,
  Ping,
  Pong,
  SendAddrV2,
  Verack,
  Version,
} from "../../bitcoin/wire/mod.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { ByteDuplex } from "../../core/ports.ts";
import type { Givers } from "../givers.ts";
import { type LiarParts, nobodyOf } from "../play.ts";
import { network, type WorldBlocks } from "./blocks.ts";
import { LIAR_SERVICES, LiarWire } from "./liar-wire.ts";

/** How often a liar dials somebody, and how often it does its worst on a connection. */
const DIAL_EVERY_MS = 600_000;
const ACT_EVERY_MS = 60_000;
const FLOOD_MESSAGES = 200;
/** Bytes of questions that are written at a time, and in all, by a flood whose answers nobody reads. */
const QUESTION_BYTES = 32 * 1024;
const QUESTIONS_BYTES_MAX = 8 * 1024 * 1024;
/** An announcer announces so soon after an answer, and then finds it wrong to be asked more often than this. */
const ANNOUNCE_WITHIN_MS = 500;
const QUESTIONS_WINDOW_MS = 60_000;
const QUESTIONS_MAX = 60;
/** Bytes of a message that is passed over, and where in its envelope type and checksum begin. */
const MUMBLE_BYTES_MAX = 80_000;
const TYPE_AT = 4;
const CHECKSUM_AT = 20;
const FORGED_BLOCKS = 3;
/** Addresses that are told at first, as many as a message holds, and each time after. */
const ADDRESSES = 1_000;
const ADDRESSES_AGAIN = 50;
/** Connections that a liar takes at a time. */
const CONNECTIONS_MAX = 32;

/** One connection of a liar. */
class Conversation extends LiarWire {
  readonly #liar: BitcoinLiar;
  readonly #dials: boolean;
  /** Rows of the chain that it claims to have end here. */
  tip = 0;
  /** When headers were asked for, lately. */
  readonly #questions: number[] = [];
  #told = false;
  /** Whether its garbage is messages that nodes pass over. */
  readonly #mumbles: boolean;
  #isDeaf = false;
  #cancel = () => {};

  constructor(liar: BitcoinLiar, duplex: ByteDuplex, dials: boolean) {
    super(duplex);
    this.#liar = liar;
    this.#dials = dials;
    this.#mumbles = liar.parts.lie === "garbage" && liar.parts.random.chance(0.5);
  }

  override end(): void {
    this.#cancel();
    super.end();
  }

  async run(): Promise<void> {
    const { lie } = this.#liar.parts;
    const reader = this.duplex.readable.getReader();
    if (this.#dials && lie !== "silent") this.#introduce();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (lie === "silent") continue;
      for (const frame of this.transport.push(value)) {
        const message = messageByType(frame.type);
        if (message !== undefined) this.#hear(message, message.decode(frame.payload));
      }
      if (this.#isDeaf) return await this.duplex.closed;
    }
  }

  #introduce(): void {
    const { blocks, parts } = this.#liar;
    this.introduce(parts, { startHeight: blocks.headers.height(blocks.best), relay: false });
  }

  #hear(message: AnyMessage, body: unknown): void {
    if (message === Version) {
      if (!this.#dials) this.#introduce();
      this.send(SendAddrV2, {});
      this.send(Verack, {});
    } else if (message === Verack) this.#act();
    else if (message === Ping) this.send(Pong, body as BodyOf<typeof Pong>);
    else if (message === GetHeaders) {
      this.#giveHeaders(body as BodyOf<typeof GetHeaders>);
      if (this.#liar.parts.lie === "announce") this.#announceTip();
    } else if (message === GetData) this.#giveBlocks((body as BodyOf<typeof GetData>).inventory);
    else if (message === GetAddr && this.#liar.parts.lie === "addresses") this.#spam();
  }

  /** Counts a question, and tells the tip that it asked nothing about, now and a few times more. */
  #announceTip(): void {
    const { clock, random, broke } = this.#liar.parts;
    const now = clock.monotonic();
    this.#questions.push(now);
    while (this.#questions[0]! < now - QUESTIONS_WINDOW_MS) this.#questions.shift();
    if (this.#questions.length > QUESTIONS_MAX) {
      broke("headers are asked for once", this.duplex.remote.host, `${this.#questions.length} questions in a minute`);
      return this.end();
    }
    const { blocks } = this.#liar;
    const announce = () => {
      if (!this.#liar.holds(this)) return;
      const from = blocks.headers.height(blocks.best) - 1 - random.below(3);
      this.tip = blocks.best;
      this.send(HeadersMessage, { headers: this.#headersFrom(from) });
    };
    announce();
    for (let i = 0; i < 2; i++) clock.after(random.wait(ANNOUNCE_WITHIN_MS), announce);
  }

  /** What this liar is here for, now and again. */
  #act(): void {
    const { lie, random, clock } = this.#liar.parts;
    const { blocks } = this.#liar;
    if (lie === "garbage") {
      if (!this.#mumble()) return;
    } else if (lie === "flood" && random.chance(0.5)) return void this.#ask();
    else if (lie === "flood") { for (let i = 0; i < FLOOD_MESSAGES; i++) this.send(Ping, { nonce: BigInt(i) }); }
    else if (lie === "claim") {
      this.send(Inv, { inventory: [{ type: InvType.BLOCK, hash: random.bytes(32) }] });
    } else if (lie === "stall" || lie === "forge") {
      this.tip = this.#liar.forged();
      this.send(HeadersMessage, { headers: this.#headersFrom(blocks.headers.height(this.tip) - FORGED_BLOCKS) });
    } else if (lie === "announce") {
      this.tip = blocks.best;
      this.send(HeadersMessage, { headers: this.#headersFrom(blocks.headers.height(this.tip) - 2) });
    } else if (lie === "addresses") this.#spam();
    this.#cancel = clock.after(ACT_EVERY_MS / 2 + random.wait(ACT_EVERY_MS / 2), () => {
      if (this.#liar.holds(this)) this.#act();
    });
  }

  /**
   * Bytes that mean nothing: no message at all, one that is passed over for its checksum or its name, or half of one. False
   * when nothing more may come after them.
   */
  #mumble(): boolean {
    const { random } = this.#liar.parts;
    if (!this.#mumbles) {
      void this.raw(random.bytes(1 + random.below(2_000)));
      return true;
    }
    const bytes = this.transport.pack("mystery", random.bytes(random.below(MUMBLE_BYTES_MAX)));
    const how = random.below(8);
    if (how === 0) {
      void this.raw(bytes.subarray(0, 1 + random.below(bytes.length)));
      return false;
    }
    if (how < 5) bytes[CHECKSUM_AT]! ^= 1;
    else if (how < 7) bytes[TYPE_AT] = 0xff;
    void this.raw(bytes);
    return true;
  }

  /** Questions without end, and no ear for the answers: who reads on while it cannot answer fills its memory. */
  async #ask(): Promise<void> {
    this.#isDeaf = true;
    const locator = [this.#liar.blocks.headers.hash(0)];
    const question = this.transport.pack(
      GetHeaders.type,
      GetHeaders.encode({ version: 70_016, locator, stop: new Uint8Array(32) }),
    );
    const many = new Uint8Array(Math.floor(QUESTION_BYTES / question.length) * question.length);
    for (let at = 0; at < many.length; at += question.length) many.set(question, at);
    for (let sent = 0; sent < QUESTIONS_BYTES_MAX; sent += many.length) {
      if (!await this.raw(many)) return;
    }
  }

  #headersFrom(height: number) {
    const { headers } = this.#liar.blocks;
    const rows: number[] = [];
    for (let row = this.tip; headers.height(row) > height && row > 0; row = headers.parent(row)) rows.push(row);
    return rows.reverse().slice(0, network.headersPerMessage).map((row) => headerFromBytes(headers.headerBytes(row)));
  }

  #giveHeaders({ locator }: BodyOf<typeof GetHeaders>): void {
    const { headers, best } = this.#liar.blocks;
    if (this.#liar.parts.lie === "stall") return;
    if (this.tip === 0 || this.#liar.parts.lie === "announce") this.tip = best;
    const fork =
      locator.map((hash) => headers.find(hash)).find((row) =>
        row >= 0 && headers.height(row) <= headers.height(this.tip) &&
        headers.ancestor(this.tip, headers.height(row)) === row
      ) ?? 0;
    this.send(HeadersMessage, { headers: this.#headersFrom(headers.height(fork)) });
  }

  #giveBlocks(inventory: readonly Inventory[]): void {
    const { blocks, parts } = this.#liar;
    if (parts.lie === "stall") return;
    for (const { hash } of inventory) {
      const raw = blocks.raw(blocks.headers.find(hash));
      if (raw === undefined) continue;
      void this.raw(this.transport.pack(BlockMessage.type, raw));
      this.#liar.givers.gave(this.duplex.remote.host, toDisplayHex(hash), this.duplex);
    }
  }

  #spam(): void {
    const { clock, random, hosts } = this.#liar.parts;
    const time = Math.floor(clock.now() / 1000);
    const addresses = Array.from({ length: this.#told ? ADDRESSES_AGAIN : ADDRESSES }, () => {
      const host = nobodyOf(random, hosts);
      const { address } = parseHost(host) ?? { address: new Uint8Array(4) };
      return { time, services: LIAR_SERVICES, network: NetworkId.IPV4, address, port: network.defaultPort };
    });
    this.#told = true;
    this.send(AddrV2, { addresses });
  }
}

/** One malicious host. */
export class BitcoinLiar {
  readonly blocks: WorldBlocks;
  readonly givers: Givers;
  readonly parts: LiarParts;
  readonly #conversations = new Set<Conversation>();
  /** Row of the tip of its forged chain, and of the honest block that it was made after. */
  #forgery = { tip: 0, after: -1 };

  constructor(blocks: WorldBlocks, givers: Givers, parts: LiarParts) {
    this.blocks = blocks;
    this.givers = givers;
    this.parts = parts;
  }

  holds(conversation: Conversation): boolean {
    return this.#conversations.has(conversation);
  }

  start(): void {
    const { presence, network: net } = this.parts;
    void net.listen(presence, {
      host: presence.host,
      port: network.defaultPort,
      onConnection: (duplex) => this.#talk(duplex, false),
    });
    this.#dialLater();
  }

  /** Row of the tip of a chain heavier than the honest one, none of whose own blocks is valid. */
  forged(): number {
    const { blocks, parts: { clock, presence } } = this;
    if (this.#forgery.after === blocks.best) return this.#forgery.tip;
    let tip = blocks.headers.parent(blocks.best);
    if (tip < 0) tip = 0;
    // Refused at once, or by its coins and much later: then what is built upon the first block has no fault of its own.
    const isLate = this.parts.random.chance(0.5);
    const kindOf = (i: number) => !isLate ? "bad" : i === 0 ? "late" : "unsound";
    for (let i = 0; i < FORGED_BLOCKS; i++) tip = blocks.mine(tip, clock.now(), `${presence.host} ${i}`, kindOf(i)).row;
    this.#forgery = { tip, after: blocks.best };
    return tip;
  }

  #dialLater(): void {
    const { clock, random, victims, network: net, presence } = this.parts;
    clock.after(random.wait(DIAL_EVERY_MS), () => {
      const host = random.pick(victims);
      net.dialer(presence).dial({ host, port: network.defaultPort }, { timeoutMs: 5_000 })
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
