/**
 * How likely is it that every outbound connection is the attacker's after a restart?
 *
 * Attacks A and B on the real tables, with all defences, with each one switched off, and on chia-blockchain's own
 * AddressManager. The figure is the mean, over at least 10,000 simulated restarts, of the exact product of the attacker's
 * shares along the dial sequence; the interval is a bootstrap over worlds.
 *
 * Run: `bun bench/eclipse.ts [--worlds 10] [--restarts 1000] [--hours 24] [--chia-worlds 2] [--seed 1] [--json]`.
 * The reference is asked where the interop tests' environment or that of `GEMEL_CHIA_VENV` is.
 */
import { spawnSync } from "node:child_process";
import { arch, cpus, platform } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { bitcoinAddressRules } from "../lib/bitcoin/addresses/rules.ts";
import { chiaAddressRules } from "../lib/chia/addresses/rules.ts";
import { toHex } from "../lib/codec/hex.ts";
import type { AddressRules } from "../lib/core/addresses/book.ts";
import { ANCHORS } from "../lib/core/dialling/anchors.ts";
import { SeededRandom } from "../lib/sim/random.ts";
import { type Attack, ATTACKS, castOf } from "../tests/support/eclipse/attacks.ts";
import { chiaMissing } from "../tests/support/chia-python.ts";
import { chiaTables, type Step } from "../tests/support/eclipse/chia.ts";
import {
  type DumpedSlot,
  type Estimate,
  estimate,
  restartProducts,
  type RestartRules,
  shareOf,
} from "../tests/support/eclipse/estimate.ts";
import {
  ALL_OFF,
  ALL_ON,
  ATTACK_S,
  DEFENCES,
  type Defences,
  keyOf,
  RESTART_S,
  runWorld,
} from "../tests/support/eclipse/worlds.ts";

const { values: flags } = parseArgs({
  options: {
    worlds: { type: "string", default: "10" },
    restarts: { type: "string", default: "1000" },
    hours: { type: "string", default: "24" },
    "chia-worlds": { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
  },
});
const worlds = Number(flags.worlds);
const restarts = Number(flags.restarts);
const hours = Number(flags.hours);
const chiaWorlds = Number(flags["chia-worlds"]);
const seed = Number(flags.seed);

/** How many anchors a node keeps, and how often an honest peer from before the restart answers again. */
const KEPT = { count: ANCHORS.all as number, answers: 0.9 };
const GOALS: Readonly<Partial<Record<Attack["name"], number>>> = { A: 1e-6, B: 1e-3 };
const print = (line: string) => void (flags.json || process.stdout.write(line + "\n"));

/** What a row changes beside the defences. */
interface Variant {
  readonly rules?: AddressRules;
  readonly hours?: number;
  readonly anchors?: typeof KEPT;
  readonly pauseS?: number;
}

const restartRules = (on: Defences, { anchors = KEPT }: Variant = {}): RestartRules => ({
  slots: 8,
  onePerGroup: on.onePerGroup,
  anchors: on.anchors ? anchors : { count: 0, answers: 0 },
});

const ALL = "gemel, all defences";

interface Row extends Estimate {
  readonly attack: Attack["name"];
  readonly what: string;
  readonly share: number;
}
const rows: Row[] = [];

function row(attack: Attack, what: string, share: number, result: Estimate): void {
  rows.push({ attack: attack.name, what, share, ...result });
  const interval = `${result.low.toExponential(1)} to ${result.high.toExponential(1)}`;
  print(`| ${attack.name} | ${what} | ${share.toFixed(3)} | ${result.mean.toExponential(1)} | ${interval} |`);
}

/** One row: so many worlds, each with its own key and addresses, and so many restarts of each. */
function ours(attack: Attack, what: string, on: Defences, variant: Variant = {}): void {
  const rules = variant.rules ?? chiaAddressRules();
  const random = new SeededRandom(seed);
  let share = 0;
  const products = Array.from({ length: worlds }, (_, i) => {
    const { dump, nowS } = runWorld(attack, rules, on, variant.hours ?? hours, seed + i, variant.pauseS);
    share += shareOf(dump, rules, nowS) / worlds;
    return restartProducts(dump, rules, nowS, restartRules(on, variant), restarts, random);
  });
  row(attack, what, share, estimate(products, random));
}

/** The reference's manager after the same trace, with nothing but its tables: at once, and after a restart. */
async function reference(attack: Attack): Promise<void> {
  const rules = chiaAddressRules();
  const random = new SeededRandom(seed);
  const dumps: DumpedSlot[][] = [];
  for (let i = 0; i < chiaWorlds; i++) {
    const { honest, reached, attackers, trash } = castOf(attack, new SeededRandom(seed + i));
    const timeS = ATTACK_S - 3_600;
    const learn = (list: typeof honest): Step[] =>
      list.map(({ host, port, source }) => ["learn", host, port, timeS, source]);
    const good = (list: typeof honest): Step[] => list.map(({ host, port }) => ["good", host, port, false]);
    const steps = [
      ...learn(honest),
      ...good(reached),
      ...attackers.flatMap((each) => [...learn([each]), ...good([each])]),
      ...learn(trash),
    ];
    const { slots } = await chiaTables({ key: toHex(keyOf(seed + i)), now: ATTACK_S, steps });
    const own = new Set([...attackers, ...trash].map(({ host }) => host));
    dumps.push(slots.map(([table, slot, host, lastTryS, attempts]) => ({
      ...{ table, slot, host, lastTryS, attempts, isAttacker: own.has(host) },
      group: String.fromCharCode(...(rules.sourceGroup(host) ?? [])),
    })));
  }
  const count = Math.ceil(worlds * restarts / chiaWorlds);
  for (const [what, pauseS] of [["drawn at once", 0], ["after a restart", RESTART_S]] as const) {
    const nowS = ATTACK_S + pauseS;
    const share = dumps.reduce((sum, dump) => sum + shareOf(dump, rules, nowS), 0) / dumps.length;
    const products = dumps.map((dump) => restartProducts(dump, rules, nowS, restartRules(ALL_OFF), count, random));
    row(attack, `chia-blockchain 2.7.5's AddressManager, ${what}`, share, estimate(products, random));
  }
}

const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
print("Probability that all 8 outbound connections are the attacker's after a restart");
print(`${cpus()[0]?.model ?? "?"} x${cpus().length}, ${platform()} ${arch()}, commit ${commit}, seed ${seed}`);
print(
  `${worlds} worlds x ${restarts} restarts; ${hours} h of attack; ${KEPT.count} anchors, honest ones, of which each`,
);
print(`answers with ${KEPT.answers}; trash counts as the attacker's when it is drawn after the restart`);
for (const { name, text } of ATTACKS) print(`${name}: ${text}`);
print("");
print("| attack | what | attacker's share of a draw | probability | 95 % |");
print("|---|---|---:|---:|---|");
for (const attack of ATTACKS) {
  const reason = chiaMissing();
  if (reason === false && chiaWorlds > 0) await reference(attack);
  else print(`skipped: chia-blockchain's manager: ${reason || "--chia-worlds 0"}`);
  ours(attack, "gemel, defences off, drawn at once", ALL_OFF, { hours: 0, pauseS: 0 });
  ours(attack, "gemel, defences off", ALL_OFF, { hours: 0 });
  ours(attack, ALL, ALL_ON);
  ours(attack, "all, Bitcoin's rules", ALL_ON, { rules: bitcoinAddressRules() });
  for (const name of DEFENCES) ours(attack, `all but ${name}`, { ...ALL_ON, [name]: false });
  ours(attack, "all, restart after 1 h", ALL_ON, { hours: 1 });
  ours(attack, "all but tokenBucket, restart after 1 h", { ...ALL_ON, tokenBucket: false }, { hours: 1 });
  ours(attack, "all, restart after 7 days", ALL_ON, { hours: 168 });
  ours(attack, `all, ${ANCHORS.blockRelay} anchors`, ALL_ON, { anchors: { ...KEPT, count: ANCHORS.blockRelay } });
  ours(attack, "all, an anchor answers with 0.5", ALL_ON, { anchors: { ...KEPT, answers: 0.5 } });
}
print("");
for (const attack of ATTACKS) {
  const goal = GOALS[attack.name];
  if (goal === undefined) continue;
  const reached = (rows.find((each) => each.attack === attack.name && each.what === ALL)?.high ?? 1) <= goal;
  print(`goal of ${attack.name}: at most ${goal.toExponential(0)}: ${reached ? "reached" : "NOT reached"}`);
}
if (flags.json) process.stdout.write(JSON.stringify({ seed, worlds, restarts, hours, rows }) + "\n");
