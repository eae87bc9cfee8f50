/**
 * The composition root: names every concrete driver, and starts a node with them.
 *
 * @module
 */
import {
  clock,
  dialer,
  listen,
  lockDir,
  makeDir,
  openDatabase,
  openFileFolder,
  random,
  readFile,
  removeFile,
  resolveHost,
  serveHttp,
  serveHttps,
  sha256,
  stderr,
  writeFileAtomic,
} from "#platform";
import { useSha256 } from "./codec/sha256.ts";
import { composeNode, type NodeDrivers } from "./compose.ts";
import type { NodeConfig, RunningNode } from "./config.ts";

const drivers: NodeDrivers = {
  clock,
  dialer,
  listen,
  lockDir,
  makeDir,
  openDatabase,
  openFileFolder,
  random,
  readFile,
  removeFile,
  resolveHost,
  serveHttp,
  serveHttps,
  stderr,
  writeFileAtomic,
};

/**
 * Starts a node. What was begun is undone when a later step fails.
 *
 * @throws NodeError with a code and one line that says what to do: `DATA_FOLDER_IN_USE`, `DATA_FOLDER_UNWRITABLE`,
 * `DATABASE_DAMAGED`, `PORT_IN_USE`, `CONSTANTS_INVALID`, …
 */
export function startNode(config: NodeConfig): Promise<RunningNode> {
  useSha256(sha256);
  return composeNode(config, drivers);
}
