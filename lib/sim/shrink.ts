/**
 * Makes a failing world smaller: fewer kinds of faults, nobody malicious, fewer nodes, less time, as long as the same rule
 * breaks. What is left is small enough to be studied, and is a line to be typed.
 *
 * @module
 */
import { FAULT_KINDS, type FaultKind } from "./faults.ts";
import type { SimulateOptions } from "./mod.ts";
import type { SimReport } from "./report.ts";

/** What became of a failing world. */
export interface Shrunk {
  /** The smallest world in which the rule still breaks. */
  readonly options: SimulateOptions;
  readonly report: SimReport;
  /** The rule. */
  readonly rule: string;
  /** Worlds that were run to find it. */
  readonly runs: number;
  /** How to run it. */
  readonly command: string;
}

/** The least world: two hosts, three virtual minutes. */
const NODES_MIN = 2;
const HOURS_MIN = 0.05;
/** Halvings of the time; each is a whole world. */
const HALVINGS = 5;
/** Steps of virtual time: hours are printed, and have to be the same when they are typed. */
const HOURS_STEPS = 1_000;

/**
 * Shrinks a world whose `report` has breaches; the first one's rule is what counts. `run` plays a world; `onStep` hears of
 * each that still failed.
 * @throws RangeError for a report without a breach
 */
export async function shrink(
  options: SimulateOptions,
  report: SimReport,
  run: (options: SimulateOptions) => Promise<SimReport>,
  onStep: (command: string) => void = () => {},
): Promise<Shrunk> {
  const rule = report.breaches[0]?.rule;
  if (rule === undefined) throw new RangeError("nothing broke in this world");
  let best = { options, report };
  let runs = 0;
  const attempt = async (change: Partial<SimulateOptions>): Promise<boolean> => {
    const smaller = { ...best.options, ...change };
    runs += 1;
    const report = await run(smaller);
    if (!report.breaches.some((breach) => breach.rule === rule)) return false;
    best = { options: smaller, report };
    onStep(commandOf(smaller));
    return true;
  };

  for (const kind of Object.keys(FAULT_KINDS) as FaultKind[]) {
    const { without = [] } = best.options;
    if (!without.includes(kind)) await attempt({ without: [...without, kind] });
  }
  if (best.options.malicious > 0) await attempt({ malicious: 0 });
  // From the smallest on: a run of a small world costs little, and often is enough.
  for (let nodes = NODES_MIN; nodes < best.options.nodes; nodes = Math.ceil(nodes * 1.4)) {
    if (await attempt({ nodes })) break;
  }
  await shorten(attempt, () => best);
  return { ...best, rule, runs, command: commandOf(best.options) };
}

/** Halves the time in which the rule breaks, again and again. */
async function shorten(
  attempt: (change: Partial<SimulateOptions>) => Promise<boolean>,
  best: () => { readonly options: SimulateOptions; readonly report: SimReport },
): Promise<void> {
  // Not before the first breach: that is where it is when the end of the world has no part in it.
  const [first] = best().report.breaches;
  const { hours } = best().options;
  const soonest = Math.max(HOURS_MIN, Math.ceil((first?.at ?? 0) / 3_600_000 * HOURS_STEPS) / HOURS_STEPS);
  if (soonest < hours && await attempt({ hours: soonest })) return;
  let passes = HOURS_MIN;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = Math.ceil((passes + best().options.hours) / 2 * HOURS_STEPS) / HOURS_STEPS;
    if (middle <= passes || middle >= best().options.hours) return;
    if (!await attempt({ hours: middle })) passes = middle;
  }
}

/** The command line that plays a world again. Faults of a plan that has no name cannot be typed. */
export function commandOf(options: SimulateOptions): string {
  const { chain, seed, nodes, hours, malicious, faults = "bad-day", without = [], blockEveryMs, graceMs } = options;
  const words = [
    `gemel simulate --chain ${chain} --seed ${seed} --nodes ${nodes} --hours ${decimal(hours)}`,
    `--malicious ${decimal(malicious)}`,
    `--faults ${typeof faults === "string" ? faults : "(a plan of its own)"}`,
    ...(without.length > 0 ? [`--without ${without.join(",")}`] : []),
    ...(graceMs === undefined ? [] : [`--grace ${decimal(graceMs / 60_000)}`]),
    ...(blockEveryMs === undefined ? [] : [`--block-every ${decimal(blockEveryMs / 1000)}`]),
  ];
  return words.join(" ");
}

/** At most six digits behind the point, as the command line takes them. */
const decimal = (value: number): string => String(Math.round(value * 1e6) / 1e6);
