/**
 * What a malicious peer writes on one connection, below what it says.
 *
 * @module
 */
import { NO_ADDRESS } from "../../bitcoin/types/mod.ts";
import { type Message, V1Transport, Version } from "../../bitcoin/wire/mod.ts";
import type { ByteDuplex } from "../../core/ports.ts";
import type { LiarParts } from "../play.ts";
import { network } from "./blocks.ts";

/** NETWORK and WITNESS. */
export const LIAR_SERVICES = 9n;

/** The wire of one connection. Its owner reads `duplex`, and takes what comes through `transport`. */
export class LiarWire {
  readonly transport: V1Transport = new V1Transport(network.magic);
  readonly duplex: ByteDuplex;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(duplex: ByteDuplex) {
    this.duplex = duplex;
    this.#writer = duplex.writable.getWriter();
    this.#writer.closed.catch(() => {});
  }

  send<T>(message: Message<string, T>, body: T): void {
    void this.raw(this.transport.pack(message.type, message.encode(body)));
  }

  /** Writes bytes as they are, below any envelope. Resolves when they were taken; false when the connection has ended. */
  raw(bytes: Uint8Array): Promise<boolean> {
    return this.#writer.write(bytes).then(() => true, () => false);
  }

  /** Sends `version`, like a node. */
  introduce(
    { clock, random }: LiarParts,
    claims: { readonly startHeight: number; readonly relay: boolean },
  ): void {
    this.send(Version, {
      version: 70_016,
      services: LIAR_SERVICES,
      timestamp: BigInt(Math.floor(clock.now() / 1000)),
      addrRecv: NO_ADDRESS,
      addrFrom: NO_ADDRESS,
      nonce: BigInt(random.below(2 ** 32)),
      userAgent: "/Satoshi:31.0.0/",
      ...claims,
    });
  }

  end(): void {
    this.duplex.destroy();
  }
}
