/**
 * Shows a running node's progress until it is told to stop: a bar that is redrawn, or a line now and then.
 *
 * @module
 */
import type { ChainHandle, RunningNode } from "../mod.ts";
import type { CliIo } from "./io.ts";
import { progressJson, progressLine, type ProgressView, RateMeter, redraw } from "./progress.ts";

const REDRAW_MS = 500;
const LINE_MS = 10_000;
/** A chain that follows its peers has a line so often, and at once when that changes. */
const SYNCED_LINE_MS = 600_000;

/** How progress is shown. */
export interface DisplayOptions {
  /** Redrawn bars; only on a terminal and where the log does not write between them. */
  readonly bar: boolean;
  readonly json: boolean;
}

/** The figures of a chain now. */
export function viewOf(chain: ChainHandle, rate: number | undefined, nowMs: number): ProgressView {
  const { height, target, synced, peers, tipTime, coinsCache, reading } = chain.progress();
  return {
    chain: chain.chain,
    height,
    target,
    rate,
    synced,
    peers,
    coinsCache,
    reading,
    tipAgeS: tipTime === undefined ? undefined : Math.max(0, nowMs / 1000 - tipTime),
  };
}

/** What of a view is news; neither the age of a tip nor a rate that drifts is. */
function stateOf({ height, target, synced, peers, reading }: ProgressView): string {
  return [height, target, synced, reading?.writer ?? peers].join(" ");
}

/** Whether a line is worth writing: the log of a chain that is followed for months is read, and kept. */
export function isNews(
  last: { readonly last: string; readonly lastMs: number },
  view: ProgressView,
  nowMs: number,
  isEnd: boolean,
): boolean {
  if (stateOf(view) === last.last) return false;
  const wasSynced = last.last.split(" ")[2] === "true";
  return isEnd || !view.synced || !wasSynced || nowMs - last.lastMs >= SYNCED_LINE_MS;
}

/** Starts showing; the returned function shows a last time and ends. */
export function showProgress(node: RunningNode, io: CliIo, options: DisplayOptions): () => void {
  const shown = node.chains.map((chain) => ({ chain, meter: new RateMeter(), last: "", lastMs: -Infinity }));
  let drawn = 0;
  const show = () => {
    const now = Date.now();
    const views = shown.map(({ chain, meter }) => {
      const { height } = chain.progress();
      if (height !== undefined) meter.add(now, height);
      return viewOf(chain, meter.rate, now);
    });
    if (options.bar) {
      io.err(redraw(views.map((view) => progressLine(view, { columns: io.columns(), bar: true })), drawn));
      drawn = views.length;
      return;
    }
    for (const [i, view] of views.entries()) {
      const line = options.json ? progressJson(view) : progressLine(view, { columns: 200, bar: false });
      const each = shown[i];
      if (each === undefined || !isNews(each, view, now, ended)) continue;
      io.err(line + "\n");
      each.last = stateOf(view);
      each.lastMs = now;
    }
  };
  let ended = false;
  const timer = setInterval(show, options.bar ? REDRAW_MS : LINE_MS);
  return () => {
    if (ended) return;
    ended = true;
    clearInterval(timer);
    show();
  };
}
