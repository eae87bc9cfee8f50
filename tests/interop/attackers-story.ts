/**
 * A node under attack: `attackers-story.ts CHAIN ATTACKERS SECONDS SEED [KIND]`, in a network of its own. Measures it at rest,
 * under attack and afterwards, and tells what it found; `attackers.test.ts` has the bounds.
 */
import { join } from "node:path";
import process from "node:process";
import { requireNamespace, tell } from "../support/namespace.ts";
import { descriptors, processorSeconds, residentNow } from "../support/process-figures.ts";
import type { Meter } from "./attackers-wire.ts";
import { Gemel, REGTEST, temporaryFolder } from "./binary.ts";
import { until } from "./call.ts";
import { attack, endAtErrors, note, type Part, Siege, sleep, startHonest, timed } from "./siege.ts";

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
const REST_MS = 3_000;
const BLOCK_EVERY_MS = 3_000;
/** For a newcomer, and for the node to be as before. */
const PATIENCE_MS = 60_000;

requireNamespace();
endAtErrors();
const [chain, attackers = "", seconds, seed = "", ...kind] = process.argv.slice(2);
const isBitcoin = chain === "bitcoin";

const folder = temporaryFolder("gemel-attacked-");
const chainArgs = isBitcoin ? REGTEST : ["--chain", "chia", "--network", "simulator0"];
const honest = await startHonest(isBitcoin, HONEST, PORT + 1);
const node = await Gemel.start({
  dir: join(folder.path, "node"),
  chain: chainArgs,
  args: ["--listen", `${NODE}:${PORT}`, "--connect", `${HONEST}:${honest.port}`],
});
const { pid } = node.process;

const siege = new Siege(isBitcoin, node);
const peers = () => siege.peers();
const honestId = async () => (await peers()).find(({ host, direction }) => host === HONEST && direction === "out")?.id;
const isAlone = async () => {
  const now = await peers();
  return now.length === 1 && now[0]!.host === HONEST ? true : undefined;
};
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

await until("the first tip", 60_000, async () => await siege.hasTip(await honest.next()));
note("at rest");
const idBefore = await honestId();
const { result: _, ...before } = await siege.measured(() => sleep(REST_MS));

const attackersNow = attack("attackers.ts", [chain ?? "", NODE, `${PORT}`, attackers, seed, ...kind]);
await attackersNow.ready;
note("under attack");
const blocks: number[] = [];
let inboundMax = 0;
const during = await siege.measured(async () => {
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
    const hash = await siege.answered(() => honest.next());
    blocks.push(await timed("the block", 10_000, () => siege.hasTip(hash)));
    inboundMax = Math.max(inboundMax, (await peers()).filter(({ direction }) => direction === "in").length);
    await sleep(Math.max(0, BLOCK_EVERY_MS - (performance.now() - began)));
  }
  clearInterval(saying);
  return await joining;
});
const meters = await attackersNow.end();
note(`over; ${siege.lost} requests without an answer; blocks ${blocks.join()}; at most ${inboundMax} inbound`);
const settled = await timed("the peers of before", PATIENCE_MS, isAlone);
await until("the descriptors of before", PATIENCE_MS, () => {
  return Promise.resolve(Math.abs(descriptors(pid) - before.descriptors) <= 5 ? true : undefined);
}).catch(() => {});
note(`settled after ${settled} ms; descriptors ${before.descriptors}, now ${descriptors(pid)}`);
const { result: joined, ...after } = await siege.measured(async () => {
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
