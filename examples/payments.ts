/**
 * Watches addresses of Bitcoin for payments with block filters: no server learns which they are, and no blocks are stored but
 * those that matter. A payment counts after some blocks; when a block is taken back, so is the payment.
 *
 *     bun examples/payments.ts ./payments mainnet 840000 bc1q…                                 from a height on
 *     bun examples/payments.ts ./payments regtest 0 bcrt1q… 127.0.0.1:18444                     one peer
 *
 * @module
 */
import process from "node:process";
import { bitcoinTypes, DEFAULTS, networkByName, parseHostPort, standardConfig, startNode } from "../mod.ts";

const [folder = "./payments", network = "mainnet", from = "0", address = "", ...peers] = process.argv.slice(2);
/** Blocks after which nobody expects a payment to be taken back. */
const DEPTH = Number(process.env.DEPTH ?? 6);
const script = bitcoinTypes.addressToScript(address, networkByName(network)!);
if (script === undefined) throw new Error(`${address} is no address of ${network}`);

const connect = peers.map((peer) => parseHostPort(peer, 8333));
const node = await startNode(
  standardConfig(folder, [{ ...DEFAULTS.bitcoin, chain: "bitcoin", network, mode: "filters", connect }]),
);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void node.stop());
const ended = new AbortController();
void node.stopped.finally(() => ended.abort());
await node.bitcoin!.light!.watch([script], Number(from));

interface Payment {
  readonly height: number;
  readonly value: number;
  isFinal: boolean;
}
const payments = new Map<string, Payment>();
const print = (text: string) => void process.stdout.write(`${text}\n`);
const settle = (tip: number) => {
  for (const [name, payment] of payments) {
    if (payment.isFinal || tip - payment.height + 1 < DEPTH) continue;
    payment.isFinal = true;
    print(`final     ${payment.value} satoshi ${name}`);
  }
};
for await (const event of node.subscribe({ topics: ["bitcoin.*"], since: 0, signal: ended.signal })) {
  if ("gap" in event) continue;
  const { txid, vout, direction } = event.data;
  const [height, value] = [Number(event.data.height), Number(event.data.value)];
  const name = `${txid}:${vout}`;
  if (event.topic === "bitcoin.match" && direction === "in") {
    payments.set(name, { height, value, isFinal: false });
    print(`paid      ${value} satoshi ${name} at ${height}`);
  } else if (event.topic === "bitcoin.unmatch" && direction === "in") {
    payments.delete(name);
    print(`taken back ${value} satoshi ${name}`);
  }
  settle(node.chains[0]?.progress().height ?? 0);
}
await node.stopped;
