/**
 * Addresses on their way between gemel and a reference: `gossip-namespace-story.ts CHAIN`, in a network of its own where
 * every node has an address as on the open network. The nodes of gemel are told of the reference only, the last of them
 * later than the others; nobody is told of them.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { requireNamespace, tell } from "../support/namespace.ts";
import { bitcoinAddresses, bitcoinHello, certificates, Chance, chiaAddresses, chiaHello } from "./attackers-bytes.ts";
import { UPGRADE, Wire } from "./attackers-wire.ts";
import { Gemel, Launched, REGTEST, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";
import { Simulator, simulatorMissing } from "./simulator.ts";

/** What {@link tell} gives. Addresses are without ports; all have the network's own. */
export interface GossipFound {
  readonly reference: string;
  /** The nodes of gemel, the newcomer last. */
  readonly gemels: readonly string[];
  /** What the reference's table held. */
  readonly referenceKnows: readonly string[];
  /** Nodes that the reference dialled of its own accord. */
  readonly referenceDialled: readonly string[];
  /** Nodes of gemel that list the reference in their RPC, while the reference lists peers like them in its own. */
  readonly listedByBoth: readonly string[];
  /** The newcomer's table, as `gemel addrman show --json` prints it: host, and who told it. */
  readonly newcomerKnows: readonly (readonly [host: string, source: string])[];
  /** Hosts that the newcomer dialled, the one that it was told of among them. */
  readonly newcomerDialled: readonly string[];
  /** Addresses that only the reference had heard of, and what of them a node of gemel then knew. */
  readonly rumours: readonly string[];
  readonly rumoursKnown: readonly string[];
  /** A second reference node, which was told of that node of gemel alone: what it knew in the end. */
  readonly secondKnows: readonly string[];
}

const REFERENCE = "8.1.0.1";
const SECOND = "9.1.0.1";
const GEMELS = 6;
const PATIENCE_MS = 90_000;
/** After that much time without an address that is another's, the newcomer begins again. */
const ANSWER_MS = 10_000;

requireNamespace();
const isBitcoin = process.argv[2] === "bitcoin";
const port = isBitcoin ? 18_444 : 38_444;
const hostOf = (i: number) => `${20 + i}.1.0.1`;
const folder = temporaryFolder("gemel-gossip-");

/** A node of the reference as this story needs it. */
interface Reference {
  known(): Promise<string[]>;
  /** Connections: where to, and whether the node dialled. */
  peers(): Promise<{ readonly host: string; readonly isOut: boolean; readonly isGemel: boolean }[]>;
  /** Lets it dial a node; where that is not said when it starts. */
  connect?(to: string): Promise<void>;
  /** Ends it, and gives all of its table. */
  stop(): Promise<string[]>;
}

const isRunning = (pid: number) => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

async function startBtcd(host: string, more: readonly string[] = []): Promise<Reference> {
  const btcd = await Btcd.start({ blocks: host === REFERENCE ? 5 : 0, extra: [`--listen=${host}:${port}`, ...more] });
  const seen = new Set<string>();
  return {
    // Each answer is another 23% of its table.
    known: async () => {
      const answers = await btcd.batch(Array.from({ length: 20 }, () => ["getnodeaddresses", [1_000]] as const));
      for (const part of answers) for (const { address } of part as { address: string }[] ?? []) seen.add(address);
      return [...seen];
    },
    peers: async () =>
      (await btcd.rpc("getpeerinfo") as { addr: string; inbound: boolean; subver: string }[]).map((peer) => ({
        host: peer.addr.slice(0, peer.addr.lastIndexOf(":")),
        isOut: !peer.inbound,
        isGemel: peer.subver.includes("gemel"),
      })),
    // It writes its table when it ends.
    stop: async () => {
      const { pid, rpc_cert } = btcd.node;
      await btcd.rpc("stop");
      await until("btcd to end", 20_000, () => Promise.resolve(isRunning(pid) ? undefined : true));
      const kept = readFileSync(join(dirname(rpc_cert), "data", "regtest", "peers.json"), "utf8");
      await btcd.stop();
      const { Addresses: rows } = JSON.parse(kept) as { Addresses: { Addr: string }[] };
      return rows.map(({ Addr: address }) => address.slice(0, address.lastIndexOf(":")));
    },
  };
}

async function startChia(host: string): Promise<Reference> {
  const simulator = await Simulator.start({ blocks: 3, host, port, outbound: 8 });
  const known = async () =>
    ((await simulator.call("sim_addresses")).addresses as unknown as { host: string }[]).map(({ host }) => host);
  return {
    known,
    peers: async () =>
      ((await simulator.call("get_connections")).connections as unknown as { peer_host: string; peer_port: number }[])
        .map((each) => ({ host: each.peer_host, isOut: each.peer_port === port, isGemel: true })),
    connect: async (to) => void await simulator.call("open_connection", { host: to, port }),
    stop: async () => {
      const all = await known();
      await simulator.stop();
      return all;
    },
  };
}

const missing = isBitcoin ? btcdMissing() : simulatorMissing();
if (missing !== undefined) throw new Error(missing);
const reference = isBitcoin ? await startBtcd(REFERENCE) : await startChia(REFERENCE);

const startGemel = (i: number) =>
  Gemel.start({
    dir: join(folder.path, `${i}`),
    chain: isBitcoin ? REGTEST : ["--chain", "chia", "--network", "simulator0"],
    args: ["--listen", `${hostOf(i)}:${port}`, "--add-peer", `${REFERENCE}:${port}`],
  });
interface PeerRow {
  readonly host: string;
  readonly direction: string;
}
const peersOf = async (node: Gemel) => (await node.get("v1/peers")).peers as unknown as PeerRow[];
const knownBy = async (node: Gemel) => {
  const { books } = await node.get("v1/addresses?limit=1000") as unknown as {
    books: { addresses: { host: string }[] }[];
  };
  return books.flatMap(({ addresses }) => addresses.map(({ host }) => host));
};
/** Tells the reference of addresses, as a peer that dialled it. */
async function tellReference(hosts: readonly string[]): Promise<void> {
  const meter = { attempts: 0, connections: 0, handshakes: 0, ended: 0, sent: 0, received: 0 };
  const [papers] = isBitcoin ? [] : await certificates(1);
  const chain = isBitcoin ? "bitcoin" : "chia";
  const wire = await Wire.open({ chain, host: REFERENCE, port }, "50.1.0.1", meter, papers);
  if (isBitcoin) {
    const { version, verack } = bitcoinHello(new Chance(1));
    await wire.write(version);
    await wire.answer();
    await wire.write(verack);
  } else {
    await wire.write(UPGRADE);
    await wire.answer();
    await wire.write(chiaHello);
    await wire.answer();
  }
  await wire.write((isBitcoin ? bitcoinAddresses : chiaAddresses)(hosts, port));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  wire.close();
}
const dialledBy = async (node: Gemel) =>
  (await peersOf(node)).filter(({ direction }) => direction === "out").map(({ host }) => host);

const nodes: Gemel[] = [];
for (let i = 0; i < GEMELS - 1; i++) nodes.push(await startGemel(i));
const gemels = Array.from({ length: GEMELS }, (_, i) => hostOf(i));
const isKnown = (known: readonly string[], least: number) =>
  gemels.filter((host) => known.includes(host)).length >= least ? true : undefined;
const note = (text: string) => void process.stderr.write(`${Math.round(performance.now())} ms: ${text}\n`);
const patiently = (what: string, look: () => Promise<true | undefined>) =>
  until(what, PATIENCE_MS, look).then(() => note(what), (thrown) => note(String(thrown)));

await patiently("the reference to hear of gemel", async () => isKnown(await reference.known(), GEMELS - 1));
const referenceDialled = new Set<string>();
await patiently("the reference to dial one", async () => {
  for (const { host, isOut } of await reference.peers()) if (isOut && gemels.includes(host)) referenceDialled.add(host);
  return referenceDialled.size > 0 ? true : undefined;
});

// btcd answers each connection once, with 23% of its table: of so few that is one address, and may be the newcomer's own.
let newcomer = await startGemel(GEMELS - 1);
await patiently("the newcomer to dial what it was told", async () => {
  const isTold = () =>
    until("more addresses", ANSWER_MS, async () => {
      return (await dialledBy(newcomer)).some((host) => host !== REFERENCE) ? true : undefined;
    }).catch(() => undefined);
  if (await isTold()) return true;
  await newcomer.stop();
  newcomer = await startGemel(GEMELS - 1);
  return undefined;
});
nodes.push(newcomer);

// What only the reference heard of reaches a second node of it through a node of gemel.
const rumours = Array.from({ length: 200 }, (_, i) => `${60 + i % 60}.${i}.0.1`);
await tellReference(rumours);
const between = await startGemel(GEMELS);
nodes.push(between);
await patiently("gemel to hear of the rumours", async () => {
  const heard = await knownBy(between);
  return rumours.filter((host) => heard.includes(host)).length > 20 ? true : undefined;
});
const second = isBitcoin ? await startBtcd(SECOND, [`--addpeer=${hostOf(GEMELS)}:${port}`]) : await startChia(SECOND);
await second.connect?.(hostOf(GEMELS));
await patiently("the second node to ask for addresses", async () => {
  return (await second.known()).some((host) => rumours.includes(host)) ? true : undefined;
});

const shown = new Launched(["addrman", "show", "--json", "--limit", "1000", "--data-dir", newcomer.dir]);
if (await shown.end(20_000) !== 0) throw new Error(shown.stderr);
const { books } = JSON.parse(shown.stdout) as {
  books: { addresses: { host: string; source: string }[] }[];
};
const referencePeers = (await reference.peers()).filter(({ isGemel }) => isGemel);
const listedByBoth: string[] = [];
for (const [i, node] of nodes.slice(0, GEMELS).entries()) {
  const theyList = referencePeers.some(({ host, isOut }) => isOut ? host === hostOf(i) : host === REFERENCE);
  const weList = (await peersOf(node)).some(({ host, direction }) => direction === "out" && host === REFERENCE);
  if (theyList && weList) listedByBoth.push(hostOf(i));
}
const found: GossipFound = {
  reference: REFERENCE,
  gemels,
  referenceKnows: await reference.known(),
  referenceDialled: [...referenceDialled],
  listedByBoth,
  newcomerKnows: books.flatMap(({ addresses }) => addresses.map(({ host, source }) => [host, source] as const)),
  newcomerDialled: await dialledBy(newcomer),
  rumours,
  rumoursKnown: (await knownBy(between)).filter((host) => rumours.includes(host)),
  secondKnows: await second.stop(),
};
for (const node of nodes) await node.stop();
await reference.stop();
folder.remove();
tell(found);
process.exit(0);
