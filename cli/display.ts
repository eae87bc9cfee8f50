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

/** How progress is shown. */
export interface DisplayOptions {
  /** Redrawn bars; only on a terminal and where the log does not write between them. */
  readonly bar: boolean;
  readonly json: boolean;
}

/** The figures of a chain now. */
export function viewOf(chain: ChainHandle, rate: number | undefined, nowMs: number): ProgressView {
  const { height, target, synced, peers, tipTime } = chain.progress();
  return {
    chain: chain.chain,
    height,
    target,
    rate,
    synced,
    peers,
    tipAgeS: tipTime === undefined ? undefined : Math.max(0, nowMs / 1000 - tipTime),
  };
}

/** Starts showing; the returned function shows a last time and ends. */
export function showProgress(node: RunningNode, io: CliIo, options: DisplayOptions): () => void {
  const shown = node.chains.map((chain) => ({ chain, meter: new RateMeter(), lastLine: "" }));
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
      // A chain that is up to date and at rest has nothing to say.
      if (each === undefined || line === each.lastLine) continue;
      io.err(line + "\n");
      each.lastLine = line;
    }
  };
  const timer = setInterval(show, options.bar ? REDRAW_MS : LINE_MS);
  let ended = false;
  return () => {
    if (ended) return;
    ended = true;
    clearInterval(timer);
    show();
  };
}
