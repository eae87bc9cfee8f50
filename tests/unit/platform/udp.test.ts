import { describe, test } from "node:test";
import assert from "node:assert/strict";
import * as chosen from "#platform";
import * as node from "../../../lib/platform/node/mod.ts";

describe("openUdp()", () => {
  for (const [name, { openUdp }] of [["chosen", chosen], ["node", node]] as const) {
    test(`carries datagrams both ways, and gives the port free (${name})`, async () => {
      const came = Promise.withResolvers<string>();
      const answered = Promise.withResolvers<string>();
      const text = new TextDecoder();
      const server = await openUdp({
        host: "127.0.0.1",
        port: 0,
        onMessage: (bytes, from) => {
          came.resolve(text.decode(bytes));
          server.send(new TextEncoder().encode("pong"), from);
          throw new Error("a handler's own mistake ends nothing");
        },
      });
      const client = await openUdp({
        host: "127.0.0.1",
        port: 0,
        onMessage: (bytes, from) => answered.resolve(`${text.decode(bytes)} ${from.port === server.address.port}`),
      });
      client.send(new TextEncoder().encode("ping"), server.address);
      assert.equal(await came.promise, "ping");
      assert.equal(await answered.promise, "pong true");
      await client.close();
      await Promise.all([server.close(), server.close()]);
      client.send(new Uint8Array(1), server.address);
      const again = await openUdp({ ...server.address, onMessage: () => {} });
      await again.close();
    });

    test(`says which port is in use, and which address is none (${name})`, async () => {
      const held = await openUdp({ host: "127.0.0.1", port: 0, onMessage: () => {} });
      await assert.rejects(openUdp({ ...held.address, onMessage: () => {} }), { code: "PORT_IN_USE" });
      await assert.rejects(openUdp({ host: "192.0.2.1", port: 0, onMessage: () => {} }), {
        code: "ADDRESS_NOT_AVAILABLE",
      });
      await held.close();
    });
  }
});
