/**
 * Syncs the headers of a Bitcoin network, checks their work, and tells where the chain ends. The next run goes on from there.
 *
 *     bun examples/header-sync.ts ./headers                                  mainnet, peers from the DNS seeds
 *     bun examples/header-sync.ts ./headers regtest 127.0.0.1:18444          one peer
 *
 * @module
 */
import process from "node:process";
import { DEFAULTS, parseHostPort, standardConfig, startNode, toHex } from "../mod.ts";

const [folder = "./headers", network = "mainnet", ...peers] = process.argv.slice(2);
const connect = peers.map((peer) => parseHostPort(peer, 8333));
const node = await startNode(
  standardConfig(folder, [{ ...DEFAULTS.bitcoin, chain: "bitcoin", network, mode: "headers", connect }]),
);
const [chain] = node.chains;
const print = (text: string) => void process.stdout.write(`${text}\n`);

const timer = setInterval(() => {
  const { height = 0, target, peers } = chain!.progress();
  print(`height ${height} of ${target}, ${peers} peers`);
}, 1_000);
const ended = new AbortController();
process.once("SIGINT", () => ended.abort());
for await (const event of node.subscribe({ topics: ["bitcoin.headers_synced"], signal: ended.signal })) {
  if (!("gap" in event)) break;
}
clearInterval(timer);

const { headers } = node.bitcoin!;
const tip = headers.best;
const hash = toHex(headers.hash(tip).slice().reverse());
print(`tip ${headers.height(tip)} ${hash}`);
print(
  `made ${new Date(headers.time(tip) * 1_000).toISOString()}, work of the chain 2^${
    Math.log2(Number(headers.work(tip))).toFixed(2)
  }`,
);
await node.stop();
