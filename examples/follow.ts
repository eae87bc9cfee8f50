/**
 * Follows a Chia full node and prints each new tip, until it has seen as many as were asked for.
 *
 *     bun examples/follow.ts 127.0.0.1:38444 simulator0 3
 *     deno run -A examples/follow.ts 127.0.0.1:38444 simulator0 3
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { DEFAULTS, parseHostPort, standardConfig, startNode } from "../mod.ts";

const [peer = "127.0.0.1:38444", network = "simulator0", count = "3"] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), "gemel-follow-"));
const connect = [parseHostPort(peer, 8444)];
const node = await startNode(
  standardConfig(folder, [{ ...DEFAULTS.chia, chain: "chia", network, connect }], { database: "memory" }),
);
let seen = 0;
for await (const event of node.subscribe({ topics: ["chia.peak"], since: 0 })) {
  if ("gap" in event) continue;
  process.stdout.write(`${event.data.height} ${event.data.header_hash}\n`);
  seen += 1;
  if (seen >= Number(count)) break;
}
await node.stop();
await rm(folder, { recursive: true, force: true });
