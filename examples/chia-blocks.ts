/**
 * Listens to Chia's blocks: finds peers by the DNS introducers, follows the heaviest chain, keeps its blocks in SQLite, and
 * prints each block, each reorganisation and each peer. Ctrl-C ends it; the next run goes on where this one stood.
 *
 *     bun examples/chia-blocks.ts ./chia                                   mainnet
 *     bun examples/chia-blocks.ts ./chia simulator0 127.0.0.1:38444        one peer
 *
 * @module
 */
import process from "node:process";
import { chiaTypes, DEFAULTS, parseHostPort, standardConfig, startNode } from "../mod.ts";

const [folder = "./chia", network = "mainnet", ...peers] = process.argv.slice(2);
const connect = peers.map((peer) => parseHostPort(peer, 8444));
const node = await startNode(standardConfig(folder, [{ ...DEFAULTS.chia, chain: "chia", network, connect }]));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void node.stop());
const ended = new AbortController();
void node.stopped.finally(() => ended.abort());
const print = (text: string) => void process.stdout.write(`${text}\n`);

/** What a block says of itself, read from the store. */
async function told(height: number): Promise<string> {
  const { raw } = await node.chains[0]!.rawBlock({ height }) ?? {};
  if (raw === undefined) return "was taken back meanwhile";
  const { foliageTransactionBlock: at, transactionsInfo: info } = chiaTypes.FullBlock.decode(raw);
  if (at === null) return `${raw.length} bytes`;
  return `${raw.length} bytes, made ${new Date(Number(at.timestamp) * 1_000).toISOString()}, fees ${info?.fees ?? 0}`;
}

for await (const event of node.subscribe({ topics: ["chia.*", "p2p.*"], since: 0, signal: ended.signal })) {
  if ("gap" in event) {
    print(`the log begins at event ${event.gap.oldest}`);
    continue;
  }
  const { data, topic } = event;
  if (topic === "chia.block") {
    print(`block ${data.height} ${data.header_hash}, ${await told(Number(data.height))}`);
  } else if (topic === "chia.peak") {
    print(`peak ${data.height}, weight ${data.weight}, from ${data.from_peer ?? "ourselves"}`);
  } else if (topic === "chia.reorg") {
    print(`${data.depth} blocks above ${data.fork_height} were taken back`);
  } else if (topic.startsWith("p2p.")) {
    print(`${topic} ${data.host}`);
  }
}
await node.stopped;
