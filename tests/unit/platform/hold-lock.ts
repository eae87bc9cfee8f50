/**
 * Takes the lock of the folder in its first argument, tells so, and holds it until it is ended.
 *
 * @module
 */
import process from "node:process";
import { lockDir, stdout } from "#platform";
import { NodeError } from "../../../lib/core/errors.ts";

try {
  await lockDir(process.argv[2]!);
  // The lock must outlive a collection although nobody keeps what lockDir() gave; only Bun can be asked for one.
  await new Promise((resolve) => setTimeout(resolve, 1));
  (globalThis as { Bun?: { gc(now: boolean): void } }).Bun?.gc(true);
  await new Promise((resolve) => setTimeout(resolve, 1));
  await stdout.write("locked\n");
  setInterval(() => {}, 1_000);
} catch (thrown) {
  const code = thrown instanceof NodeError ? thrown.code : "?";
  await stdout.write(`${code} ${(thrown as Error).message}\n`);
}
