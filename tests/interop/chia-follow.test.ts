/**
 * The compiled program beside chia-blockchain's full node: it syncs from it, follows it through a reorganisation and a
 * sudden death, and serves it. The tests tell one story and build on one another.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { clock, dialer, makeDir, random, readFile, writeFileAtomic } from "#platform";
import { toHex } from "../../lib/codec/hex.ts";
import { loadNodeIdentity, publicAuthorities } from "../../lib/chia/identity/identity.ts";
import { NodeType } from "../../lib/chia/protocol/mod.ts";
import { ChiaSession } from "../../lib/chia/peers/session.ts";
import { connectWebSocket } from "../../lib/transport/websocket/mod.ts";
import { FullBlock } from "../../lib/chia/types/mod.ts";
import { binaryMissing, type EventEnvelope, Gemel, suite, temporaryFolder } from "./binary.ts";
import { until } from "./call.ts";
import { Proxy } from "./proxy.ts";
import { freePort } from "../support/free-port.ts";
import { Simulator, simulatorMissing } from "./simulator.ts";

const BLOCKS = 120;
/** Blocks farmed while nobody follows, to be synced with interruptions. */
const MORE = 480;
/** The simulator's MAX_BLOCK_COUNT_PER_REQUESTS. */
const BATCH = 32;
/** TLS, WebSocket and handshake bytes of a connection, generously. */
const OVERHEAD_BYTES = 24_000;

const missing = binaryMissing() ?? simulatorMissing();

/** Main-chain blocks by the events alone: what a consumer holds that knows nothing else. */
function replay(events: readonly EventEnvelope[]): string[] {
  const chain: string[] = [];
  for (const { topic, data } of events) {
    if (topic === "chia.reorg") chain.length = Number(data.fork_height) + 1;
    if (topic !== "chia.block") continue;
    assert.equal(data.height, chain.length, "no height is left out and none comes twice");
    if (chain.length > 0) assert.equal(data.prev_hash, chain.at(-1));
    chain.push(String(data.header_hash));
  }
  return chain;
}

const isBlock = (header_hash: string) => (event: EventEnvelope) =>
  event.topic === "chia.peak" && event.data.header_hash === header_hash;

suite("gemel beside chia-blockchain", missing, () => {
  const folder = temporaryFolder();
  let simulator: Simulator;
  let gemel: Gemel | undefined;
  /** Where it lets peers in. */
  let port = 0;
  /** Id of the last event that was read. */
  let cursor = 0;

  before(async () => {
    simulator = await Simulator.start({ blocks: BLOCKS, spends: true });
  });
  after(async () => {
    await gemel?.stop("SIGKILL");
    folder.remove();
    await simulator?.stop();
  });

  test("a new node syncs to the simulator's chain: the same header hash at every height", async () => {
    port = await freePort();
    gemel = await Gemel.start({
      dir: folder.path,
      connect: [simulator.port],
      args: ["--listen", `127.0.0.1:${port}`],
    });
    const { header_hash, height } = await simulator.peak();
    assert.equal(height, BLOCKS - 1);
    await gemel.reaches(header_hash);
    assert.deepEqual(await gemel.hashes(0), await simulator.hashes(0));
    const events = await gemel.events(0, isBlock(header_hash));
    assert.deepEqual(replay(events), await simulator.hashes(0));
    cursor = events.at(-1)?.id ?? 0;
  });

  test("it says that it is synced, and how far its checks go", async () => {
    assert.ok(gemel);
    const status = await until("synced", 10_000, async () => {
      const { chains } = await gemel!.get("v1/status");
      const [chain] = chains as unknown as { synced: boolean; agree: string; validation: string; behind: number }[];
      return chain?.synced === true ? chain : undefined;
    });
    assert.deepEqual({ agree: status.agree, behind: status.behind, validation: status.validation }, {
      agree: "1/1",
      behind: 0,
      validation: "linkage",
    });
  });

  test("new blocks are followed as they are farmed", async () => {
    assert.ok(gemel);
    const { header_hash } = await simulator.farm(5, { spends: true });
    const events = await gemel.events(cursor, isBlock(header_hash));
    assert.deepEqual(
      events.filter(({ topic }) => topic === "chia.block").map(({ data }) => data.header_hash),
      await simulator.hashes(BLOCKS),
    );
    assert.deepEqual(await gemel.hashes(0), await simulator.hashes(0));
    cursor = events.at(-1)?.id ?? 0;
  });

  test("a reorganisation of 5 is one event before its blocks", async () => {
    assert.ok(gemel);
    const old = await simulator.hashes(BLOCKS);
    const { header_hash, height } = await simulator.reorg(5, 1);
    const now = await simulator.hashes(BLOCKS);
    assert.equal(height, BLOCKS + 5);
    const events = (await gemel.events(cursor, isBlock(header_hash)))
      .filter(({ topic }) => ["chia.reorg", "chia.block", "chia.peak"].includes(topic));
    assert.equal(events[0]?.topic, "chia.reorg");
    assert.equal(events[0].data.fork_height, BLOCKS - 1);
    assert.equal(events[0].data.depth, 5);
    assert.deepEqual(events[0].data.old, old);
    assert.deepEqual(
      events.filter(({ topic }) => topic === "chia.block").map(({ data }) => data.header_hash),
      now,
    );
    assert.equal(events.filter(({ topic }) => topic === "chia.reorg").length, 1);
    assert.deepEqual(await gemel.hashes(0), await simulator.hashes(0));
  });

  // Below 500 blocks the reference syncs without a weight proof.
  test("another chia-blockchain node validates in full what it syncs from us", async () => {
    assert.ok(gemel);
    const other = await Simulator.start();
    try {
      await other.connect(port);
      const wanted = await simulator.peak();
      await until("the other node's sync", 120_000, async () => {
        return (await other.peak()).header_hash === wanted.header_hash ? true : undefined;
      });
      assert.deepEqual(await other.hashes(0), await simulator.hashes(0));
    } finally {
      await other.stop();
    }
  });

  test("killed twice in mid-sync it loses nothing and asks again for at most one batch", async () => {
    assert.equal(await gemel?.stop(), 143, "a clean stop by SIGTERM");
    const { height: before } = await simulator.peak();
    const { header_hash, height: last } = await simulator.farm(MORE, { batch: true });
    // What the missing blocks have on the wire decides where the sync is cut.
    const sizes = await blockSizes(simulator, before + 1);
    const raw = sum(sizes);
    const largestBatch = Math.max(...sizes.map((_, i) => sum(sizes.slice(i, i + BATCH))));
    const proxy = await Proxy.open(simulator.port, raw * 0.3);
    try {
      gemel = await Gemel.start({ dir: folder.path, connect: [proxy.port] });
      const cut = await stall(gemel, proxy);
      assert.ok(cut > before + BATCH && cut < last - BATCH, `cut in the middle, at ${cut}`);
      assert.equal(await gemel.stop("SIGKILL"), "SIGKILL");
      // All that came and was not stored has to come again: of a batch, and what opens a connection.
      const lost = proxy.passed - sum(sizes.slice(0, cut - before));
      assert.ok(lost < largestBatch + OVERHEAD_BYTES, `${lost} bytes were lost; a batch has up to ${largestBatch}`);

      // The second time without waiting: in whatever it is doing.
      proxy.allow(raw * 0.4);
      gemel = await Gemel.start({ dir: folder.path, connect: [proxy.port] });
      assert.ok(((await gemel.peak())?.height ?? 0) >= cut, "what was there before the kill is there");
      const seen = await until("further blocks", 20_000, async () => {
        const height = (await gemel?.peak())?.height ?? 0;
        return height > cut ? height : undefined;
      });
      assert.equal(await gemel.stop("SIGKILL"), "SIGKILL");
      assert.ok(seen < last, `killed in the middle, at ${seen}`);

      proxy.allow(Infinity);
      gemel = await Gemel.start({ dir: folder.path, connect: [proxy.port] });
      assert.ok(((await gemel.peak())?.height ?? 0) >= seen, "what was there before the second kill is there");
      await gemel.reaches(header_hash);
      assert.deepEqual(await gemel.hashes(0), await simulator.hashes(0));
      assert.deepEqual(replay(await gemel.events(0, isBlock(header_hash))), await simulator.hashes(0));
      const starts = /syncing from height (\d+)/.exec(gemel.process.stderr);
      assert.ok(Number(starts?.[1]) > seen, "no block that was stored is asked for again");
    } finally {
      await proxy.close();
    }
  });

  test("the simulator takes us for a wallet when we say so", async () => {
    const keys = temporaryFolder();
    try {
      const identity = await loadNodeIdentity({
        folder: keys.path,
        files: { readFile, writeFileAtomic, makeDir },
        clock,
        random,
      });
      const duplex = await dialer.dial({ host: "127.0.0.1", port: simulator.port }, {
        tls: { identity, authorities: publicAuthorities },
      });
      const session = await ChiaSession.open(
        connectWebSocket(duplex, { path: "/ws", clock, random, messageBytesMax: 1 << 26, handshakeTimeoutMs: 10_000 }),
        {
          role: "dialler",
          own: { networkId: "simulator0", nodeType: NodeType.WALLET, softwareVersion: "gemel/test", serverPort: 0 },
          ownNodeId: identity.nodeId,
          peerNodeId: new Uint8Array(32),
          clock,
          handshakeTimeoutMs: 10_000,
          enforceRates: true,
        },
      );
      assert.equal(session.peer.nodeType, NodeType.FULL_NODE);
      assert.equal(session.peer.networkId, "simulator0");
      const running = session.run(() => {});
      const connections = await simulator.call("get_connections", { node_type: NodeType.WALLET });
      const nodeIds = (connections.connections as unknown as { node_id: string }[]).map(({ node_id }) => node_id);
      assert.deepEqual(nodeIds, [`0x${toHex(identity.nodeId)}`]);
      session.close();
      assert.equal((await running).fault, "self");
    } finally {
      keys.remove();
    }
  });
});

/** Bytes of each of the simulator's blocks from a height to its tip, as its peers would get them. */
async function blockSizes(simulator: Simulator, from: number): Promise<number[]> {
  const { height } = await simulator.peak();
  const sizes: number[] = [];
  for (let start = from; start <= height; start += 100) {
    const range = { start, end: Math.min(height + 1, start + 100), exclude_reorged: true };
    const { blocks } = await simulator.call("get_blocks", range);
    for (const block of blocks as readonly Parameters<typeof FullBlock.fromJson>[0][]) {
      sizes.push(FullBlock.encode(FullBlock.fromJson(block)).length);
    }
  }
  return sizes;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Waits until the proxy has held back bytes and the height stays; gives the height. */
async function stall(gemel: Gemel, proxy: Proxy): Promise<number> {
  let height = -1;
  let passed = -1;
  let quiet = 0;
  return await until("the sync to be cut off", 30_000, async () => {
    const now = (await gemel.peak())?.height ?? -1;
    quiet = proxy.isHolding && now === height && proxy.passed === passed ? quiet + 1 : 0;
    height = now;
    passed = proxy.passed;
    return quiet >= 12 ? height : undefined;
  });
}

suite("gemel beside chia-blockchain with rate limits of version 3", missing, () => {
  const folder = temporaryFolder();
  let simulator: Simulator;
  let gemel: Gemel | undefined;

  before(async () => {
    simulator = await Simulator.start({ blocks: 200, rateLimits: 3 });
  });
  after(async () => {
    await gemel?.stop("SIGKILL");
    folder.remove();
    await simulator?.stop();
  });

  test("both announce them: the blocks come in windows of two requests", async () => {
    gemel = await Gemel.start({
      dir: folder.path,
      connect: [simulator.port],
      args: ["--rate-limits", "3"],
    });
    await gemel.reaches((await simulator.peak()).header_hash);
    const { sent } = await gemel.get("v1/peers/1/traffic") as unknown as {
      sent: { by_message: { message: string }[] };
    };
    assert.ok(sent.by_message.some(({ message }) => message === "configure_window_sizes"));
  });
});
