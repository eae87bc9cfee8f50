/** The encrypted transport between the compiled program and btcd, whoever dials. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { join } from "node:path";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";

suite("BIP324 with btcd", binaryMissing() ?? btcdMissing(), () => {
  const folder = temporaryFolder("gemel-v2-");
  after(() => folder.remove());
  const transports = async (gemel: Gemel) => {
    const peers = await gemel.btc("getpeerinfo") as { transport_protocol_type: string; session_id: string }[];
    return peers.map(({ transport_protocol_type, session_id }) => [transport_protocol_type, session_id.length]);
  };

  test("gemel dials a btcd that speaks it, and syncs over it", { timeout: 180_000 }, async () => {
    const btcd = await Btcd.start({ blocks: 150, v2: true });
    const gemel = await Gemel.start({ dir: join(folder.path, "out"), chain: REGTEST, connect: [btcd.port] });
    try {
      await gemel.reachesBlock((await btcd.tip()).best);
      assert.deepEqual(await transports(gemel), [["v2", 64]]);
    } finally {
      await gemel.stop();
      await btcd.stop();
    }
  });

  for (const [v2, expected] of [[true, ["v2", 64]], [false, ["v1", 0]]] as const) {
    test(`btcd ${v2 ? "with" : "without"} it dials gemel, and syncs from it`, { timeout: 180_000 }, async () => {
      const port = await freePort();
      const args = ["--listen", `127.0.0.1:${port}`, "--connect", "127.0.0.1:1"];
      const gemel = await Gemel.start({ dir: join(folder.path, `in-${v2}`), chain: REGTEST, args });
      const address = "mqaXGiAZw1M7Eua9ZLgoMncoihemppjdNd";
      const hashes = await gemel.btc("generatetoaddress", [120, address]) as string[];
      const btcd = await Btcd.start({ v2, extra: [`--connect=127.0.0.1:${port}`] });
      try {
        await until("the tip", 60_000, async () => (await btcd.tip()).best === hashes.at(-1) ? true : undefined);
        assert.deepEqual(await transports(gemel), [expected]);
      } finally {
        await btcd.stop();
        await gemel.stop();
      }
    });
  }
});
