/**
 * Malicious peers that are against the relay of transactions. They dial every node, and stay.
 *
 * @module
 */
import { InvType, Transaction } from "../../bitcoin/types/mod.ts";
import { Inv, messageByType, Ping, Pong, Tx, Verack, Version, WtxidRelay } from "../../bitcoin/wire/mod.ts";
import type { ByteDuplex } from "../../core/ports.ts";
import type { LiarParts } from "../play.ts";
import { network, type WorldBlocks } from "./blocks.ts";
import { LiarWire } from "./liar-wire.ts";
import { COSTLY_MARK } from "./slow-judging.ts";
import { type Payment, spendOpen, type WorldCoin, type WorldWallet } from "./wallet.ts";

const REDIAL_MS = 30_000;
/** How often each does its worst, and how much of it. */
const ACT_EVERY_MS = 30_000;
const IDS = 6_000;
const ORPHANS = 100;
const COSTLY = 6;
/** Connections to each node: costly transactions are judged one after another, those of one connection as well. */
const CONNECTIONS = 2;
const COSTLY_CONNECTIONS = 5;

/** One connection. */
class Talk extends LiarWire {
  readonly #liar: RelayLiar;
  isReady = false;

  constructor(liar: RelayLiar, duplex: ByteDuplex) {
    super(duplex);
    this.#liar = liar;
  }

  /** Shakes hands and answers pings, until the node ends it. What it is asked for it does not give. */
  async run(): Promise<void> {
    this.introduce(this.#liar.parts, { startHeight: 0, relay: true });
    const reader = this.duplex.readable.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const frame of this.transport.push(value)) {
        const message = messageByType(frame.type);
        if (message === Version) {
          this.send(WtxidRelay, {});
          this.send(Verack, {});
        } else if (message === Verack) this.isReady = true;
        else if (message === Ping) this.send(Pong, Ping.decode(frame.payload) as { readonly nonce: bigint });
      }
    }
  }
}

/** One malicious host. */
export class RelayLiar {
  readonly parts: LiarParts;
  readonly #blocks: WorldBlocks;
  readonly #wallet: WorldWallet;
  readonly #talks = new Set<Talk>();
  #coin: WorldCoin | undefined;

  constructor(parts: LiarParts, blocks: WorldBlocks, wallet: WorldWallet) {
    this.parts = parts;
    this.#blocks = blocks;
    this.#wallet = wallet;
  }

  start(): void {
    const { lie, victims } = this.parts;
    const connections = lie === "costly" ? COSTLY_CONNECTIONS : CONNECTIONS;
    for (const host of victims) for (let i = 0; i < connections; i++) this.#dialLater(host);
    this.#actLater();
  }

  /** Hears of payments sooner than any node: it may announce them first. */
  hears(payment: Payment): void {
    if (this.parts.lie !== "withhold") return;
    const inventory = payment.map(({ wtxid }) => ({ type: InvType.WTX, hash: wtxid }));
    for (const talk of this.#ready()) talk.send(Inv, { inventory });
  }

  #ready(): readonly Talk[] {
    return [...this.#talks].filter(({ isReady }) => isReady);
  }

  #actLater(): void {
    const { clock, random } = this.parts;
    clock.after(random.wait(ACT_EVERY_MS), () => {
      for (const talk of this.#ready()) this.#act(talk);
      this.#actLater();
    });
  }

  #act(talk: Talk): void {
    const { lie, random } = this.parts;
    if (lie === "ids") {
      const inventory = Array.from({ length: IDS }, () => ({ type: InvType.WTX, hash: random.bytes(32) }));
      talk.send(Inv, { inventory });
    } else if (lie === "orphans") {
      for (let i = 0; i < ORPHANS; i++) talk.send(Tx, this.#orphan());
    } else if (lie === "costly") {
      // A coin that is there, or it would be refused for less.
      this.#coin ??= this.#blocks.best > 0 ? this.#wallet.take() : undefined;
      for (let i = 0; i < COSTLY && this.#coin !== undefined; i++) {
        const witness = Uint8Array.of(COSTLY_MARK, ...random.bytes(8));
        talk.send(Tx, spendOpen([this.#coin], 5_000, 1, { witness }));
      }
    }
  }

  #orphan(): Transaction {
    const { random } = this.parts;
    const coin = { txid: random.bytes(32), vout: 0, value: 100_000, script: Uint8Array.of(0x51) };
    return spendOpen([coin], 1_000, 1);
  }

  #dialLater(host: string): void {
    const { clock, random, network: net, presence } = this.parts;
    clock.after(random.wait(REDIAL_MS), () => {
      net.dialer(presence).dial({ host, port: network.defaultPort }, { timeoutMs: 5_000 })
        .then((duplex) => this.#talk(duplex, host), () => this.#dialLater(host));
    });
  }

  #talk(duplex: ByteDuplex, host: string): void {
    const talk = new Talk(this, duplex);
    this.#talks.add(talk);
    talk.run().catch(() => {}).finally(() => {
      this.#talks.delete(talk);
      talk.end();
      this.#dialLater(host);
    });
  }
}
