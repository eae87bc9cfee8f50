/**
 * Malicious peers that are against the relay of transactions, and of the blocks that have them. They dial every node, and
 * stay.
 *
 * @module
 */
import type { Block } from "../../bitcoin/types/mod.ts";
import { type AnyMessage, messageByType, Ping, Pong, Verack, Version, WtxidRelay } from "../../bitcoin/wire/mod.ts";
import type { ByteDuplex } from "../../core/ports.ts";
import type { LiarParts } from "../play.ts";
import { network } from "./blocks.ts";
import { LiarWire } from "./liar-wire.ts";
import type { Payment } from "./wallet.ts";

const REDIAL_MS = 30_000;
/** How often each does its worst. */
const ACT_EVERY_MS = 30_000;
const CONNECTIONS = 2;

/** What a malicious host does, beyond dialling and shaking hands. Each is told the connections that are ready. */
export interface RelayAct {
  /** Connections to each node; two when absent. */
  readonly connections?: number;
  /** How often it does its worst; every half minute when absent. */
  readonly everyMs?: number;
  /** Does its worst, now and then. */
  act?(talks: readonly Talk[]): void;
  /** Hears of a payment sooner than any node but the first. */
  heardPayment?(payment: Payment, talks: readonly Talk[]): void;
  /** Hears of a block sooner than any node. */
  heardBlock?(block: Block, talks: readonly Talk[]): void;
  /** A node has agreed to a connection. */
  ready?(talk: Talk): void;
  /** A node said something on it. */
  hear?(talk: Talk, message: AnyMessage, body: unknown): void;
}

/** One connection. */
export class Talk extends LiarWire {
  readonly host: string;
  readonly #parts: LiarParts;
  readonly #act: RelayAct;
  isReady = false;

  constructor(parts: LiarParts, act: RelayAct, duplex: ByteDuplex, host: string) {
    super(duplex);
    this.#parts = parts;
    this.#act = act;
    this.host = host;
  }

  /** Shakes hands and answers pings, until the node ends it. What it is asked for it gives if that is its act. */
  async run(): Promise<void> {
    this.introduce(this.#parts, { startHeight: 0, relay: true });
    const reader = this.duplex.readable.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const frame of this.transport.push(value)) {
        const message = messageByType(frame.type);
        if (message === Version) {
          this.send(WtxidRelay, {});
          this.send(Verack, {});
        } else if (message === Verack) {
          this.isReady = true;
          this.#act.ready?.(this);
        } else if (message === Ping) this.send(Pong, Ping.decode(frame.payload) as { readonly nonce: bigint });
        else if (message !== undefined && this.#act.hear !== undefined) {
          this.#act.hear(this, message, message.decode(frame.payload));
        }
      }
    }
  }
}

/** One malicious host. */
export class RelayLiar {
  readonly #parts: LiarParts;
  readonly #act: RelayAct;
  readonly #talks = new Set<Talk>();

  constructor(parts: LiarParts, act: RelayAct) {
    this.#parts = parts;
    this.#act = act;
  }

  start(): void {
    const { connections = CONNECTIONS } = this.#act;
    for (const host of this.#parts.victims) for (let i = 0; i < connections; i++) this.#dialLater(host);
    this.#actLater();
  }

  /** Hears of a payment sooner than any node but the one that it is made at. */
  hears(payment: Payment): void {
    this.#act.heardPayment?.(payment, this.#ready());
  }

  /** Hears of a block sooner than any node. */
  hearsBlock(block: Block): void {
    this.#act.heardBlock?.(block, this.#ready());
  }

  #ready(): readonly Talk[] {
    return [...this.#talks].filter(({ isReady }) => isReady);
  }

  #actLater(): void {
    const { clock, random } = this.#parts;
    clock.after(random.wait(this.#act.everyMs ?? ACT_EVERY_MS), () => {
      this.#act.act?.(this.#ready());
      this.#actLater();
    });
  }

  #dialLater(host: string): void {
    const { clock, random, network: net, presence } = this.#parts;
    clock.after(random.wait(REDIAL_MS), () => {
      net.dialer(presence).dial({ host, port: network.defaultPort }, { timeoutMs: 5_000 })
        .then((duplex) => this.#talk(duplex, host), () => this.#dialLater(host));
    });
  }

  #talk(duplex: ByteDuplex, host: string): void {
    const talk = new Talk(this.#parts, this.#act, duplex, host);
    this.#talks.add(talk);
    talk.run().catch(() => {}).finally(() => {
      this.#talks.delete(talk);
      talk.end();
      this.#dialLater(host);
    });
  }
}

/** One connection to each host. */
export function oneEach(talks: readonly Talk[]): readonly Talk[] {
  return [...new Map(talks.map((talk) => [talk.host, talk])).values()];
}
