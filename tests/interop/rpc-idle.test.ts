/** Hundreds of connections to both RPC ports of the compiled program that show nothing, and clients that have the secret. */
import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import tls from "node:tls";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { freePort } from "../support/free-port.ts";

const IDLE = 300;
const TIMEOUT_MS = 60_000;
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

suite("idle RPC connections", binaryMissing(), () => {
  test("300 on each port without a secret keep nobody out who has one", { timeout: TIMEOUT_MS }, async () => {
    const folder = temporaryFolder("gemel-idle-");
    const plainPort = await freePort();
    const node = await Gemel.start({
      dir: folder.path,
      chain: REGTEST,
      connect: [9],
      args: ["--btc-rpc-http", `127.0.0.1:${plainPort}`],
    });
    const cookie = Buffer.from(readFileSync(join(folder.path, ".cookie"), "utf8")).toString("base64");
    const plain = () =>
      new Promise<number | undefined>((resolve, reject) => {
        const headers = { authorization: `Basic ${cookie}`, "content-type": "application/json" };
        const asked = http.request(
          { host: "127.0.0.1", port: plainPort, method: "POST", headers, agent: false },
          (response) => {
            response.resume();
            resolve(response.statusCode);
          },
        );
        asked.on("error", reject);
        asked.setTimeout(5_000, () => asked.destroy(new Error("no answer")));
        asked.end('{"id":1,"method":"getblockcount","params":[]}');
      });
    const idle: net.Socket[] = [];
    try {
      for (let i = 0; i < IDLE; i++) {
        idle.push(net.connect({ host: "127.0.0.1", port: plainPort }));
        const where = { host: "127.0.0.1", port: node.rpcPort };
        // Some stop after TCP, some after TLS.
        idle.push(i % 3 === 0 ? net.connect(where) : tls.connect({ ...where, rejectUnauthorized: false }));
      }
      for (const socket of idle) socket.on("error", () => {});
      await sleep(2_000);
      for (let i = 0; i < 20; i++) {
        assert.equal((await node.get("v1/status")).version !== undefined, true);
        assert.equal(await plain(), 200);
      }
    } finally {
      for (const socket of idle) socket.destroy();
      await node.stop();
      folder.remove();
    }
  });
});
