/**
 * A node under attack: `attackers-story.ts CHAIN ATTACKERS SECONDS SEED [KIND]`, in a network of its own. Measures it at rest,
 * under attack and afterwards, and tells what it found; `attackers.test.ts` has the bounds.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { requireNamespace, tell } from "../support/namespace.ts";
import { descriptors, type Latency, processorSeconds, residentNow, RpcProbe } from "../support/process-figures.ts";
import type { Meter } from "./attackers-wire.ts";
import { Gemel, REGTEST, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";
import { Simulator, simulatorMissing } from "./simulator.ts";

/** What the node costs and how soon it answers, in one part of the story. */
export interface Part {
  readonly latency: Latency;
  /** The most resident memory that was seen, in bytes. */
  readonly residentMax: number;
  readonly descriptors: number;
  /** Processor time of the node as a share of one core. */
  readonly processor: number;
}

/** What {@link tell} gives. */
export interface AttackFound {
  readonly before: Part;
  readonly during: Part & {
    /** Milliseconds from each new block of the honest peer until the node had it; −1 when it did not come. */
    readonly blocks: readonly number[];
    /** Milliseconds until an honest newcomer was let in while the attack went on; −1 when it was not. */
    readonly newcomer: number;
    readonly inboundMax: number;
  };
  readonly after: Part & {
    /** Milliseconds until the peers were those of before; −1 when they never were. */
    readonly settled: number;
    readonly newcomer: number;
    readonly bans: number;
  };
  /** Whether the honest peer's connection after the attack is the one of before. */
  readonly honestStayed: boolean;
  readonly attackers: Readonly<Record<string, Meter>>;
  readonly peersAfter: readonly string[];
  readonly stoppedWith: number | string;
  readonly errors: string;
}

const NODE = "20.0.0.1";
const HONEST = "21.0.0.1";
const PORT = 18_555;
/** Twenty requests a second. */
const ASK_EVERY_MS = 50;
const REST_MS = 3_000;
const BLOCK_EVERY_MS = 3_000;
const SAMPLE_MS = 200;
const CALL_MS = 5_000;
/** For a newcomer, and for the node to be as before. */
const PATIENCE_MS = 60_000;

requireNamespace();
process.on("uncaughtException", (error: Error & { readonly code?: string }) => {
  // Bun's client has no listener on a kept connection between two requests.
  if (error.code === "ECONNRESET") return;
  process.stderr.write(`the story: ${error.stack ?? error}\n`);
  process.exit(1);
});
const [chain, attackers = "", seconds, seed = "", ...kind] = process.argv.slice(2);
const isBitcoin = chain === "bitcoin";
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const note = (text: string) => void process.stderr.write(`${Math.round(performance.now())} ms: ${text}\n`);

/** The honest peer: a node of the reference. `next` makes a block and tells what the tip has to be then. */
interface Honest {
  readonly port: number;
  next(): Promise<string>;
  stop(): Promise<void>;
}

async function startHonest(): Promise<Honest> {
  const missing = isBitcoin ? btcdMissing() : simulatorMissing();
  if (missing !== undefined) throw new Error(missing);
  if (!isBitcoin) {
    const simulator = await Simulator.start({ blocks: 40, host: HONEST });
    const next = async () => (await simulator.farm(1)).header_hash;
    return { port: simulator.port, next, stop: () => simulator.stop() };
  }
  const port = PORT + 1;
  // With a peer to connect to, btcd dials nobody else: it would dial the node, of which it hears, from its own side too.
  const extra = [`--listen=${HONEST}:${port}`, "--connect=127.0.0.1:9"];
  const btcd = await Btcd.start({ blocks: 40, extra });
  const next = async () => (await btcd.rpc("generate", [1]) as string[])[0]!;
  return { port, next, stop: () => btcd.stop() };
}

const folder = temporaryFolder("gemel-attacked-");
const chainArgs = isBitcoin ? REGTEST : ["--chain", "chia", "--network", "simulator0"];
const honest = await startHonest();
const node = await Gemel.start({
  dir: join(folder.path, "node"),
  chain: chainArgs,
  args: ["--listen", `${NODE}:${PORT}`, "--connect", `${HONEST}:${honest.port}`],
});
const { pid } = node.process;

interface PeerRow {
  readonly id: number;
  readonly host: string;
  readonly direction: string;
}
/** Bun's client may lose a request when its connection is reset: it is given up, and asked again. */
let lost = 0;
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    const none = Symbol();
    const timer = sleep(CALL_MS).then(() => none);
    const answer = await Promise.race([ask(), timer]);
    if (answer !== none) return answer as T;
    lost++;
  }
}
const peers = async () => (await answered(() => node.get("v1/peers"))).peers as unknown as PeerRow[];
const honestId = async () => (await peers()).find(({ host, direction }) => host === HONEST && direction === "out")?.id;
const hasTip = async (hash: string) => {
  const { header_hash } = await answered(() => node.status(isBitcoin ? "bitcoin" : "chia"));
  return String(header_hash).replace(/^0x/, "") === hash.replace(/^0x/, "") ? true : undefined;
};
const isAlone = async () => {
  const now = await peers();
  return now.length === 1 && now[0]!.host === HONEST ? true : undefined;
};
/** How long something took, −1 when it did not come. */
const timed = async (what: string, ms: number, look: () => Promise<true | undefined>) => {
  const began = performance.now();
  return await until(what, ms, look).then(() => Math.round(performance.now() - began), () => -1);
};

/** Measures while something goes on. */
async function measured<T>(goesOn: () => Promise<T>): Promise<Part & { readonly result: T }> {
  const calls = isBitcoin
    ? ["getpeerinfo", "getblockcount"].map((method) => ({ path: "/", body: JSON.stringify({ id: 1, method }) }))
    : ["get_connections", "get_blockchain_state"].map((route) => ({ path: `/${route}`, body: "{}" }));
  const probe = new RpcProbe(node.dir, node.rpcPort, calls, ASK_EVERY_MS);
  let residentMax = 0;
  const sampling = setInterval(() => (residentMax = Math.max(residentMax, residentNow(pid))), SAMPLE_MS);
  const began = performance.now();
  const spent = processorSeconds(pid);
  const result = await goesOn();
  const processor = (processorSeconds(pid) - spent) / ((performance.now() - began) / 1000);
  clearInterval(sampling);
  const latency = await probe.take();
  probe.close();
  await sleep(200);
  return { latency, residentMax, descriptors: descriptors(pid), processor, result };
}

/** Another gemel that knows the node only. Milliseconds until the node lists it; −1 when it does not. */
async function newcomer(name: string, ms: number): Promise<number> {
  const other = await Gemel.start({
    dir: join(folder.path, name),
    chain: chainArgs,
    args: ["--connect", `${NODE}:${PORT}`],
  });
  try {
    // A connection within this machine that names no address of its own comes from the address that it goes to.
    return await timed("the newcomer", ms, async () => {
      return (await peers()).some(({ host, direction }) => host === NODE && direction === "in") ? true : undefined;
    });
  } finally {
    await other.stop();
  }
}

function attack(): {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
  end(): Promise<Record<string, Meter>>;
} {
  const script = fileURLToPath(new URL("attackers.ts", import.meta.url));
  const child = spawn(process.execPath, [script, chain ?? "", NODE, `${PORT}`, attackers, seed, ...kind], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (part) => (out += part));
  const closed = new Promise<void>((resolve) => child.on("close", () => resolve()));
  return {
    child,
    ready: until("the attackers", 60_000, () => Promise.resolve(out.includes("ready") ? true : undefined)).then(
      () => {},
    ),
    async end() {
      child.kill("SIGTERM");
      await closed;
      return JSON.parse(out.trim().split("\n").at(-1) ?? "") as Record<string, Meter>;
    },
  };
}

await until("the first tip", 60_000, async () => await hasTip(await honest.next()));
note("at rest");
const idBefore = await honestId();
const { result: _, ...before } = await measured(() => sleep(REST_MS));

const attackersNow = attack();
await attackersNow.ready;
note("under attack");
const blocks: number[] = [];
let inboundMax = 0;
const during = await measured(async () => {
  const over = performance.now() + Number(seconds) * 1000;
  const saying = setInterval(
    () =>
      note(
        `${Math.round(residentNow(pid) / 2 ** 20)} MiB, ${descriptors(pid)} descriptors, ${
          processorSeconds(pid)
        } s of processor`,
      ),
    5_000,
  );
  const joining = sleep(5_000).then(() => newcomer("newcomer-1", over - performance.now() - 1_000));
  while (performance.now() < over) {
    const began = performance.now();
    const hash = await answered(() => honest.next());
    blocks.push(await timed("the block", 10_000, () => hasTip(hash)));
    inboundMax = Math.max(inboundMax, (await peers()).filter(({ direction }) => direction === "in").length);
    await sleep(Math.max(0, BLOCK_EVERY_MS - (performance.now() - began)));
  }
  clearInterval(saying);
  return await joining;
});
const meters = await attackersNow.end();
note(`over; ${lost} requests without an answer; blocks ${blocks.join()}; at most ${inboundMax} inbound`);
const settled = await timed("the peers of before", PATIENCE_MS, isAlone);
await until("the descriptors of before", PATIENCE_MS, () => {
  return Promise.resolve(Math.abs(descriptors(pid) - before.descriptors) <= 5 ? true : undefined);
}).catch(() => {});
note(`settled after ${settled} ms; descriptors ${before.descriptors}, now ${descriptors(pid)}`);
const { result: joined, ...after } = await measured(async () => {
  const ms = await newcomer("newcomer-2", PATIENCE_MS);
  await timed("it to leave", PATIENCE_MS, isAlone);
  await sleep(REST_MS);
  return ms;
});
const idAfter = await honestId();
const peersAfter = (await peers()).map(({ host, direction }) => `${host} ${direction}`);
note(`peers ${peersAfter.join(", ")}`);
const bans = (await node.get("v1/bans")).bans as unknown as unknown[];
const stoppedWith = await node.stop();
await honest.stop();
folder.remove();
const { result: joinedDuring, ...part } = during;
tell(
  {
    before,
    during: { ...part, blocks, newcomer: joinedDuring, inboundMax },
    after: { ...after, settled, newcomer: joined, bans: bans.length },
    honestStayed: idBefore !== undefined && idBefore === idAfter,
    attackers: meters,
    peersAfter,
    stoppedWith,
    errors: node.process.stderr.split("\n").filter((line) => /^\s+at |error|fatal/i.test(line)).slice(-20).join("\n"),
  } satisfies AttackFound,
);
process.exit(0);
