/**
 * A node with 256 file descriptors, two honest peers and everything that strangers can do, all at once:
 * `at-once-story.ts CHAIN SECONDS SEED`, in a network of its own. Measures the node at rest, under attack and afterwards, and
 * tells what it found; `at-once.test.ts` has the bounds.
 */
import { join } from "node:path";
import process from "node:process";
import { requireNamespace, tell } from "../support/namespace.ts";
import { descriptors, residentNow } from "../support/process-figures.ts";
import type { Meter } from "./attackers-wire.ts";
import { Gemel, REGTEST, temporaryFolder } from "./binary.ts";
import { until } from "./call.ts";
import { attack, endAtErrors, note, type Part, Siege, sleep, startHonest, timed } from "./siege.ts";

/** What {@link tell} gives. */
export interface AtOnceFound {
  readonly rest: Part;
  readonly during: Part & {
    /** Requests on connections of their own, and those that had no answer at the first attempt. */
    readonly asked: number;
    readonly lost: number;
    readonly descriptorsMax: number;
    /** Milliseconds until the node had the honest tip for the first time; −1 when it never had. */
    readonly caughtUp: number;
    /** The most blocks that the node was behind in any look after that. */
    readonly behindMax: number;
    readonly looks: number;
    /** Looks in which an honest outbound peer was missing, of those after the attack began. */
    readonly looksWithout: number;
    /** New blocks of the honest chain. */
    readonly blocks: number;
    /** Tips of the node that the honest chain never had. */
    readonly strangeTips: readonly string[];
    /** Looks in which the node said that it is not synced, after it had caught up. */
    readonly unsynced: number;
  };
  /** Resident memory afterwards in bytes, and how long it took to come back; −1 when it did not. */
  readonly after: Part & { readonly resident: number; readonly back: number };
  /** The connections to the honest peers before and afterwards, by their numbers. */
  readonly honestPeers: readonly [before: string, after: string];
  /** What the node's log says of those that ended. */
  readonly whyLeft: readonly string[];
  readonly attackers: Readonly<Record<string, Meter>>;
  readonly bans: number;
  readonly stoppedWith: number | string;
  readonly errors: string;
}

const NODE = "20.0.0.1";
const HONEST = ["21.0.0.1", "22.0.0.1"] as const;
const PORT = 18_555;
const REST_MS = 3_000;
const ALONE_MS = 500;
const BLOCK_EVERY_MS = 3_000;
const LOOK_EVERY_MS = 250;
/** For the memory to come back. */
const BACK_MS = 60_000;
/** What may be left of it. */
const LEFT = 64 * 2 ** 20;
/** The chain of btcd at first, the least work that the node follows (of 2,601 blocks), and the bursts that bring it there. */
const LOW_BLOCKS = 2_500;
const MINIMUM_WORK = "1452";
const BURSTS = 12;
const BURST_BLOCKS = 10;
const CHIA_BLOCKS = 40;

requireNamespace();
endAtErrors();
const [chain, seconds, seed = ""] = process.argv.slice(2);
const isBitcoin = chain === "bitcoin";
const folder = temporaryFolder("gemel-at-once-");
const chainArgs = isBitcoin ? REGTEST : ["--chain", "chia", "--network", "simulator0"];

const honest = await startHonest(isBitcoin, HONEST[0], PORT + 1, isBitcoin ? LOW_BLOCKS : CHIA_BLOCKS);
const second = await Gemel.start({
  dir: join(folder.path, "second"),
  chain: chainArgs,
  args: ["--listen", `${HONEST[1]}:${PORT}`, "--connect", `${HONEST[0]}:${honest.port}`],
});
let height = (isBitcoin ? LOW_BLOCKS : CHIA_BLOCKS - 1) + 1;
let tip = await honest.next();
await until("the second honest peer", 60_000, () => new Siege(isBitcoin, second).hasTip(tip));

const node = await Gemel.start({
  dir: join(folder.path, "node"),
  chain: chainArgs,
  args: [
    ...["--listen", `${NODE}:${PORT}`, "--connect", `${HONEST[0]}:${honest.port}`, "--connect", `${HONEST[1]}:${PORT}`],
    ...(isBitcoin ? ["--min-work", MINIMUM_WORK] : []),
  ],
  through: ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"],
});
const { pid } = node.process;
let isOver = false;
void node.process.ended.then((how) => {
  if (isOver) return;
  process.stderr.write(`the node ended with ${how}:\n${node.process.stderr.slice(-4_000)}\n`);
  process.exit(1);
});
const siege = new Siege(isBitcoin, node);
const honestIds = async () =>
  (await siege.peers()).filter(({ host, direction }) => direction === "out" && HONEST.some((each) => each === host))
    .map(({ id }) => id).sort().join();

await until("both honest peers", 60_000, async () => (await honestIds()).includes(",") ? true : undefined);
if (!isBitcoin) await until("the first tip", 60_000, () => siege.hasTip(tip));
const idsBefore = await honestIds();
const { result: _, ...rest } = await siege.measured(() => sleep(REST_MS));
note(`at rest: ${Math.round(residentNow(pid) / 2 ** 20)} MiB, honest peers ${idsBefore}`);

const honestTips = new Set([tip.replace(/^0x/, "")]);
let blocks = 0;
/** Lets the honest chain grow. */
async function grow(count: number): Promise<void> {
  // In between the node may stand on each of them.
  for (let i = 0; i < count; i++) {
    tip = await honest.next();
    honestTips.add(tip.replace(/^0x/, ""));
    height++;
    blocks++;
  }
}

const args = [chain ?? "", NODE, `${PORT}`, `${node.rpcPort}`, seed, HONEST.join()];
let [caughtUp, behindMax, looks, looksWithout, unsynced, descriptorsMax] = [-1, 0, 0, 0, 0, 0];
const strangeTips = new Set<string>();
async function watch(began: number, over: number): Promise<void> {
  let said = began;
  while (performance.now() < over) {
    const heightThen = height;
    const now = await siege.tip();
    looks++;
    descriptorsMax = Math.max(descriptorsMax, descriptors(pid));
    if (await honestIds() !== idsBefore) looksWithout++;
    if (caughtUp < 0 && now.height >= heightThen && honestTips.has(now.hash)) caughtUp = performance.now() - began;
    if (caughtUp >= 0) {
      behindMax = Math.max(behindMax, heightThen - now.height);
      if (!now.synced) unsynced++;
      // A block of the honest chain may be seen here before its maker has told of it.
      if (!honestTips.has(now.hash)) strangeTips.add(now.hash);
    }
    if (performance.now() - said > 5_000) {
      said = performance.now();
      note(
        `${Math.round(residentNow(pid) / 2 ** 20)} MiB, ${descriptors(pid)} descriptors, ${now.height} of ${height}`,
      );
    }
    await sleep(LOOK_EVERY_MS);
  }
}
const { asked: askedBefore, lost: lostBefore } = siege;
const { result: attackers, ...during } = await siege.measured(async () => {
  // Those who have the secret are there before the attack; others come while it lasts.
  await sleep(ALONE_MS);
  const attackers = attack("at-once-attackers.ts", args);
  await attackers.ready;
  note("under attack");
  const began = performance.now();
  const over = began + Number(seconds) * 1000;
  const watching = watch(began, over);
  if (isBitcoin) {
    await sleep(1_000);
    for (let i = 0; i < BURSTS; i++) await grow(BURST_BLOCKS);
  }
  while (performance.now() < over) {
    const start = performance.now();
    await grow(1);
    await sleep(Math.max(0, Math.min(over, start + BLOCK_EVERY_MS) - performance.now()));
  }
  await watching;
  return attackers;
});
const [asked, lost] = [siege.asked - askedBefore, siege.lost - lostBefore];
const meters = await attackers.end();
note(`over; ${lost} of ${asked} requests on new connections without an answer`);
for (const hash of honestTips) strangeTips.delete(hash);

const back = await timed("the memory to come back", BACK_MS, () => {
  return Promise.resolve(residentNow(pid) <= rest.residentMax + LEFT ? true : undefined);
});
await timed("the last block", 10_000, () => siege.hasTip(tip));
const { result: ___, ...after } = await siege.measured(() => sleep(REST_MS));
const resident = residentNow(pid);
const idsAfter = await honestIds();
note(`afterwards ${Math.round(resident / 2 ** 20)} MiB, honest peers ${idsAfter}`);
const { text } = await node.send("metrics", "", "GET");
note(text.split("\n").filter((line) => /^gemel_(refused|peer_memory)/.test(line)).join("; "));
const bans = ((await node.get("v1/bans")).bans as unknown as unknown[]).length;
isOver = true;
const stoppedWith = await node.stop();
await second.stop();
await honest.stop();
folder.remove();
for (const line of node.process.stderr.split("\n").filter((each) => /warn/i.test(each)).slice(0, 20)) note(line);
tell(
  {
    rest,
    during: {
      ...during,
      asked,
      lost,
      descriptorsMax,
      caughtUp: Math.round(caughtUp),
      behindMax,
      looks,
      looksWithout,
      blocks,
      strangeTips: [...strangeTips],
      unsynced,
    },
    after: { ...after, resident, back },
    honestPeers: [idsBefore, idsAfter],
    whyLeft: node.process.stderr.split("\n").filter((line) =>
      idsBefore.split(",").some((id) => line.includes(` peer ${id} `)) && line.includes(" left")
    ),
    attackers: meters,
    bans,
    stoppedWith,
    errors: node.process.stderr.split("\n").filter((line) => /^\s+at |error|fatal/i.test(line)).slice(-20).join("\n"),
  } satisfies AtOnceFound,
);
process.exit(0);
