/**
 * chia-blockchain's full node and btcd take gemel for a peer, whoever dials: each side's own RPC lists the other, by the
 * same sockets and, on Chia, by the id that follows from the other's certificate.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { NodeType } from "../../lib/chia/protocol/mod.ts";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";
import { Simulator, simulatorMissing } from "./simulator.ts";

const TIMEOUT_MS = 180_000;

/** The id of the node that has this certificate. */
function idOf(path: string): string {
  const { raw } = new X509Certificate(readFileSync(path));
  return `0x${createHash("sha256").update(raw).digest("hex")}`;
}

suite("chia-blockchain and gemel list each other", binaryMissing() ?? simulatorMissing(), () => {
  const folder = temporaryFolder("gemel-both-ways-");
  let simulator: Simulator;
  before(async () => void (simulator = await Simulator.start({ blocks: 3 })), { timeout: TIMEOUT_MS });
  after(async () => {
    await simulator?.stop();
    folder.remove();
  });

  interface Connection {
    readonly type: number;
    readonly node_id: string;
    readonly peer_host: string;
    readonly peer_port: number;
    readonly peer_server_port: number;
    readonly local_port: number;
    readonly peak_height: number | null;
  }
  const listed = async (on: Simulator | Gemel, id: string) => {
    const { connections } = await on.call("get_connections");
    return (connections as unknown as Connection[]).find(({ node_id }) => node_id === id);
  };
  const bothList = async (gemel: Gemel) => {
    const [ours, theirs] = [
      idOf(join(gemel.dir, "ssl", "node.crt")),
      idOf(join(simulator.dir, "root", "config", "ssl", "full_node", "public_full_node.crt")),
    ];
    return await until("both to list each other", 20_000, async () => {
      const here = await listed(gemel, theirs);
      const there = await listed(simulator, ours);
      return here && there && here.peak_height !== null ? { here, there } : undefined;
    });
  };

  test("when gemel dials", { timeout: TIMEOUT_MS }, async () => {
    const gemel = await Gemel.start({ dir: join(folder.path, "dials"), connect: [simulator.port] });
    try {
      const { here, there } = await bothList(gemel);
      assert.deepEqual([here.type, there.type], [NodeType.FULL_NODE, NodeType.FULL_NODE]);
      assert.deepEqual([here.peer_host, here.peer_port], ["127.0.0.1", simulator.port]);
      assert.deepEqual([there.peer_host, there.local_port], ["127.0.0.1", simulator.port]);
      // Inbound at the reference: from the port that we dialled from, and not one that we listen on.
      assert.notEqual(there.peer_port, simulator.port);
      assert.equal(here.peak_height, (await simulator.peak()).height);
    } finally {
      await gemel.stop();
    }
  });

  test("when chia-blockchain dials", { timeout: TIMEOUT_MS }, async () => {
    const port = await freePort();
    const dir = join(folder.path, "is-dialled");
    const gemel = await Gemel.start({ dir, args: ["--no-dns", "--listen", `127.0.0.1:${port}`] });
    try {
      await simulator.connect(port);
      const { here, there } = await bothList(gemel);
      assert.deepEqual([here.type, there.type], [NodeType.FULL_NODE, NodeType.FULL_NODE]);
      assert.deepEqual([there.peer_port, there.peer_server_port], [port, port]);
      assert.equal(here.peer_server_port, simulator.port);
      const { peers } = await gemel.get("v1/peers") as unknown as { peers: { direction: string }[] };
      assert.deepEqual(peers.map(({ direction }) => direction), ["in"]);
      // Anybody may dial us: what it tells waits until a peer that we dialled stands on it.
      const tip = (await simulator.farm(1)).header_hash;
      await until(
        "the word that it waits",
        20_000,
        () => Promise.resolve(/waits until a peer that we dialled/.test(gemel.process.stderr) ? true : undefined),
      );
      assert.equal((await gemel.status("chia")).height, null);
      const answer = await gemel.send("v1/peers", JSON.stringify({ host: "127.0.0.1", port: simulator.port }));
      assert.equal(answer.status, 201, answer.text);
      await gemel.reaches(tip);
    } finally {
      await gemel.stop();
    }
  });
});

suite("btcd and gemel list each other", binaryMissing() ?? btcdMissing(), () => {
  const folder = temporaryFolder("gemel-both-ways-");
  after(() => folder.remove());

  interface PeerInfo {
    readonly addr: string;
    readonly addrbind?: string;
    readonly addrlocal?: string;
    readonly inbound: boolean;
    readonly subver: string;
    readonly startingheight: number;
  }

  /** Both lists' only entry, once either has the other's version: both list a connection before that. */
  const bothList = (gemel: Gemel, btcd: Btcd) =>
    until("both to list each other", 20_000, async () => {
      const here = (await gemel.btc("getpeerinfo") as unknown as PeerInfo[]).find(({ subver }) => subver !== "");
      const there = (await btcd.rpc("getpeerinfo") as PeerInfo[]).find(({ subver }) => subver !== "");
      return here && there ? { here, there } : undefined;
    });

  test("when gemel dials", { timeout: TIMEOUT_MS }, async () => {
    const btcd = await Btcd.start({ blocks: 4 });
    const gemel = await Gemel.start({ dir: join(folder.path, "dials"), chain: REGTEST, connect: [btcd.port] });
    try {
      const { here, there } = await bothList(gemel, btcd);
      assert.deepEqual([here.inbound, there.inbound], [false, true]);
      assert.deepEqual([here.addr, there.addr], [`127.0.0.1:${btcd.port}`, here.addrbind]);
      assert.match(here.subver, /btcd/);
      assert.match(there.subver, /gemel/);
      assert.equal(here.startingheight, 4);
    } finally {
      await gemel.stop();
      await btcd.stop();
    }
  });

  test("when btcd dials", { timeout: TIMEOUT_MS }, async () => {
    const port = await freePort();
    const dir = join(folder.path, "is-dialled");
    const gemel = await Gemel.start({ dir, chain: REGTEST, args: ["--no-dns", "--listen", `127.0.0.1:${port}`] });
    const btcd = await Btcd.start({ extra: [`--connect=127.0.0.1:${port}`] });
    try {
      const { here, there } = await bothList(gemel, btcd);
      assert.deepEqual([here.inbound, there.inbound], [true, false]);
      assert.deepEqual([there.addr, here.addrbind], [`127.0.0.1:${port}`, `127.0.0.1:${port}`]);
      assert.match(here.subver, /btcd/);
      assert.match(there.subver, /gemel/);
      await btcd.generate(2);
      await gemel.reachesBlock((await btcd.tip()).best);
    } finally {
      await btcd.stop();
      await gemel.stop();
    }
  });
});
