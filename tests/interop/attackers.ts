/**
 * Attackers of one node, all in this process: `attackers.ts CHAIN HOST PORT COUNT SEED [KIND]`. A fifth of them each
 *
 * - is idle: connects, half of them with a handshake, and says nothing;
 * - is slow: says its handshake, or a message after it, a byte at a time;
 * - floods: repeats valid messages as fast as the node takes them, half of them without reading what it answers;
 * - talks rubbish, before the handshake or after it;
 * - shakes hands, leaves, and comes again.
 *
 * Each has a group of addresses of its own, takes another address for every connection, and comes again whenever the
 * node ends one. With a KIND all of them are of that. At SIGTERM they let go, and what each kind did is printed as one line of JSON.
 */
import process from "node:process";
import {
  bitcoinFlood,
  bitcoinHello,
  bitcoinRubbish,
  certificates,
  Chance,
  chiaFlood,
  chiaRubbish,
  introduce,
} from "./attackers-bytes.ts";
import { type Certificate, masked, type Meter, type Target, UPGRADE, Wire } from "./attackers-wire.ts";

const KINDS = ["idle", "slow", "flooding", "garbage", "handshakes"] as const;
type Kind = typeof KINDS[number];

const SLOW_BYTE_MS = 500;
/** Between two bursts of one flooding attacker. */
const BURST_MS = 5;
/** Before an attacker whom the node turned away comes again. */
const PAUSE_MS = 300;
/** Between two handshakes of one attacker. */
const LOOP_MS = 50;

const stop = new AbortController();
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

class Attacker {
  readonly #target: Target;
  readonly #index: number;
  readonly #kind: Kind;
  readonly #meter: Meter;
  readonly #certificate: Certificate | undefined;
  readonly #chance: Chance;
  /** Which of the ways of its kind this one goes. */
  readonly #way: number;
  #turn = 0;
  #wire: Wire | undefined;

  constructor(target: Target, index: number, kind: Kind, meter: Meter, seed: number, certificate?: Certificate) {
    this.#target = target;
    this.#index = index;
    this.#kind = kind;
    this.#way = Math.floor(index / KINDS.length);
    this.#meter = meter;
    this.#certificate = certificate;
    this.#chance = new Chance(seed * 7919 + index + 1);
  }

  async run(): Promise<void> {
    // Not all at the same moment: 300 at once is a burst that the accept queue answers for.
    await sleep(this.#chance.below(2_000));
    stop.signal.addEventListener("abort", () => this.#wire?.close());
    while (!stop.signal.aborted) {
      this.#wire = undefined;
      // Being turned away is what an attacker is used to.
      await this.#attack().catch(() => {});
      if (this.#wire !== undefined && (this.#wire as Wire).hasEnded) this.#meter.ended++;
      (this.#wire as Wire | undefined)?.close();
      if (!stop.signal.aborted) await sleep(this.#kind === "handshakes" ? LOOP_MS : PAUSE_MS);
    }
  }

  /** The next address of this attacker, all of them in a group that nobody else has. */
  #source(): string {
    const turn = this.#turn++;
    return `${31 + this.#index % 69}.${1 + Math.floor(this.#index / 69)}.${(turn >> 8) & 0xff}.${turn & 0xff}`;
  }

  /** Connects; on Chia over TLS unless told not to. */
  async #open(secure: boolean): Promise<Wire> {
    const papers = secure ? this.#certificate : undefined;
    return (this.#wire = await Wire.open(this.#target, this.#source(), this.#meter, papers));
  }

  async #handshake(wire: Wire): Promise<void> {
    await introduce(wire, this.#target.chain, this.#chance);
    this.#meter.handshakes++;
  }

  async #trickle(wire: Wire, bytes: Uint8Array): Promise<void> {
    for (const byte of bytes) {
      if (stop.signal.aborted) return;
      await wire.write(Uint8Array.of(byte));
      await sleep(SLOW_BYTE_MS);
    }
    await wire.end();
  }

  async #attack(): Promise<void> {
    const isBitcoin = this.#target.chain === "bitcoin";
    const way = this.#way;
    switch (this.#kind) {
      case "idle": {
        // On Chia a third each stops after TCP, after TLS, after the handshake.
        const wire = await this.#open(way % 3 !== 0);
        if (isBitcoin ? way % 2 === 0 : way % 3 === 2) await this.#handshake(wire);
        await wire.end();
        return;
      }
      case "slow": {
        const wire = await this.#open(way % 3 !== 0);
        const isAfter = isBitcoin ? way % 2 === 0 : way % 3 === 2;
        if (isAfter) await this.#handshake(wire);
        await this.#trickle(wire, this.#slowBytes(isAfter));
        return;
      }
      case "flooding": {
        const wire = await this.#open(true);
        await this.#handshake(wire);
        const bytes = (isBitcoin ? bitcoinFlood : chiaFlood)(this.#chance, Math.floor(way / 2));
        if (way % 2 === 0) wire.deafen();
        while (!stop.signal.aborted) {
          await wire.write(bytes);
          await sleep(BURST_MS);
        }
        return;
      }
      case "garbage": {
        const wire = await this.#open(way % 3 !== 0);
        if (way % 3 === 0) await wire.write(this.#chance.bytes(4_096));
        else if (way % 3 === 1) await wire.write((isBitcoin ? bitcoinRubbish : this.#noUpgrade)(this.#chance, way));
        else {
          await this.#handshake(wire);
          await wire.write((isBitcoin ? bitcoinRubbish : chiaRubbish)(this.#chance, way));
        }
        await wire.end();
        return;
      }
      case "handshakes": {
        await this.#handshake(await this.#open(true));
        return;
      }
    }
  }

  #noUpgrade = (chance: Chance) => chance.bytes(3_000);

  #slowBytes(isAfter: boolean): Uint8Array {
    if (this.#target.chain === "bitcoin") {
      return isAfter ? bitcoinFlood(this.#chance, 1) : bitcoinHello(this.#chance).version;
    }
    if (isAfter) return masked(this.#chance.bytes(1_000));
    // The head of a record of 512 bytes in which a ClientHello begins; or the request over TLS.
    return this.#way % 3 === 0
      ? Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...this.#chance.bytes(400))
      : UPGRADE;
  }
}

const [chain, host = "", port, count, seed, kind] = process.argv.slice(2);
const target: Target = { chain: chain === "chia" ? "chia" : "bitcoin", host, port: Number(port) };
const meters = Object.fromEntries(
  KINDS.map((kind) => [kind, { attempts: 0, connections: 0, handshakes: 0, ended: 0, sent: 0, received: 0 }]),
) as Record<Kind, Meter>;
process.on("SIGTERM", () => stop.abort());
// Whoever is turned away in the middle of a write is no failure of this program.
process.on("unhandledRejection", () => {});
process.on("uncaughtException", (error) => {
  if (!("code" in error)) throw error;
});
const papers = target.chain === "chia" ? await certificates(Number(count)) : [];
process.stdout.write("ready\n");
await Promise.all(
  Array.from(
    { length: Number(count) },
    (_, i) => {
      const acts = KINDS.find((each) => each === kind) ?? KINDS[i % KINDS.length]!;
      return new Attacker(target, i, acts, meters[acts], Number(seed), papers[i]).run();
    },
  ),
);
process.stdout.write(`${JSON.stringify(meters)}\n`);
process.exit(0);
