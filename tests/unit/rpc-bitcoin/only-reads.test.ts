/** What a node that only reads answers by Bitcoin's RPC, and what it refuses. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { COMMANDS } from "../../../lib/bitcoin/commands.ts";
import { Following } from "../../../lib/core/following.ts";
import { bitcoinMethods } from "../../../lib/rpc/bitcoin/methods.ts";
import { simClock } from "../core/sim.ts";
import { bitcoinNode, TOKEN } from "./support.ts";

const following = () =>
  new Following({
    clock: simClock(),
    subject: "bitcoin regtest",
    writer: () => Promise.resolve("one:4711"),
    startAgain: () => {},
    standsBy: false,
    notice: () => {},
  }, "one:4711");

/** Methods that change the chain or the peers, or tell of what only the writer has. */
const REFUSED = [
  ...["addconnection", "addnode", "addpeeraddress", "clearbanned", "disconnectnode", "estimaterawfee"],
  ...["estimatesmartfee", "generateblock", "generatetoaddress", "generatetodescriptor", "getblockfrompeer"],
  ...["getblocktemplate", "getmempoolancestors", "getmempoolcluster", "getmempooldescendants", "getmempoolentry"],
  ...["getmempoolfeeratediagram", "getmempoolinfo", "getorphantxs", "getprioritisedtransactions", "getrawmempool"],
  ...["gettxspendingprevout", "importmempool", "invalidateblock", "loadtxoutset", "ping", "preciousblock"],
  ...["prioritisetransaction", "pruneblockchain", "reconsiderblock", "savemempool", "sendmsgtopeer"],
  ...["sendrawtransaction", "setban", "setnetworkactive", "submitblock", "submitheader", "submitpackage"],
  ...["testmempoolaccept", "verifychain"],
];

describe("a node that only reads", () => {
  test("refuses the methods that need the writer, and says who that is; no other", async () => {
    const { failure, reply } = await bitcoinNode({ following: following() });
    const refused: string[] = [];
    for (const name of bitcoinMethods(() => []).keys()) {
      if (name.startsWith("waitfor") || name === "stop") continue;
      const { error } = await reply(name);
      if (error?.message.startsWith("ONLY_READS") === true) refused.push(name);
    }
    assert.deepEqual(refused.sort(), REFUSED.sort());
    const { code, message } = await failure("sendrawtransaction", "00");
    assert.deepEqual([code, message], [
      -1,
      "ONLY_READS: this node only reads bitcoin regtest: one:4711 writes; ask that node",
    ]);
  });

  test("carries out no command of its service, whatever asks for it", async () => {
    const { node } = await bitcoinNode({ following: following() });
    for (const name of COMMANDS) {
      assert.throws(() => (node.service[name] as () => unknown)(), { code: "ONLY_READS" }, name);
    }
  });

  test("refuses to change peers and bans by its own routes", async () => {
    const { app } = await bitcoinNode({ following: following() });
    const send = (path: string, body: unknown) =>
      app.fetch(
        new Request(`https://localhost${path}`, {
          method: "POST",
          body: JSON.stringify(body),
          headers: { authorization: `Bearer ${TOKEN}`, host: "localhost", "content-type": "application/json" },
        }),
      );
    for (const path of ["/v1/bans", "/v1/peers"]) {
      const answer = await send(path, {
        host: "203.0.113.1",
        port: 8333,
        ...(path === "/v1/bans" && { port: undefined }),
      });
      assert.equal(answer.status, 409, path);
      assert.match(await answer.text(), /ONLY_READS: this node only reads bitcoin regtest: one:4711 writes/);
    }
  });

  test("says so in its status and its metrics", async () => {
    const { app } = await bitcoinNode({ following: following() });
    const get = async (path: string) =>
      await (await app.fetch(
        new Request(`https://localhost${path}`, { headers: { authorization: `Bearer ${TOKEN}`, host: "localhost" } }),
      )).text();
    const { chains: [chain] } = JSON.parse(await get("/v1/status"));
    assert.deepEqual(chain.reading, { writer: "one:4711", commits_behind: 0, heard_s: 0 });
    const metrics = await get("/metrics");
    assert.match(metrics, /^gemel_reader_commits_behind\{chain="bitcoin"\} 0$/m);
    assert.match(metrics, /^gemel_reader_heard_seconds\{chain="bitcoin"\} 0$/m);
  });
});
