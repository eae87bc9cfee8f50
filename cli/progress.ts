/**
 * How far the sync is, for people: a bar on a terminal, plain lines elsewhere. Pure: time and figures come in.
 *
 * @module
 */

/** How a node that only reads a chain stands against the one that writes it. */
export interface ReadingView {
  /** Null when nobody writes. */
  readonly writer: string | null;
  readonly commits_behind: number;
  readonly heard_s: number;
}

/** After so many seconds without an answer of the database, people are told. */
const UNHEARD_S = 5;

/** `reads from node-1:4711, 3 commits behind, nothing heard for 12s`. */
export function readingText({ writer, commits_behind: behind, heard_s }: ReadingView): string {
  const parts = [writer === null ? "reads, nobody writes" : `reads from ${writer}`];
  if (behind > 0) parts.push(`${formatCount(behind)} commits behind`);
  if (heard_s > UNHEARD_S) parts.push(`nothing heard for ${formatSeconds(heard_s)}`);
  return parts.join(", ");
}

/** The figures of one chain at one moment. */
export interface ProgressView {
  readonly chain: string;
  /** Height reached; undefined before the first block. */
  readonly height: number | undefined;
  /** Height that is aimed at; 0 when unknown. */
  readonly target: number;
  /** Blocks per second; undefined while it is not known well enough. */
  readonly rate: number | undefined;
  readonly synced: boolean;
  readonly peers: number;
  /** Share of the memory for coins that is in use, 0 … 1; undefined where no coins are kept. */
  readonly coinsCache?: number | undefined;
  /** Seconds since the newest block was made; undefined when unknown. */
  readonly tipAgeS: number | undefined;
  /** Where another node writes the chain: who, and how far this one is behind. */
  readonly reading?: ReadingView | undefined;
}

const BAR_CELLS = 20;
/** Samples older than this say nothing about the present. */
const WINDOW_MS = 120_000;
/** Before so many samples an estimate only jumps about. */
const SAMPLES_MIN = 4;
const SAMPLES_MAX = 240;

/** Blocks per second from heights over time: the median over the last two minutes, which one slow batch does not move. */
export class RateMeter {
  readonly #samples: { readonly atMs: number; readonly height: number }[] = [];

  /** Notes a height. A height below the last one (a reorganisation) starts anew. */
  add(atMs: number, height: number): void {
    if (height < (this.#samples.at(-1)?.height ?? 0)) this.#samples.length = 0;
    this.#samples.push({ atMs, height });
    while (this.#samples.length > SAMPLES_MAX || this.#samples[0]!.atMs < atMs - WINDOW_MS) this.#samples.shift();
  }

  /** The rate, or undefined while there are too few samples. */
  get rate(): number | undefined {
    if (this.#samples.length < SAMPLES_MIN) return undefined;
    const rates: number[] = [];
    for (let i = 1; i < this.#samples.length; i++) {
      const [before, after] = [this.#samples[i - 1]!, this.#samples[i]!];
      if (after.atMs > before.atMs) rates.push((after.height - before.height) / (after.atMs - before.atMs) * 1000);
    }
    if (rates.length === 0) return undefined;
    rates.sort((a, b) => a - b);
    const middle = rates.length >> 1;
    return rates.length % 2 === 1 ? rates[middle]! : (rates[middle - 1]! + rates[middle]!) / 2;
  }
}

/** `11s`, `6m12s`, `2h4m`, `3d5h`. */
export function formatSeconds(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s}s`;
  if (s < 3_600) return s % 60 === 0 ? `${Math.floor(s / 60)}m` : `${Math.floor(s / 60)}m${s % 60}s`;
  if (s < 86_400) return `${Math.floor(s / 3_600)}h${Math.floor(s % 3_600 / 60)}m`;
  return `${Math.floor(s / 86_400)}d${Math.floor(s % 86_400 / 3_600)}h`;
}

/** `4,812,004`. */
export function formatCount(value: number): string {
  return String(Math.trunc(value)).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

/** The line of one chain: `chia  headers ████░░░░  61.2%  4,812/7,862  2,310/s  eta 22m  peers 8`. At most `columns` wide. */
export function progressLine(view: ProgressView, options: { readonly columns: number; readonly bar: boolean }): string {
  const { height = 0, target } = view;
  const aim = Math.max(target, height);
  // The fraction is cut, not rounded: 100 % is said only when all is there.
  const fraction = aim === 0 ? 0 : height / aim;
  const percent = (Math.floor(fraction * 1000) / 10).toFixed(1);
  const parts = [`${view.chain.padEnd(8)} blocks`];
  if (options.bar) {
    const full = Math.floor(fraction * BAR_CELLS);
    parts.push("█".repeat(full) + "░".repeat(BAR_CELLS - full));
  }
  parts.push(`${percent.padStart(5)}%`, ` ${formatCount(height)}/${formatCount(aim)}`);
  if (view.synced) {
    parts.push(view.tipAgeS === undefined ? " synced" : ` synced, tip ${formatSeconds(view.tipAgeS)} old`);
  } else if (view.rate !== undefined && view.rate > 0) {
    parts.push(` ${formatCount(Math.round(view.rate))}/s`, ` eta ${formatSeconds((aim - height) / view.rate)}`);
  }
  if (!view.synced && view.coinsCache !== undefined) parts.push(` cache ${Math.round(view.coinsCache * 100)}%`);
  parts.push(view.reading === undefined ? ` peers ${view.peers}` : ` ${readingText(view.reading)}`);
  // A line that wraps could not be redrawn in place.
  return [...parts.join(" ")].slice(0, Math.max(20, options.columns - 1)).join("");
}

/** The same for machines. */
export function progressJson(view: ProgressView): string {
  const { chain, height, target, rate, synced, peers, reading } = view;
  return JSON.stringify({
    chain,
    height: height ?? null,
    target,
    rate: rate === undefined ? null : Math.round(rate * 10) / 10,
    synced,
    peers,
    reading,
  });
}

/** What redraws a block of lines in place: up over the last ones, each cleared before it is written. */
export function redraw(lines: readonly string[], drawnBefore: number): string {
  const up = drawnBefore > 0 ? `\x1b[${drawnBefore}A` : "";
  return up + lines.map((line) => `\r\x1b[2K${line}\n`).join("");
}
