/**
 * The file of a crawl that a server lives on: read at start, and again whenever it changes.
 *
 * @module
 */
import { type CrawlReport, messageOf, NodeError, readCrawl } from "../mod.ts";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { UsageError } from "./failures.ts";
import type { CliIo } from "./io.ts";
import { exitOf, onStopWish } from "./signals.ts";

/** How often the file is checked. */
const LOOK_EVERY_MS = 1_000;

/** A file that is followed. */
export interface FollowedCrawl {
  readonly report: CrawlReport;
  /** Hands each later state of the file to `replace`, and says so with what `told` gives; returns what ends it. */
  follow(replace: (report: CrawlReport) => void, told: () => string, io: CliIo): () => void;
}

/** Reads the file of `--from`. @throws UsageError when it cannot be used */
export async function openCrawl(from: string): Promise<FollowedCrawl> {
  const path = resolve(from);
  let seen = await changeOf(path);
  const report = await readCrawl(path).catch((thrown) => {
    throw thrown instanceof NodeError ? new UsageError(`from: ${thrown.message}`) : thrown;
  });
  if (report === undefined) throw new UsageError(`from: ${from} cannot be read`);
  return {
    report,
    follow(replace, told, io) {
      const looking = setInterval(async () => {
        const now = await changeOf(path);
        if (now === seen || now === undefined) return;
        seen = now;
        try {
          const next = await readCrawl(path);
          if (next === undefined) return;
          replace(next);
          io.err(`read again: ${told()}\n`);
        } catch (thrown) {
          // A file that cannot be used changes nothing.
          io.err(`${messageOf(thrown)}; the nodes before it are served on\n`);
        }
      }, LOOK_EVERY_MS);
      return () => clearInterval(looking);
    },
  };
}

/** Something that changes when the file does; undefined while it is not there. */
async function changeOf(path: string): Promise<string | undefined> {
  return await stat(path).then(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`, () => undefined);
}

/**
 * Waits for the signal that ends a server; the exit code that follows from it. The handler stays: a later wish ends the
 * process at once.
 */
export function untilSignal(io: CliIo): Promise<number> {
  return new Promise((resolve) => {
    onStopWish(io, (signal, again) => {
      if (again) io.exit(exitOf(signal));
      resolve(exitOf(signal));
    });
  });
}
