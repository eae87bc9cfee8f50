/**
 * Shows a running node's progress until it is told to stop: a bar that is redrawn, or a line now and then.
 *
 * @module
 */
import type { RunningNode } from "../mod.ts";
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

/** The figures of a node now. */
export function viewOf(node: RunningNode, rate: number | undefined, nowMs: number): ProgressView {
  const state = node.chia.state();
  const timestamp = state.peak?.timestamp ?? null;
  return {
    chain: "chia",
    height: state.peak?.height,
    target: Math.max(state.tipHeight, state.bestPeerHeight),
    rate,
    synced: state.synced,
    peers: node.chia.peers().length,
    tipAgeS: timestamp === null ? undefined : Math.max(0, nowMs / 1000 - Number(timestamp)),
  };
}

/** Starts showing; the returned function shows a last time and ends. */
export function showProgress(node: RunningNode, io: CliIo, options: DisplayOptions): () => void {
  const meter = new RateMeter();
  let drawn = 0;
  let lastLine = "";
  const show = () => {
    const now = Date.now();
    const height = node.chia.state().peak?.height;
    if (height !== undefined) meter.add(now, height);
    const view = viewOf(node, meter.rate, now);
    if (options.bar) {
      io.err(redraw([progressLine(view, { columns: io.columns(), bar: true })], drawn));
      drawn = 1;
      return;
    }
    const line = options.json ? progressJson(view) : progressLine(view, { columns: 200, bar: false });
    // A node that is up to date and at rest has nothing to say.
    if (line !== lastLine) io.err(line + "\n");
    lastLine = line;
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
