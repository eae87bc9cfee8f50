/**
 * The compiled program with 64 file descriptors and more peers than those: its RPC answers, it says what is the matter, and
 * it does not wear itself out with accepting.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";
import { descriptors, processorSeconds } from "../support/process-figures.ts";
import { certificates } from "./attackers-bytes.ts";
import { type Meter, Wire } from "./attackers-wire.ts";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { freePort } from "../support/free-port.ts";

const PEERS = 80;
const TIMEOUT_MS = 60_000;
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

suite("out of file descriptors", binaryMissing(), () => {
  for (const chain of ["bitcoin", "chia"] as const) {
    test(`with 64 of them and 80 peers a ${chain} node goes on`, { timeout: TIMEOUT_MS }, async () => {
      const folder = temporaryFolder("gemel-descriptors-");
      const port = await freePort();
      const node = await Gemel.start({
        dir: folder.path,
        ...(chain === "bitcoin" && { chain: REGTEST }),
        connect: [9],
        args: ["--listen", `127.0.0.1:${port}`],
        through: ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh"],
      });
      const meter: Meter = { attempts: 0, connections: 0, handshakes: 0, ended: 0, sent: 0, received: 0 };
      const wires: Wire[] = [];
      try {
        const papers = chain === "chia" ? await certificates(PEERS) : [];
        const target = { chain, host: "127.0.0.1", port };
        const { pid } = node.process;
        const before = processorSeconds(pid);
        const opening = Promise.all(Array.from({ length: PEERS }, async (_, i) => {
          await Wire.open(target, `127.0.${1 + i}.1`, meter, papers[i]).then((wire) => wires.push(wire), () => {});
        }));
        await Promise.race([opening, sleep(4_000)]);
        for (let i = 0; i < 20; i++) {
          assert.equal((await node.get("v1/status")).version !== undefined, true);
          assert.ok(descriptors(pid) <= 64 - 4, `${descriptors(pid)} are open`);
          await sleep(100);
        }
        const took = processorSeconds(pid) - before;
        assert.ok(took < 3, `${took} s of the processor`);
        assert.match(node.process.stderr, /only 64 file descriptors: at most/);
        // Its own files can still be opened: RPC writes nothing, an event does.
        assert.ok(readFileSync(`${folder.path}/token`).length > 0);
        for (const wire of wires) wire.close();
        await sleep(2_500);
        const late = await Wire.open(target, "127.0.200.1", meter, papers[0]);
        late.close();
        // Many TLS handshakes at once may pause it, and that is said once.
        assert.ok((node.process.stderr.match(/out of file descriptors/g)?.length ?? 0) <= 1, node.process.stderr);
      } finally {
        for (const wire of wires) wire.close();
        await node.stop();
        folder.remove();
      }
    });
  }

  test(
    "with so few that none are left for peers, they are refused with one warning, and RPC answers",
    { timeout: TIMEOUT_MS },
    async () => {
      const folder = temporaryFolder("gemel-descriptors-");
      const port = await freePort();
      const node = await Gemel.start({
        dir: folder.path,
        chain: REGTEST,
        connect: [9],
        args: ["--listen", `127.0.0.1:${port}`],
        through: ["sh", "-c", 'ulimit -n 32; exec "$@"', "sh"],
      });
      const meter: Meter = { attempts: 0, connections: 0, handshakes: 0, ended: 0, sent: 0, received: 0 };
      const wires: Wire[] = [];
      try {
        const target = { chain: "bitcoin", host: "127.0.0.1", port } as const;
        const before = processorSeconds(node.process.pid);
        for (let round = 0; round < 4; round++) {
          await Promise.all(
            Array.from(
              { length: 20 },
              (_, i) =>
                Wire.open(target, `127.${1 + round}.${1 + i}.1`, meter).then((wire) => wires.push(wire), () => {}),
            ),
          );
          await sleep(500);
          assert.equal((await node.get("v1/status")).version !== undefined, true);
        }
        assert.ok(processorSeconds(node.process.pid) - before < 2);
        assert.equal(node.process.stderr.match(/out of file descriptors/g)?.length, 1, node.process.stderr);
      } finally {
        for (const wire of wires) {
          wire.close();
        }
        await node.stop();
        folder.remove();
      }
    },
  );
});
