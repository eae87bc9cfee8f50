/**
 * Attackers of one node that do everything at once: `at-once-attackers.ts CHAIN HOST PORT RPCPORT SEED HONEST,HONEST…`.
 *
 * - `announcing` tell of what connects to nothing, ten times a second;
 * - `skipped` send one long message that the node passes over, and stay;
 * - `impostors` come from the hosts of the honest peers and offend in every way that costs something;
 * - `liars` announce a heavier chain that they forged, and fetch the node's tip;
 * - `unfinished` send as much as they can of a message without end;
 * - `crowd` connect and say nothing, more of them than the node has file descriptors;
 * - `rpc` connect to RPC without a secret: before TLS, after it, or with a request that does not end;
 * - `bursts` are a hundred connections at the same moment from one host, again and again.
 *
 * Each has a group of addresses of its own unless it is said otherwise, and comes again whenever the node ends its connection.
 * At SIGTERM they let go, and what each kind did is printed as one line of JSON.
 */
import { Buffer } from "node:buffer";
import net from "node:net";
import process from "node:process";
import tls from "node:tls";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { encodeEnvelope } from "../../lib/chia/protocol/mod.ts";
import { forgedBlock, forgedHeader, headersMessage, lieOnBitcoin, lieOnChia } from "./at-once-liars.ts";
import {
  bitcoinFlood,
  bitcoinRubbish,
  certificates,
  Chance,
  chiaFlood,
  chiaRubbish,
  fragments,
  frame,
  introduce,
  longMessage,
  wrongMessage,
} from "./attackers-bytes.ts";
import { type Certificate, type Meter, newMeter, type Target, Wire } from "./attackers-wire.ts";
import { sleep } from "./siege.ts";

const COUNTS = {
  announcing: 3,
  skipped: 100,
  impostors: 10,
  liars: 4,
  unfinished: 40,
  crowd: 300,
  rpc: 256,
  bursts: 1,
};
type Kind = keyof typeof COUNTS;

const ANNOUNCE_EVERY_MS = 100;
/** Before one whom the node turned away comes again: soon, but so that the attackers leave the machine to the node. */
const PAUSE_MS = 1_000;
/** The same on RPC, where they are idle. */
const RPC_PAUSE_MS = 5_000;
const LIAR_STAYS_MS = 3_000;
const BURST = 100;
const BURST_EVERY_MS = 2_000;
const BURST_STAYS_MS = 500;
/** A message that Chia's reference does not know, as long as one that the node may hold. */
const SKIPPED_BYTES = 1_980_000;

const [chain, host = "", port, rpcPort, seed, honest = ""] = process.argv.slice(2);
const isBitcoin = chain !== "chia";
const target: Target = { chain: isBitcoin ? "bitcoin" : "chia", host, port: Number(port) };
const honestHosts = honest.split(",");
const meters = Object.fromEntries(Object.keys(COUNTS).map((kind) => [kind, newMeter()])) as Record<Kind, Meter>;
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
// Being turned away in the middle of a write is no failure of this program.
process.on("unhandledRejection", () => {});
process.on("uncaughtException", (error) => {
  if (!("code" in error)) throw error;
});
/** Each that shakes hands is a node of its own: of two connections of one node the older ends. */
const SHAKING: readonly Kind[] = ["announcing", "skipped", "impostors", "liars", "unfinished"];
const FIRST_PAPERS = new Map(
  SHAKING.map((kind, i) => [kind, SHAKING.slice(0, i).reduce((sum, each) => sum + COUNTS[each], 0)]),
);
const papers = isBitcoin ? [] : await certificates(SHAKING.reduce((sum, kind) => sum + COUNTS[kind], 0));

/** One attacker's visit: who it is, and its connection once it has opened one. */
class Visit {
  readonly chance: Chance;
  readonly meter: Meter;
  readonly index: number;
  readonly source: string;
  readonly turn: number;
  readonly #firstPapers: number;
  #wire: Wire | undefined;

  constructor(kind: Kind, index: number, source: string, turn: number) {
    this.chance = new Chance(Number(seed) * 7919 + index * 131 + turn + 1);
    this.meter = meters[kind];
    this.#firstPapers = FIRST_PAPERS.get(kind) ?? 0;
    this.index = index;
    this.source = source;
    this.turn = turn;
  }

  get papers(): Certificate {
    return papers[(this.#firstPapers + this.index) % papers.length]!;
  }

  async open(secure = true): Promise<Wire> {
    const certificate = isBitcoin || !secure ? undefined : this.papers;
    return (this.#wire = await Wire.open(target, this.source, this.meter, certificate));
  }

  /** Opens a connection and shakes hands. */
  async enter(): Promise<Wire> {
    const wire = await this.open();
    await introduce(wire, target.chain, this.chance);
    this.meter.handshakes++;
    return wire;
  }

  close(): void {
    if (this.#wire?.hasEnded === true) this.meter.ended++;
    this.#wire?.close();
  }
}

/** A message that the node passes over: of a wrong checksum, or of a type that nobody knows. */
const skipped = isBitcoin
  ? wrongMessage()
  : frame(true, encodeEnvelope({ type: 200, id: null, data: new Uint8Array(SKIPPED_BYTES) }), true);
const head = isBitcoin ? longMessage() : new Uint8Array();
const HTTP = Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n");

/**
 * The ways of an impostor, in turn. Those that shake hands come first: the offences of the others may have the host banned
 * before the second of its impostors is there.
 */
async function offend(visit: Visit): Promise<void> {
  const { chance } = visit;
  switch (visit.turn % 5) {
    case 0: {
      const wire = await visit.enter();
      await wire.write((isBitcoin ? bitcoinRubbish : chiaRubbish)(chance, visit.turn));
      return await wire.end();
    }
    case 1: {
      const wire = await visit.enter();
      const flood = (isBitcoin ? bitcoinFlood : chiaFlood)(chance, Math.floor(visit.turn / 5));
      for (let i = 0; i < 100; i++) await wire.write(flood);
      return;
    }
    case 2: {
      if (!isBitcoin) {
        const how = { ms: LIAR_STAYS_MS, spoils: true, stop: stop.signal };
        return await lieOnChia(target, visit.source, visit.meter, visit.papers, how);
      }
      const wire = await visit.enter();
      // Of a parent that the node has, and of one that nobody has.
      await wire.write(forgedBlock(regtest.genesis.hash, chance));
      await wire.write(forgedBlock(chance.bytes(32), chance));
      return await wire.end();
    }
    case 3: {
      const wire = await visit.open();
      await wire.write(HTTP);
      return await wire.end();
    }
    default: {
      const wire = await visit.open(false);
      await wire.write(chance.bytes(4_096));
      return await wire.end();
    }
  }
}

const acts: Record<Exclude<Kind, "rpc" | "bursts">, (visit: Visit) => Promise<void>> = {
  async announcing(visit) {
    const wire = await visit.enter();
    while (!stop.signal.aborted && !wire.hasEnded) {
      const { chance } = visit;
      await wire.write(isBitcoin ? headersMessage([forgedHeader(chance.bytes(32), chance)]) : chiaFlood(chance, 0));
      await sleep(ANNOUNCE_EVERY_MS);
    }
  },
  async skipped(visit) {
    const wire = await visit.enter();
    await wire.write(skipped);
    await wire.end();
  },
  impostors: offend,
  async liars(visit) {
    if (isBitcoin) return await lieOnBitcoin(target, visit.source, visit.meter, visit.chance, LIAR_STAYS_MS);
    await lieOnChia(target, visit.source, visit.meter, visit.papers, { ms: 10 * LIAR_STAYS_MS, stop: stop.signal });
  },
  async unfinished(visit) {
    const wire = await visit.enter();
    if (isBitcoin) await wire.write(head);
    else await fragments(wire);
    await wire.end();
  },
  async crowd(visit) {
    await (await visit.open(visit.index % 2 === 0)).end();
  },
};

/** Where one comes from in turn: a group of addresses that nobody else has. */
const sourceOf = (network: number, index: number, turn: number) =>
  `${network + 10 * Math.floor(index / 256)}.${index % 256}.${(turn >> 7) & 0xff}.${1 + turn % 128}`;

async function act(kind: keyof typeof acts, network: number, index: number): Promise<void> {
  await sleep((index * 37) % 1_500);
  for (let turn = 0; !stop.signal.aborted; turn++) {
    const source = kind === "impostors" ? honestHosts[index % honestHosts.length]! : sourceOf(network, index, turn);
    const visit = new Visit(kind, index, source, turn + index);
    const leave = () => visit.close();
    stop.signal.addEventListener("abort", leave);
    // Being turned away is what an attacker is used to.
    await acts[kind](visit).catch(() => {});
    stop.signal.removeEventListener("abort", leave);
    visit.close();
    if (!stop.signal.aborted) await sleep(PAUSE_MS);
  }
}

/** One connection to RPC that shows no secret. */
async function disturb(index: number): Promise<void> {
  const meter = meters.rpc;
  const where = { host: "127.0.0.1", port: Number(rpcPort) };
  await sleep((index * 37) % 1_500);
  while (!stop.signal.aborted) {
    meter.attempts++;
    const socket = index % 3 === 0 ? net.connect(where) : tls.connect({ ...where, rejectUnauthorized: false });
    socket.once(index % 3 === 0 ? "connect" : "secureConnect", () => {
      meter.connections++;
      if (index % 3 === 2) socket.write("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{");
    });
    socket.on("error", () => {});
    socket.resume();
    const leave = () => socket.destroy();
    stop.signal.addEventListener("abort", leave);
    await new Promise<void>((resolve) => socket.once("close", () => resolve()));
    stop.signal.removeEventListener("abort", leave);
    meter.ended++;
    if (!stop.signal.aborted) await sleep(RPC_PAUSE_MS);
  }
}

async function burst(): Promise<void> {
  while (!stop.signal.aborted) {
    const opening = Array.from({ length: BURST }, () => Wire.open(target, "99.1.0.1", meters.bursts).catch(() => {}));
    const wires = await Promise.race([Promise.all(opening), sleep(BURST_EVERY_MS).then(() => [])]);
    await sleep(BURST_STAYS_MS);
    for (const wire of wires) wire?.close();
    for (const late of opening) void late.then((wire) => wire?.close());
    await sleep(BURST_EVERY_MS - BURST_STAYS_MS);
  }
}

process.stdout.write("ready\n");
const all = (Object.keys(acts) as (keyof typeof acts)[]).flatMap((kind, network) =>
  Array.from({ length: COUNTS[kind] }, (_, index) => act(kind, 41 + network, index))
);
void Promise.all([...all, ...Array.from({ length: COUNTS.rpc }, (_, index) => disturb(index)), burst()]);
await new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve()));
// Those that wait for something in vain end with this process.
await sleep(500);
process.stdout.write(`${JSON.stringify(meters)}\n`);
process.exit(0);
