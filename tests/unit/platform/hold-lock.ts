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
  await stdout.write("locked\n");
} catch (thrown) {
  const code = thrown instanceof NodeError ? thrown.code : "?";
  await stdout.write(`${code} ${(thrown as Error).message}\n`);
}
setInterval(() => {}, 1_000);
