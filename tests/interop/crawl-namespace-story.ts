/**
 * A crawl of a network whose nodes have addresses as on the open network: `crawl-namespace-story.ts`. Four nodes of gemel
 * and two of btcd listen on five addresses each, all of different groups. A peer that is gone when the crawl begins has
 * told them of one another; the crawl is told of one address.
 */
import { Buffer } from "node:buffer";
import { createServer, type Server } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { V1Transport } from "../../lib/bitcoin/wire/mod.ts";
import type { CrawlReport } from "../../mod.ts";
import { requireNamespace, tell } from "../support/namespace.ts";
import { bitcoinAddresses, bitcoinHello, Chance } from "./attackers-bytes.ts";
import { Wire } from "./attackers-wire.ts";
import { Gemel, Launched, REGTEST, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";

/** What {@link tell} gives. */
export interface CrawlFound {
  /** The addresses of each node; the first of the first is the seed. */
  readonly nodes: readonly (readonly string[])[];
  /** How many of them are btcd, at the end. */
  readonly btcds: number;
  readonly height: number;
  /** How the crawls ended and what they wrote; `text` is the summary that the first one printed. */
  readonly exits: readonly unknown[];
  readonly report: CrawlReport;
  readonly csv: string;
  readonly page: string;
  readonly text: string;
  /** Connections to the crawler that a node still has when it has ended. */
  readonly left: number;
}

const GEMELS = 4;
const BTCDS = 2;
const ADDRESSES = 5;
const PORT = 18_444;
const TELLER = "90.1.0.1";
const HEIGHT = 12;

requireNamespace();
const missing = btcdMissing();
if (missing !== undefined) throw new Error(missing);
const folder = temporaryFolder("gemel-crawl-");
const nodes = Array.from(
  { length: GEMELS + BTCDS },
  (_, i) => Array.from({ length: ADDRESSES }, (_, k) => `${20 + i}.${k + 1}.0.1`),
);
const everywhere = nodes.flat();
const addresses = bitcoinAddresses(everywhere, PORT);
const places = (hosts: readonly string[], flag: string) => hosts.map((host) => `${flag}=${host}:${PORT}`);

/** A peer that answers `getaddr` with all addresses there are. */
function teller(): Promise<Server> {
  const { version, verack } = bitcoinHello(new Chance(3));
  const server = createServer((socket) => {
    const transport = new V1Transport(regtest.magic);
    socket.on("error", () => {});
    socket.on("data", (bytes: Uint8Array) => {
      for (const { type } of transport.push(bytes)) {
        if (type === "version") socket.write(Buffer.concat([version, verack]));
        if (type === "getaddr") socket.write(addresses);
      }
    });
  });
  return new Promise((resolve) => server.listen(PORT, TELLER, () => resolve(server)));
}

/** Tells btcd, which takes addresses from whoever dials it. */
async function tellBtcd(host: string): Promise<void> {
  const { version, verack } = bitcoinHello(new Chance(4));
  const meter = { attempts: 0, connections: 0, handshakes: 0, ended: 0, sent: 0, received: 0 };
  const wire = await Wire.open({ chain: "bitcoin", host, port: PORT }, TELLER, meter);
  await wire.write(version);
  await wire.answer();
  await wire.write(verack);
  await wire.write(addresses);
  await new Promise((resolve) => setTimeout(resolve, 500));
  wire.close();
}

const telling = await teller();
const btcds: Btcd[] = [];
for (const hosts of nodes.slice(GEMELS)) {
  const source = btcds.length === 0 ? [] : [`--addpeer=${nodes[GEMELS]![0]}:${PORT}`];
  btcds.push(
    await Btcd.start({ blocks: source.length === 0 ? HEIGHT : 0, extra: [...places(hosts, "--listen"), ...source] }),
  );
  await tellBtcd(hosts[0]!);
}
const gemels: Gemel[] = [];
for (const [i, hosts] of nodes.slice(0, GEMELS).entries()) {
  gemels.push(
    await Gemel.start({
      dir: join(folder.path, `${i}`),
      chain: REGTEST,
      args: [
        ...places(hosts, "--listen"),
        ...places([TELLER, nodes[GEMELS]![0]!], "--add-peer"),
        "--v2=off",
      ],
    }),
  );
}
for (const gemel of gemels) {
  await until("a node to have heard of the others and to have the chain", 60_000, async () => {
    const { books } = await gemel.get("v1/addresses?limit=1000") as unknown as { books: { addresses: unknown[] }[] };
    const { height } = await gemel.status("bitcoin");
    return books[0]!.addresses.length >= 25 && height === HEIGHT ? true : undefined;
  });
}
telling.close();

const out = (name: string) => join(folder.path, name);
const exits: unknown[] = [];
const texts: string[] = [];
for (const name of ["nodes.json", "nodes.csv", "page.html"]) {
  const crawl = new Launched([
    ...["crawl", "--chain", "bitcoin", "--network", "regtest", "--seed", `${nodes[0]![0]}:${PORT}`],
    ...["--per-second", "50", "--out", out(name)],
  ]);
  exits.push(await crawl.end(120_000));
  texts.push(crawl.stdout + (exits.at(-1) === 0 ? "" : crawl.stderr));
}
const read = (name: string) => readFileSync(out(name), "utf8");
const left = (await gemels[0]!.get("v1/peers")).peers as unknown as { readonly agent: string }[];
const found: CrawlFound = {
  nodes,
  btcds: BTCDS,
  height: HEIGHT,
  exits,
  report: JSON.parse(read("nodes.json")) as CrawlReport,
  csv: read("nodes.csv"),
  page: read("page.html"),
  text: texts[0]!,
  left: left.filter(({ agent }) => agent.includes("crawl")).length,
};
for (const gemel of gemels) await gemel.stop();
for (const btcd of btcds) await btcd.stop();
folder.remove();
tell(found);
process.exit(0);
