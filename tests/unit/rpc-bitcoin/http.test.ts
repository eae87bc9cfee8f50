import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Block } from "../../../lib/bitcoin/types/mod.ts";
import type { Workers } from "../../../lib/core/ports.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { settle } from "../rpc/support.ts";
import { ADDRESS, bitcoinNode, COOKIE, type Reply, TOKEN } from "./support.ts";

const basic = (text: string) => ({ authorization: `Basic ${btoa(text)}` });

/** A block of so many transactions that a thread takes it apart. */
function manyTransactions(raw: Uint8Array): Uint8Array {
  const { header, transactions } = Block.decode(raw);
  return Block.of(header, Array.from({ length: 60 }, () => transactions[0]!)).raw;
}

describe("one call", () => {
  test("version 1: result and error are both there, the id is echoed, and a line ends it", async () => {
    const { post } = await bitcoinNode();
    const response = await post('{"method":"getblockcount","params":[],"id":"a1"}');
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "application/json");
    assert.equal(response.headers.get("x-validation"), "structure");
    assert.equal(await response.text(), '{"result":0,"error":null,"id":"a1"}\n');
    assert.equal(await (await post('{"method":"getblockcount"}')).text(), '{"result":0,"error":null}\n');
    assert.equal(
      await (await post('{"method":"getblockcount","id":12345678901234567890,"jsonrpc":null}')).text(),
      '{"result":0,"error":null,"id":12345678901234567890}\n',
    );
  });

  test("version 2: only one of them, and failures are no HTTP errors", async () => {
    const { post } = await bitcoinNode();
    const good = await post('{"jsonrpc":"2.0","method":"getblockcount","id":1}');
    assert.equal(await good.text(), '{"jsonrpc":"2.0","result":0,"id":1}\n');
    const bad = await post('{"jsonrpc":"2.0","method":"getblockhash","params":[9],"id":1}');
    assert.equal(bad.status, 200);
    assert.equal(
      await bad.text(),
      '{"jsonrpc":"2.0","error":{"code":-8,"message":"Block height out of range"},"id":1}\n',
    );
  });

  test("version 2 without an id is carried out and not answered", async () => {
    const { post, level } = await bitcoinNode();
    const response = await post('{"jsonrpc":"2.0","method":"logging","params":[["all"]]}');
    assert.equal(response.status, 204);
    assert.equal(await response.text(), "");
    assert.equal(level(), "debug");
    assert.equal((await post('{"jsonrpc":"2.0","method":"nonsense"}')).status, 204);
  });

  const failures: [string, number, number, string][] = [
    ['{"method":"getblockhash","params":[9],"id":1}', 500, -8, "Block height out of range"],
    ['{"method":"getblockhash","params":["9"],"id":1}', 500, -3, "Wrong type passed:"],
    ['{"method":"getblockhash","params":[],"id":1}', 500, -1, "getblockhash height"],
    ['{"method":"getblockhash","params":[1.5],"id":1}', 500, -1, "JSON integer out of range"],
    ['{"method":"getblockhash","params":[99999999999],"id":1}', 500, -1, "JSON integer out of range"],
    ['{"method":"nonsense","id":1}', 404, -32601, "Method not found"],
    ['{"params":[],"id":1}', 400, -32600, "Missing method"],
    ['{"method":"getblockcount","params":5,"id":1}', 400, -32600, "Params must be"],
    ['{"method":"getblockcount","jsonrpc":"3.0","id":1}', 400, -32600, "JSON-RPC version not supported"],
    ['{"method":', 500, -32700, "Parse error"],
    ["", 500, -32700, "Parse error"],
    ["5", 500, -32700, "Top-level object parse error"],
    ["null", 500, -32700, "Top-level object parse error"],
    ["[".repeat(100_000), 500, -32700, "Parse error"],
  ];
  for (const [body, status, code, message] of failures) {
    test(`${body.slice(0, 60)}: HTTP ${status}, ${code}`, async () => {
      const { post } = await bitcoinNode();
      const response = await post(body);
      const { result, error } = await response.json() as Reply;
      assert.equal(response.status, status);
      assert.equal(result, null);
      assert.equal(error?.code, code);
      assert.ok(error.message.startsWith(message), error.message);
    });
  }

  test("named arguments", async () => {
    const { post } = await bitcoinNode();
    const response = await post('{"method":"getblockhash","params":{"height":0},"id":1}');
    assert.equal(
      (await response.json() as Reply).result,
      "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
    );
    const unknown = await post('{"method":"getblockhash","params":{"heigth":0},"id":1}');
    assert.deepEqual((await unknown.json() as Reply).error, { code: -8, message: "Unknown named parameter heigth" });
  });

  test("a body that is not UTF-8 or too large", async () => {
    const { post } = await bitcoinNode({ limits: { bodyBytesMax: 100 } });
    assert.equal((await post(Uint8Array.of(0x22, 0xff, 0x22))).status, 500);
    assert.equal((await post('{"method":"getblockcount"}' + " ".repeat(100))).status, 413);
  });

  test("a body that does not come in time is answered 408", async () => {
    const { post, clock } = await bitcoinNode();
    const never = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) });
    const answer = post(never);
    await settle();
    clock.advance(30_000);
    assert.equal((await answer).status, 408);
  });

  test("one that takes too long is answered, and told to stop", async () => {
    const { hex } = await (await bitcoinNode()).call<{ hex: string }>("generateblock", ADDRESS, [], false);
    let stopped: AbortSignal | undefined;
    // It goes on all the same.
    const submitBlock = (_: Uint8Array, signal?: AbortSignal) => {
      stopped = signal;
      return new Promise<never>(() => {});
    };
    const { post, clock } = await bitcoinNode({ overrides: { submitBlock } });
    const answer = post(JSON.stringify({ method: "submitblock", params: [hex], id: 1 }));
    await settle();
    clock.advance(30_000);
    const reply = await (await answer).json() as Reply;
    assert.deepEqual(reply.error, { code: -1, message: "the call took too long" });
    assert.equal(stopped?.aborted, true);
  });

  test("what fails inside the node says so, and no more", async () => {
    const peers = () => {
      throw new Error("/home/somebody/secret");
    };
    const { post } = await bitcoinNode({ overrides: { peers } });
    const response = await post('{"method":"getpeerinfo","id":1}');
    assert.equal(response.status, 500);
    assert.deepEqual((await response.json() as Reply).error, {
      code: -32603,
      message: "the call failed inside the node",
    });
  });
});

describe("a call that is under way when the node stops", () => {
  const STOPS = { code: -1, message: "stopped: the node is stopping" };
  const genesis = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206";

  test("says so when a thread works for it", async () => {
    const workers: Workers = {
      threadsMax: 1,
      counts: new InlineWorkers().counts,
      run: (_job, _input, signal) =>
        new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason))),
      close: () => Promise.resolve(),
    };
    const raw = manyTransactions((await (await bitcoinNode()).bitcoin.block(0))!);
    const unknown = () => Promise.resolve(undefined);
    const blocks = { read: unknown, spentByInput: unknown };
    const { app, post } = await bitcoinNode({ workers, overrides: { block: () => Promise.resolve(raw), blocks } });
    const answer = post(JSON.stringify({ method: "getblock", params: [genesis, 2], id: 1 }));
    await settle();
    app.close();
    const response = await answer;
    assert.deepEqual((await response.json() as Reply).error, STOPS);
    assert.equal(response.status, 500);
  });

  test("says so when the store is closed under it", async () => {
    const closed = Promise.withResolvers<never>();
    const { app, post } = await bitcoinNode({ overrides: { block: () => closed.promise } });
    const answer = post(JSON.stringify({ method: "getblock", params: [genesis, 0], id: 1 }));
    await settle();
    app.close();
    closed.reject(new TypeError("the database is closed"));
    assert.deepEqual((await (await answer).json() as Reply).error, STOPS);
  });

  test("each call of a batch is answered", async () => {
    const closed = Promise.withResolvers<never>();
    const { app, post } = await bitcoinNode({ overrides: { block: () => closed.promise } });
    const call = (id: number, method: string, params: unknown[] = []) => ({ jsonrpc: "2.0", id, method, params });
    const calls = [call(1, "getblockcount"), call(2, "getblock", [genesis, 0]), call(3, "getblockcount")];
    const answer = post(JSON.stringify(calls));
    await settle();
    app.close();
    closed.reject(new TypeError("the database is closed"));
    assert.deepEqual(await (await answer).json(), [
      { jsonrpc: "2.0", id: 1, result: 0 },
      { jsonrpc: "2.0", id: 2, error: STOPS },
      { jsonrpc: "2.0", id: 3, error: STOPS },
    ]);
  });

  test("what a call chose to answer stays", async () => {
    const read = Promise.withResolvers<undefined>();
    const { app, post } = await bitcoinNode({ overrides: { block: () => read.promise } });
    const answer = post(JSON.stringify({ method: "getblock", params: [genesis, 0], id: 1 }));
    await settle();
    app.close();
    read.resolve(undefined);
    const { error } = await (await answer).json() as Reply;
    assert.deepEqual(error, { code: -1, message: "Block not available (not fully downloaded)" });
  });
});

describe("a batch", () => {
  test("an id that no double holds spoils no other call, and is echoed", async () => {
    const { post } = await bitcoinNode();
    const call = (id: string) => `{"jsonrpc":"2.0","method":"getblockcount","id":${id}}`;
    const answer = await post(`[${["1", "1e309", "-1e309", '{"a":[1e400]}', "2"].map(call).join(",")}]`);
    assert.equal(answer.status, 200);
    assert.equal(
      await answer.text(),
      `[${
        ["1", "1e309", "-1e309", '{"a":[1e309]}', "2"].map((id) => `{"jsonrpc":"2.0","result":0,"id":${id}}`).join(",")
      }]\n`,
    );
    assert.equal(await (await post(call("1e309"))).text(), '{"jsonrpc":"2.0","result":0,"id":1e309}\n');
    const legacy = await post('{"method":"nothing","id":1e309}');
    assert.match(await legacy.text(), /"code":-32601,.*"id":1e309}\n$/);
  });

  test("answers all calls in order, whatever their version, with HTTP 200", async () => {
    const { post } = await bitcoinNode();
    const response = await post(`[{"method":"getblockcount","id":1},{"jsonrpc":"2.0","method":"nonsense","id":2},7,
      {"jsonrpc":"2.0","method":"uptime"},{"method":"getblockhash","params":[4],"id":3}]`);
    assert.equal(response.status, 200);
    const [first, second, third, fourth, ...more] = await response.json() as Record<string, unknown>[];
    assert.deepEqual(first, { result: 0, error: null, id: 1 });
    assert.equal((second!.error as { code: number }).code, -32601);
    assert.equal(second!.jsonrpc, "2.0");
    assert.deepEqual(third, { result: null, error: { code: -32600, message: "Invalid Request object" } });
    assert.equal((fourth!.error as { code: number }).code, -8);
    assert.deepEqual(more, [], "the notification is not answered");
  });

  test("of notifications only is not answered; an empty one is", async () => {
    const { post } = await bitcoinNode();
    assert.equal((await post('[{"jsonrpc":"2.0","method":"uptime"}]')).status, 204);
    assert.equal(await (await post("[]")).text(), "[]\n");
  });

  test("has a limit", async () => {
    const { post } = await bitcoinNode();
    const response = await post(`[${"0,".repeat(10_000)}0]`);
    assert.equal(response.status, 400);
    assert.equal((await response.json() as Reply).error?.code, -32600);
  });
});

describe("the plain port", () => {
  test("takes the cookie and a name with its password, and nothing else", async () => {
    const { post, clock } = await bitcoinNode();
    const body = '{"method":"getblockcount","id":1}';
    assert.equal((await post(body, basic("alice:secret"))).status, 200);
    for (const headers of [basic("alice:wrong"), basic(COOKIE.toUpperCase()), { authorization: `Bearer ${TOKEN}` }]) {
      const refused = post(body, headers);
      await settle();
      clock.advance(250);
      const response = await refused;
      assert.equal(response.status, 401);
      assert.equal(response.headers.get("www-authenticate"), 'Basic realm="jsonrpc"');
    }
    assert.equal(clock.longestSleepMs, 250);
    assert.equal((await post(body, { authorization: "" })).status, 401);
  });

  test("tells its listener of a right secret and of no other, and a caller what is needed or wrong", async () => {
    const byName = "the cookie (or a name and its password)";
    for (
      const [authorization, times, title] of [
        [basic(COOKIE).authorization, 1, undefined],
        ["", 0, `${byName} is needed\n`],
        [basic("alice:wrong").authorization, 0, "the cookie or the password is wrong\n"],
        [`Bearer ${TOKEN}`, 0, "the token is wrong\n"],
      ] as const
    ) {
      const { app, clock } = await bitcoinNode();
      let proved = 0;
      const headers = { host: "localhost", authorization };
      const request = new Request("http://localhost/", { method: "POST", headers, body: '{"method":"uptime","id":1}' });
      const answering = app.fetchPlain(request, { proved: () => void (proved += 1) });
      await settle();
      clock.advance(250);
      const text = await (await answering).text();
      assert.equal(proved, times);
      assert.equal(text.startsWith("{") ? undefined : text, title);
    }
  });

  test("serves POST / only", async () => {
    const { app } = await bitcoinNode();
    const headers = { ...basic(COOKIE), host: "localhost:18443" };
    const ask = (method: string, path: string) =>
      app.fetchPlain(new Request(`http://localhost:18443${path}`, { method, headers }));
    assert.equal((await ask("GET", "/")).status, 405);
    for (const path of ["/v1/status", "/events", "/healthz", "/wallet/x"]) {
      assert.equal((await ask("POST", path)).status, 404, path);
      assert.equal((await ask("GET", path)).status, 404, path);
    }
  });

  test("is not called by another name, nor by the pages of another origin", async () => {
    const { post } = await bitcoinNode();
    const body = '{"method":"getblockcount","id":1}';
    assert.equal((await post(body, { host: "evil.example:18443" })).status, 421);
    assert.equal((await post(body, { origin: "http://evil.example" })).status, 403);
    assert.equal((await post(body, { origin: "null" })).status, 403);
    assert.equal((await post(body, { origin: "http://localhost:18443" })).status, 200);
  });
});

describe("the port with TLS", () => {
  test("takes the cookie as well as the token, for Bitcoin's calls and for its own", async () => {
    const { app, clock } = await bitcoinNode();
    const send = (path: string, headers: Record<string, string>, body?: string) =>
      app.fetch(
        new Request(`https://localhost:8555${path}`, {
          ...(body !== undefined && { method: "POST", body }),
          headers: { host: "localhost:8555", ...headers },
        }),
      );
    const call = '{"method":"getblockcount","id":1}';
    assert.equal((await send("/", basic(COOKIE), call)).status, 200);
    assert.equal((await send("/", { authorization: `Bearer ${TOKEN}` }, call)).status, 200);
    assert.equal((await send("/v1/status", basic(COOKIE))).status, 200);
    assert.equal((await send("/", basic(COOKIE))).status, 405);
    const refused = send("/", basic("__cookie__:00"), call);
    await settle();
    clock.advance(250);
    const response = await refused;
    assert.equal(response.status, 401);
    assert.equal(response.headers.get("www-authenticate"), 'Bearer realm="gemel", Basic realm="jsonrpc"');
    const missing = await send("/", {}, call);
    assert.equal(missing.status, 401);
    assert.equal(
      (await missing.json()).title,
      "a bearer token or the cookie (or a name and its password) or a client certificate is needed",
    );
    // The routes of what is watched are there, and say that this node watches nothing.
    assert.notEqual((await send("/v1/bitcoin/watch", basic(COOKIE))).status, 404);
  });
});
