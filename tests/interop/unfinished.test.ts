/**
 * Strangers that begin messages and never end them, against the compiled program: what it holds of them stays within its
 * budget, and comes back when they have gone.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { residentNow } from "../support/process-figures.ts";
import {
  certificates,
  Chance,
  fragments,
  introduce,
  longMessage,
  longRequest,
  ThinBlocks,
  wrongMessage,
} from "./attackers-bytes.ts";
import { type Meter, type Target, UPGRADE, Wire } from "./attackers-wire.ts";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { freePort } from "../support/free-port.ts";

const STRANGERS = 40;
const MIB = 2 ** 20;
/** What peers may hold, and what the runtime takes beside it. */
const ABOVE_REST = (192 + 64) * MIB;
/** What is left when they have gone. */
const LEFT = 64 * MIB;
const BACK_MS = 60_000;
const TIMEOUT_MS = 180_000;

let made: ThinBlocks | undefined;
/** Made once: it takes seconds. */
const thinBlocks = () => made ??= new ThinBlocks();
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Found {
  readonly rest: number;
  readonly most: number;
  readonly after: number;
  readonly sent: number;
  /** What the node's accounts say of all peers while they are still there. */
  readonly accounted: number;
}

/** Runs a node, lets strangers at it, and watches its memory. */
async function besiege(
  chain: "chia" | "bitcoin",
  attack: (wire: Wire, index: number) => Promise<void>,
): Promise<Found> {
  const folder = temporaryFolder("gemel-unfinished-");
  const port = await freePort();
  const node = await Gemel.start({
    dir: folder.path,
    ...(chain === "bitcoin" && { chain: REGTEST }),
    connect: [9],
    args: ["--listen", `127.0.0.1:${port}`],
  });
  const target: Target = { chain, host: "127.0.0.1", port };
  const meter: Meter = { attempts: 0, connections: 0, handshakes: 0, ended: 0, sent: 0, received: 0 };
  const papers = chain === "chia" ? await certificates(STRANGERS) : [];
  const wires: Wire[] = [];
  try {
    await sleep(1_000);
    const { pid } = node.process;
    const rest = residentNow(pid);
    let most = rest;
    const watch = setInterval(() => (most = Math.max(most, residentNow(pid))), 50);
    const attacks = Promise.all(Array.from({ length: STRANGERS }, async (_, i) => {
      try {
        const wire = await Wire.open(target, `127.0.${1 + i}.1`, meter, papers[i]);
        wires.push(wire);
        await attack(wire, i);
      } catch {
        // Being turned away is what a stranger is used to.
      }
    }));
    await Promise.race([attacks, sleep(30_000)]);
    await sleep(3_000);
    const { text } = await node.send("metrics", "", "GET");
    const accounted = Number(/^gemel_peer_memory_bytes (\d+)/m.exec(text)?.[1]);
    for (const wire of wires) wire.close();
    const until = performance.now() + BACK_MS;
    while (residentNow(pid) > rest + LEFT && performance.now() < until) await sleep(500);
    clearInterval(watch);
    const after = residentNow(pid);
    const sent = meter.sent;
    process.stdout.write(
      `counted: ${chain}: ${meter.connections} strangers sent ${Math.round(sent / MIB)} MiB; ` +
        `${Math.round(rest / MIB)} MiB at rest, at most ${Math.round(most / MIB)}, ${
          Math.round(after / MIB)
        } afterwards\n`,
    );
    return { rest, most, after, sent, accounted };
  } finally {
    for (const wire of wires) wire.close();
    await node.stop();
    folder.remove();
  }
}

function hold({ rest, most, after }: Found): void {
  assert.ok(most < rest + ABOVE_REST, `${Math.round(most / MIB)} MiB, ${Math.round(rest / MIB)} at rest`);
  assert.ok(after <= rest + LEFT, `${Math.round(after / MIB)} MiB afterwards, ${Math.round(rest / MIB)} at rest`);
}

suite("memory of unfinished messages", binaryMissing(), () => {
  test(
    "40 peers that each send 45 MiB of a message without end stay within the budget",
    { timeout: TIMEOUT_MS },
    async () => {
      const found = await besiege("chia", async (wire) => {
        await introduce(wire, "chia", new Chance(1));
        await fragments(wire);
      });
      assert.ok(found.sent > 200 * MIB, "they did send");
      hold(found);
    },
  );

  test("before the handshake they get next to nothing in", { timeout: TIMEOUT_MS }, async () => {
    const found = await besiege("chia", async (wire) => {
      await wire.write(UPGRADE);
      await wire.answer();
      await fragments(wire);
    });
    assert.ok(found.most < found.rest + 64 * MIB, `${Math.round(found.most / MIB)} MiB`);
    hold(found);
  });

  test(
    "messages that are passed over leave nothing in the accounts of those who sent them",
    { timeout: TIMEOUT_MS },
    async () => {
      const found = await besiege("bitcoin", async (wire, index) => {
        await introduce(wire, "bitcoin", new Chance(index + 1));
        for (let i = 0; i < 3; i++) await wire.write(wrongMessage());
      });
      assert.ok(found.sent > 200 * MIB, `${found.sent} bytes`);
      assert.ok(found.accounted < 64 * 1024 * STRANGERS, `${found.accounted} bytes are accounted`);
      hold(found);
    },
  );

  test("the same with the longest messages of Bitcoin", { timeout: TIMEOUT_MS }, async () => {
    const found = await besiege("bitcoin", async (wire, index) => {
      if (index % 2 === 0) await introduce(wire, "bitcoin", new Chance(index + 1));
      await wire.write(longMessage());
    });
    hold(found);
  });

  test("requests of 50,000 blocks by peers that read nothing are held as the bytes that they are", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const request = longRequest(regtest.genesis.hash);
    const found = await besiege("bitcoin", async (wire, index) => {
      await introduce(wire, "bitcoin", new Chance(index + 1));
      wire.deafen();
      for (let i = 0; i < 4; i++) await wire.write(request);
    });
    assert.ok(found.sent > 100 * MIB, `${found.sent} bytes`);
    hold(found);
  });

  for (const kind of ["of unknown parents", "with another root", "with the right root"] as const) {
    test(`blocks of 4 MB of ten-byte transactions are not held decoded: ${kind}`, { timeout: TIMEOUT_MS }, async () => {
      const { hash, header } = regtest.genesis;
      const found = await besiege("bitcoin", async (wire, index) => {
        if (index >= 16) return;
        await introduce(wire, "bitcoin", new Chance(index + 1));
        const parent = kind === "of unknown parents" ? new Uint8Array(32).fill(index + 1) : hash;
        await wire.write(thinBlocks().message(parent, header.time + 1 + index, kind !== "with another root"));
      });
      assert.ok(found.sent > 60 * MIB, `${found.sent} bytes`);
      assert.ok(found.most < found.rest + 128 * MIB, `${Math.round(found.most / MIB)} MiB`);
      hold(found);
    });
  }
});
