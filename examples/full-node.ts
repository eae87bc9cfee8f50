/**
 * A full node of either chain that others can use: it follows the network, keeps blocks, serves and announces them, and on
 * Bitcoin validates all of it and relays transactions. RPC is on port 8555. Ctrl-C ends it in order.
 *
 *     bun examples/full-node.ts ./node bitcoin mainnet 0.0.0.0:8333
 *     bun examples/full-node.ts ./node chia simulator0 127.0.0.1:38445 127.0.0.1:38444     one peer
 *
 * @module
 */
import process from "node:process";
import { DEFAULTS, parseHostPort, standardConfig, startNode } from "../mod.ts";

const [folder = "./node", name = "bitcoin", network = "mainnet", listen = "", ...peers] = process.argv.slice(2);
const chain = name === "chia" ? "chia" : "bitcoin";
const more = {
  network,
  listen: listen === "" ? [] : [parseHostPort(listen, 0)],
  connect: peers.map((peer) => parseHostPort(peer, 0)),
};
const config = chain === "chia"
  ? { ...DEFAULTS.chia, ...more, chain } as const
  : { ...DEFAULTS.bitcoin, ...more, chain } as const;
const port = Number(process.env.RPC_PORT ?? DEFAULTS.rpc.listen.port);
const rpc = { ...DEFAULTS.rpc, listen: { host: "127.0.0.1", port } };
const node = await startNode(standardConfig(folder, [config], { rpc, log: { ...DEFAULTS.log, level: "info" } }));

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void node.stop());
process.stdout.write(
  `RPC on ${node.rpcAddress?.host}:${node.rpcAddress?.port}, the token in ${node.config.paths.token}\n`,
);
const ended = new AbortController();
void node.stopped.finally(() => ended.abort());
for await (const event of node.subscribe({ topics: ["chia.peak", "bitcoin.block", "*.reorg"], signal: ended.signal })) {
  if ("gap" in event) continue;
  const { height, hash, header_hash: headerHash, depth } = event.data;
  process.stdout.write(
    depth === undefined ? `${event.topic} ${height} ${hash ?? headerHash}\n` : `${event.topic} of ${depth} blocks\n`,
  );
}
await node.stopped;
