/**
 * Makes small changes in security and consensus code, one at a time, and tells which of them the tests notice.
 *
 * Which mutants are tried is drawn by the seed, the same share of every folder and twelve at least. Each is tried with
 * the tests that import the file; what survives, with all that fit its folder. A hang counts as noticed. Mutants that
 * nobody can notice are listed in `equal.ts` and not counted.
 *
 * Run: `bun tests/mutation/run.ts [--count N | --all] [--only WORD] [--quiet]`; `tests/long.sh mutants` within the gate.
 * Ends with 1 when less than 90 % were noticed in a folder of which twelve or more were tried.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { isLong, seed } from "../support/effort.ts";
import { EQUAL } from "./equal.ts";
import { type Mutant, mutantsOf } from "./operators.ts";
import { Scratch } from "./scratch.ts";
import { codeOf } from "./source.ts";
import { TARGETS } from "./targets.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Tried in the long run, of each folder its share and so many at least; about ten minutes on two cores. */
const COUNT = 180;
const FOLDER_COUNT_MIN = 12;
/** After so long no further mutant is tried; what was left out is said. */
const BUDGET_MS = 11 * 60_000;
/** Each folder of which {@link FOLDER_COUNT_MIN} mutants were tried is to have so much of them noticed. */
const SCORE_MIN = 0.9;
const AT_ONCE = 2;
/** The slowest set of tests takes a third of it when nothing else runs. */
const TIMEOUT_MS = 60_000;

const say = (line: string) => void process.stdout.write(`${line}\n`);

function filesOf(path: string, ending: string): string[] {
  if (!existsSync(join(root, path))) return [];
  if (statSync(join(root, path)).isFile()) return [path];
  return readdirSync(join(root, path), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending)).sort().map((name) => join(path, name));
}

/** Numbers from 0 to 1 by a seed (mulberry32). */
function randomOf(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

/** The tests of a target, those first that name the file in an import. */
function testsFor(tests: readonly string[], file: string): readonly [near: string[], rest: string[]] {
  const all = tests.flatMap((path) => filesOf(path, ".test.ts"));
  const isNear = (path: string) =>
    readFileSync(join(root, path), "utf8").includes(`/${file.slice("lib/".length)}"`) ||
    basename(path) === basename(file).replace(/\.ts$/, ".test.ts");
  const near = all.filter(isNear);
  return [near, all.filter((path) => !near.includes(path))];
}

const isEqual = ({ file, was, becomes }: Mutant) =>
  EQUAL.some((each) => each.file === file && each.was === was && each.becomes === becomes);

interface Drawn {
  readonly target: string;
  /** Test files, those first that are the nearest. */
  readonly stages: readonly (readonly string[])[];
  readonly mutant: Mutant;
}

/** Mutants of each target by its share, in an order that the seed draws: whenever the time is over, the shares are right. */
function draw(): Drawn[] {
  const only = option("--only");
  const pools = TARGETS.map(({ name, sources, tests }) =>
    sources.flatMap((path) => filesOf(path, ".ts")).flatMap((file) => {
      const text = readFileSync(join(root, file), "utf8");
      // Found before the first is tried: who works on the tests meanwhile changes nothing.
      const stages = testsFor(tests, file);
      return mutantsOf(file, text, codeOf(text)).map((mutant): Drawn => ({ target: name, stages, mutant }));
    }).filter(({ target, mutant }) =>
      !isEqual(mutant) && (only === undefined || mutant.file.includes(only) || target === only)
    )
  );
  const total = pools.reduce((sum, { length }) => sum + length, 0);
  const wanted = isAll ? total : Math.min(total, Number(option("--count") ?? COUNT));
  const random = randomOf(seed);
  return pools.flatMap((pool) => {
    const shuffled = pool.map((item) => ({ item, key: random() })).sort((a, b) => a.key - b.key);
    const share = Math.max(FOLDER_COUNT_MIN, Math.round(pool.length * wanted / total));
    return shuffled.slice(0, share).map(({ item }, i) => ({
      item,
      place: (i + random()) / Math.min(share, pool.length),
    }));
  }).sort((a, b) => a.place - b.place).map(({ item }) => item);
}

const isAll = process.argv.includes("--all");
const drawn = draw();
say(`counted: mutants: ${drawn.length}${isLong ? "" : " by hand"}, seed ${seed}`);
const noticed = new Map<string, { seen: number; of: number }>();
const survivors: Drawn[] = [];
const began = performance.now();
let next = 0;
const trees = Array.from({ length: AT_ONCE }, () => new Scratch(root));
await Promise.all(trees.map(async (tree) => {
  while (isAll || performance.now() - began < BUDGET_MS) {
    const one = drawn[next];
    if (one === undefined) return;
    next += 1;
    const { target, stages, mutant } = one;
    let isNoticed = false;
    for (const stage of stages) {
      if (isNoticed || stage.length === 0) continue;
      isNoticed = await tree.try(mutant.file, mutant.source, stage, TIMEOUT_MS) !== "passed";
    }
    const score = noticed.get(target) ?? { seen: 0, of: 0 };
    noticed.set(target, { seen: score.seen + (isNoticed ? 1 : 0), of: score.of + 1 });
    if (isNoticed) continue;
    survivors.push(one);
    if (!process.argv.includes("--quiet")) {
      say(`survived ${mutant.file}:${mutant.line} ${mutant.operator}\n  - ${mutant.was}\n  + ${mutant.becomes}`);
    }
  }
}));
for (const tree of trees) tree.remove();

let isGood = true;
for (const [target, { seen, of }] of [...noticed].sort(([a], [b]) => a < b ? -1 : 1)) {
  say(`counted: mutants in ${target}: ${seen} of ${of} noticed, ${(seen / of * 100).toFixed(0)} %`);
  if (of >= FOLDER_COUNT_MIN && seen / of < SCORE_MIN) isGood = false;
}
const seen = next - survivors.length;
if (next < drawn.length) say(`counted: mutants: ${drawn.length - next} were not tried: the time was over`);
say(
  `counted: mutants: ${seen} of ${next} noticed, ${(seen / next * 100).toFixed(0)} %, in ${
    ((performance.now() - began) / 1000).toFixed(0)
  } s; ${EQUAL.length} are argued to be equal`,
);
process.exit(isGood ? 0 : 1);
