import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { hostName } from "../../../lib/rpc/auth.ts";
import { peerView, recordedNode, settle, testNode, TOKEN } from "./support.ts";

const post = (body: BodyInit) => ({ method: "POST", body });

describe("who may call", () => {
  const cases: [name: string, headers: Record<string, string>, authorized: boolean, status: number][] = [
    ["the token", { authorization: `Bearer ${TOKEN}` }, false, 200],
    ["the token, scheme in small letters", { authorization: `bearer ${TOKEN}` }, false, 200],
    ["a client certificate", {}, true, 200],
    ["a client certificate and a wrong token", { authorization: "Bearer no" }, true, 200],
    ["nothing", {}, false, 401],
    ["the token as a password", { authorization: `Basic ${btoa(`x:${TOKEN}`)}` }, false, 401],
    ["a wrong token", { authorization: `Bearer ${TOKEN.slice(0, -1)}c` }, false, 401],
    ["a prefix of the token", { authorization: `Bearer ${TOKEN.slice(0, -1)}` }, false, 401],
    ["the token for a foreign host name", { authorization: `Bearer ${TOKEN}`, host: "evil.example:8555" }, false, 421],
    ["a certificate for a foreign host name", { host: "evil.example" }, true, 421],
    ["a page of another origin", { authorization: `Bearer ${TOKEN}`, origin: "https://evil.example" }, false, 403],
    ["a page of no origin", { authorization: `Bearer ${TOKEN}`, origin: "null" }, false, 403],
    ["a page of our own over http", { authorization: `Bearer ${TOKEN}`, origin: "http://localhost:8555" }, false, 403],
    ["our own page", { authorization: `Bearer ${TOKEN}`, origin: "https://localhost:8555" }, false, 200],
    ["localhost by address", { authorization: `Bearer ${TOKEN}`, host: "127.0.0.1:8555" }, false, 200],
    ["localhost by IPv6 address", { authorization: `Bearer ${TOKEN}`, host: "[::1]:8555" }, false, 200],
    ["an allowed name", { authorization: `Bearer ${TOKEN}`, host: "gemel.internal:8555" }, false, 200],
  ];
  for (const [name, headers, authorized, status] of cases) {
    test(`${name}: ${status}`, async () => {
      const { app, clock } = testNode({ hosts: ["gemel.internal"] });
      const request = new Request("https://localhost:8555/healthz", {
        ...post("{}"),
        headers: { host: "localhost:8555", ...headers },
      });
      const answer = app.fetch(request, { authorized });
      await settle();
      clock.advance(1_000);
      assert.equal((await answer).status, status);
    });
  }

  test("a wrong token waits 250 ms for its answer, a missing one does not", async () => {
    const { app, clock } = testNode();
    const request = (headers: Record<string, string>) =>
      app.fetch(
        new Request("https://localhost/healthz", { ...post("{}"), headers: { host: "localhost", ...headers } }),
      );
    assert.equal((await request({})).status, 401);
    let answered = false;
    const wrong = request({ authorization: "Bearer wrong" }).then(() => void (answered = true));
    await settle();
    clock.advance(249);
    await settle();
    assert.equal(answered, false);
    clock.advance(1);
    await wrong;
  });

  test("hostName() leaves the name", () => {
    assert.equal(hostName("LocalHost:8555"), "localhost");
    assert.equal(hostName("localhost."), "localhost");
    assert.equal(hostName("[::1]:8555"), "[::1]");
    assert.equal(hostName("::1"), "[::1]");
    assert.notEqual(hostName("[::1"), "[::1]", "what is no address is not taken for one");
  });
});

describe("limits", () => {
  test("a body above the limit is refused by its announced length and by its bytes", async () => {
    const { request } = testNode({ limits: { bodyBytesMax: 100 } });
    assert.equal((await request("/healthz", post("{}" + " ".repeat(98)))).status, 200);
    assert.equal((await request("/healthz", post("{}" + " ".repeat(99)))).status, 413);
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 1;
        controller.enqueue(new Uint8Array(50).fill(32));
      },
    });
    const init = { method: "POST", body: endless, duplex: "half" } as RequestInit;
    assert.equal((await request("/healthz", init)).status, 413);
    assert.ok(pulled < 10, "reading stopped at the limit");
  });

  test("nesting: 64 deep is read, 65 deep and a million deep are refused without a stack overflow", async () => {
    const { request } = testNode();
    const nested = (depth: number) => "[".repeat(depth - 1) + "{}" + "]".repeat(depth - 1);
    assert.equal((await request("/healthz", post(nested(64)))).status, 200);
    assert.equal((await request("/healthz", post(nested(65)))).status, 400);
    assert.equal((await request("/healthz", post("[".repeat(1_000_000)))).status, 400);
    const inText = JSON.stringify({ a: "[".repeat(1000) + '\\"[[' });
    assert.equal((await request("/healthz", post(inText))).status, 200, "brackets in texts do not count");
  });

  test("keys like __proto__ are fields as any other", async () => {
    const { request } = testNode();
    const bodies = [
      '{"__proto__":{"header_hash":"0x00"}}',
      '{"constructor":{"prototype":{"header_hash":1}}}',
      '{"toString":1}',
    ];
    for (const body of bodies) {
      const answer = await (await request("/get_block", post(body))).json();
      assert.equal(answer.error, "No header_hash in request");
    }
    assert.equal(Object.hasOwn(Object.prototype, "header_hash"), false);
  });

  test("a body that does not come in time is answered 408", async () => {
    for (const path of ["/healthz", "/v1/bans"]) {
      const { request, clock } = testNode();
      const never = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) });
      const answer = request(path, { method: "POST", body: never, duplex: "half" } as RequestInit);
      await settle();
      clock.advance(30_000);
      assert.equal((await answer).status, 408, path);
    }
  });

  test("calls beyond concurrency wait, calls beyond the queue get 503 and Retry-After", async () => {
    const { request, chia } = testNode({ limits: { concurrency: 2, queue: 1 } });
    const { promise, resolve } = Promise.withResolvers<void>();
    chia.connect = () => promise.then(() => Promise.reject(new Error("closed")));
    const body = post('{"host":"127.0.0.1","port":5}');
    const working = [request("/open_connection", body), request("/open_connection", body)];
    await settle();
    const waiting = request("/healthz", post("{}"));
    await settle();
    const refused = await request("/healthz", post("{}"));
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get("retry-after"), "1");
    resolve();
    for (const answer of [...working, waiting]) assert.equal((await answer).status, 200);
    assert.equal((await request("/healthz", post("{}"))).status, 200, "the places are free again");
  });
});

describe("Chia routes of this node", () => {
  test("answers carry the validation level; the state tells what it does not know", async () => {
    const { call } = testNode();
    const { headers } = await call("get_blockchain_state");
    assert.equal(headers.get("x-validation"), "linkage");
    assert.match(headers.get("x-unknown") ?? "", /mempool_size/);
    assert.equal(headers.get("content-type"), "application/json");
  });

  test("get_blockchain_state before the first block has every field", async () => {
    const { call, chia } = testNode();
    chia.sync = { syncMode: true, synced: false, tipHeight: 500, progressHeight: 0 };
    const { blockchain_state: state } = (await call("get_blockchain_state")).answer as {
      blockchain_state: Record<string, unknown>;
    };
    assert.equal(Object.keys(state).length, 14);
    assert.equal(state.peak, null);
    assert.equal(state.average_block_time, null);
    assert.equal(state.difficulty, 1024);
    assert.deepEqual(state.sync, { sync_mode: true, sync_progress_height: 0, sync_tip_height: 500, synced: false });
  });

  test("get_connections prints a peer as the reference does", async () => {
    const { call, chia } = testNode();
    await chia.connect("203.0.113.9", 8444);
    chia.list[0] = { ...chia.list[0]!, peakHeight: 7, peakWeight: 2n ** 70n, peakHash: new Uint8Array(32).fill(3) };
    const { connections } = (await call("get_connections", { node_type: 1 })).answer as { connections: unknown[] };
    assert.deepEqual(connections, [{
      bytes_read: 1000,
      bytes_written: 500,
      creation_time: 1763721000.5,
      last_message_time: 1763721060.25,
      local_port: 40001,
      node_id: "0x" + "01".repeat(32),
      peak_hash: "0x" + "03".repeat(32),
      peak_height: 7,
      peak_weight: 2n ** 70n,
      peer_host: "203.0.113.9",
      peer_port: 8444,
      peer_server_port: 8444,
      type: 1,
    }]);
    assert.deepEqual((await call("get_connections", { node_type: 6 })).answer, { connections: [], success: true });
  });

  test("open_connection and close_connection command the node", async () => {
    const { call, chia } = testNode();
    assert.deepEqual((await call("open_connection", { host: "127.0.0.1", port: "8444" })).answer, { success: true });
    assert.equal(chia.list.length, 1);
    assert.deepEqual((await call("open_connection", { host: "127.0.0.1", port: 1 })).answer, {
      success: false,
      error: "could not connect to 127.0.0.1:1: connection refused",
    });
    assert.deepEqual((await call("close_connection", { node_id: "01".repeat(32) })).answer, { success: true });
    assert.equal(chia.list.length, 0);
  });

  test("stop_node answers and asks the node to stop", async () => {
    const { call, stops } = testNode();
    assert.deepEqual((await call("stop_node")).answer, { success: true });
    assert.equal(stops.length, 1);
  });

  test("set_log_level changes the level, refuses an unknown one and falls back as the reference does", async () => {
    const { call, level } = testNode();
    assert.equal(((await call("set_log_level", { level: "DEBUG" })).answer as { level: string }).level, "DEBUG");
    assert.equal(level(), "debug");
    const refused = (await call("set_log_level", { level: "FOO" })).answer as { success: boolean; errors: string[] };
    assert.equal(refused.success, false);
    assert.match(refused.errors[0]!, /^Invalid log level 'FOO' for chia_full_node\. Defaulting to: WARNING/);
    assert.equal(level(), "warning");
    await call("reset_log_level");
    assert.equal(level(), "info");
  });

  test("get_routes lists what answers; a route of the reference that is missing says what it needs", async () => {
    const { call } = testNode();
    const { routes } = (await call("get_routes")).answer as { routes: string[] };
    assert.equal(routes.length, 20);
    for (const route of routes.filter((name) => name !== "/stop_node")) {
      assert.equal((await call(route.slice(1))).status, 200);
    }
    const missing = (await call("get_coin_record_by_name", {})).answer as { success: boolean; error: string };
    assert.equal(missing.success, false);
    assert.match(missing.error, /full validation/);
    assert.equal((await call("get_version")).status, 200);
  });

  test("a request that is no object fails only where a route reads it", async () => {
    const { call } = await recordedNode();
    for (const route of ["get_blockchain_state", "get_constants", "get_network_info", "healthz", "get_version"]) {
      for (const body of [null, 5, true, "text", []]) {
        const { answer } = await call(route, body);
        assert.equal((answer as { success: boolean }).success, true, `${route} ${JSON.stringify(body)}`);
      }
    }
    const errors = async (body: unknown) => {
      const routes = ["get_block", "get_connections", "set_log_level"];
      return await Promise.all(routes.map(async (route) => (await call(route, body)).answer as { error?: string }))
        .then((answers) => answers.map(({ error }) => error));
    };
    const notIterable = "argument of type 'NoneType' is not iterable";
    assert.deepEqual(await errors(null), [notIterable, notIterable, "'NoneType' object is not subscriptable"]);
    const list = "list indices must be integers or slices, not str";
    assert.deepEqual(await errors(["header_hash"]), [list, undefined, list]);
  });

  test("get_block_records says when a height is missing from a chain that does not begin at 0", async () => {
    const { call, chia } = await recordedNode();
    const read = chia.store.mainRecords.bind(chia.store);
    chia.store.mainRecords = async (from, to) => (await read(from, to)).filter(({ height }) => height >= 10);
    const { answer } = await call("get_block_records", { start: 8, end: 12 });
    assert.equal((answer as { error: string }).error, "Height not in blockchain: 8");
  });

  test("an answer that would be too large is refused, not attempted", async () => {
    const { call, chia } = testNode();
    chia.store.peak = () => Promise.resolve({ height: 4_000_000_000 } as never);
    chia.store.mainRecords = () => Promise.reject(new Error("was asked"));
    const { answer } = await call("get_block_records", { start: 0, end: 4_000_000_000 });
    assert.match((answer as { error: string }).error, /too large/);
  });
});

describe("a call that is under way when the node stops", () => {
  test("of Chia says so, whatever part was closed under it", async () => {
    const { app, call, chia } = testNode();
    const closed = Promise.withResolvers<never>();
    chia.store.peak = () => closed.promise;
    const called = call("get_block_record_by_height", { height: 0 });
    await settle();
    app.close();
    closed.reject(new TypeError("the database is closed"));
    const { success, error } = (await called).answer as { success: boolean; error: string };
    assert.deepEqual([success, error], [false, "the node is stopping"]);
  });

  test("of Chia says so while its body is still to come", async () => {
    const { app, request } = testNode();
    const never = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) });
    const answer = request("/healthz", { method: "POST", body: never, duplex: "half" } as RequestInit);
    await settle();
    app.close();
    const response = await answer;
    assert.deepEqual([response.status, (await response.json()).error], [200, "the node is stopping"]);
  });

  test("of this node's own says so with 503", async () => {
    const { app, request, chia } = testNode();
    const closed = Promise.withResolvers<never>();
    chia.store.peak = () => closed.promise;
    const answer = request("/v1/status");
    await settle();
    app.close();
    closed.reject(new TypeError("the database is closed"));
    const response = await answer;
    assert.deepEqual(await response.json(), { status: 503, title: "the node is stopping" });
    assert.equal(response.headers.get("content-type"), "application/problem+json");
  });
});

describe("native routes", () => {
  test("GET /v1/status has the fields that gemel status prints", async () => {
    const { request, chia, stored } = await recordedNode();
    await chia.connect("203.0.113.9", 8444);
    chia.sync = { bestPeerHeight: 70, agreement: { agree: 1, of: 2 }, synced: false };
    const { chains } = await (await request("/v1/status")).json();
    const peak = stored.filter(({ main }) => main).at(-1)!.record;
    assert.deepEqual({ ...chains[0], tip_age_s: 0, disk_bytes: 0 }, {
      agree: "1/2",
      behind: 70 - peak.height,
      best_peer_height: 70,
      chain: "chia",
      disk_bytes: 0,
      header_hash: "0x" + Array.from(peak.headerHash, (byte) => byte.toString(16).padStart(2, "0")).join(""),
      height: peak.height,
      mode: "full",
      network: "simulator0",
      peers: { in: 0, out: 1 },
      synced: false,
      tip_age_s: 0,
      validation: "linkage",
      warnings: [],
    });
    assert.ok(chains[0].tip_age_s > 0 && chains[0].disk_bytes > 10_000);
  });

  test("peers are listed, added and removed", async () => {
    const { request } = testNode();
    const added = await request("/v1/peers", post('{"host":"203.0.113.5","port":8444}'));
    assert.equal(added.status, 201);
    const { id } = await added.json();
    assert.equal((await (await request("/v1/peers")).json()).peers[0].host, "203.0.113.5");
    assert.equal((await request(`/v1/peers/${id}`, { method: "DELETE" })).status, 204);
    assert.equal((await request(`/v1/peers/${id}`, { method: "DELETE" })).status, 404);
    assert.equal((await request("/v1/peers", post('{"host":"203.0.113.5","port":1}'))).status, 502);
    const twice = await request("/v1/peers", post('{"host":"203.0.113.5","port":2}'));
    assert.deepEqual([twice.status, (await twice.json()).title], [409, "already connected to 203.0.113.5:2"]);
    for (const bad of ["{", "[]", '{"host":5,"port":1}', '{"host":"a","port":70000}', '{"host":"a","port":1.5}']) {
      const answer = await request("/v1/peers", post(bad));
      assert.equal(answer.status, 400, bad);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
    }
  });

  test("the address book is told, tried addresses first, and no more than asked for", async () => {
    const { request, addressBook } = testNode();
    const places = ["1.2.3.4", "5.6.7.8", "9.8.7.6"].map((host) => ({ host, port: 8444 }));
    addressBook.learn(places, "5.5.5.5", { unlimited: true });
    addressBook.good(places[2]!);
    const { books: [book] } = await (await request("/v1/addresses?limit=2")).json();
    assert.deepEqual([book.chain, book.new, book.tried, book.total], ["chia", 2, 1, 3]);
    assert.deepEqual(book.by_network, { ipv4: { new: 2, tried: 1 } });
    assert.equal(book.addresses.length, 2);
    const [first] = book.addresses;
    assert.deepEqual([first.host, first.port, first.table, first.source], ["9.8.7.6", 8444, "tried", "5.5.5.5"]);
    assert.equal(first.slots.length, 1);
    for (const bad of ["limit=-1", "limit=x", "limit=10001", "limit=1.5"]) {
      assert.equal((await request(`/v1/addresses?${bad}`)).status, 400, bad);
    }
  });

  test("bans are made, listed and lifted", async () => {
    const { request } = testNode();
    assert.equal((await request("/v1/bans", post('{"host":"203.0.113.5","seconds":60,"reason":"noise"}'))).status, 201);
    const { bans } = await (await request("/v1/bans")).json();
    assert.deepEqual(bans, [{
      chain: "chia",
      effect: "ban",
      host: "203.0.113.5",
      reason: "noise",
      scope: "all",
      until: "2025-11-21T10:32:04.120Z",
    }]);
    assert.equal((await request("/v1/bans?host=203.0.113.5", { method: "DELETE" })).status, 204);
    assert.equal((await request("/v1/bans?host=203.0.113.5", { method: "DELETE" })).status, 404);
    for (
      const bad of [
        '{"host":"example.com"}',
        '{"host":"203.0.113.5","seconds":0}',
        '{"host":"203.0.113.5","seconds":"x"}',
      ]
    ) {
      assert.equal((await request("/v1/bans", post(bad))).status, 400, bad);
    }
  });

  test("traffic is told by kind of message, of a peer and of all", async () => {
    const { request, chia } = testNode();
    const peer = peerView(1);
    chia.list.push(peer);
    peer.traffic.countReceived("new_peak", 100);
    chia.traffic.countReceived("new_peak", 100);
    chia.traffic.countSent("request_block", 30);
    chia.traffic.answered("request_block", 12.5);
    const one = await (await request("/v1/peers/1/traffic")).json();
    assert.deepEqual([one.received.bytes, one.received.by_message[0].message, one.sent.messages], [100, "new_peak", 0]);
    const all = await (await request("/v1/traffic")).json();
    assert.deepEqual(all.upload, null);
    assert.deepEqual(all.peer_memory, { bytes_max: 192 * 1024 * 1024, bytes_used: 0 });
    const [{ chain, sent }] = all.chains;
    assert.equal(chain, "chia");
    assert.deepEqual(sent.by_message, [{
      bytes: 30,
      last_seen: sent.last_seen,
      latency_ms: { count: 1, max: 12.5, mean: 12.5 },
      message: "request_block",
      messages: 1,
    }]);
    assert.equal((await request("/v1/peers/9/traffic")).status, 404);
  });

  test("the figures come in the text form of Prometheus", async () => {
    const { request, chia } = testNode();
    chia.list.push(peerView(1), peerView(2, { direction: "in" }), peerView(3, { direction: "in" }));
    chia.traffic.countReceived("new_peak", 100);
    chia.traffic.countReceived("new_peak", 60);
    chia.traffic.countSent("request_block", 30);
    chia.traffic.answered("request_block", 12.5);
    const answer = await request("/metrics");
    assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const lines = (await answer.text()).split("\n");
    for (
      const line of [
        "# TYPE gemel_p2p_bytes_total counter",
        'gemel_p2p_bytes_total{chain="chia",dir="in",msg="new_peak"} 160',
        'gemel_p2p_messages_total{chain="chia",dir="in",msg="new_peak"} 2',
        'gemel_p2p_bytes_total{chain="chia",dir="out",msg="request_block"} 30',
        'gemel_p2p_latency_seconds_sum{chain="chia",dir="out",msg="request_block"} 0.0125',
        'gemel_p2p_latency_seconds_count{chain="chia",dir="out",msg="request_block"} 1',
        'gemel_peers{chain="chia",dir="in"} 2',
        'gemel_peers{chain="chia",dir="out"} 1',
        'gemel_bans{chain="chia",effect="ban"} 0',
        'gemel_addrman_addresses{chain="chia",table="tried"} 0',
        "gemel_peer_memory_bytes 0",
        "gemel_upload_bytes_left +Inf",
        "gemel_worker_threads_max 0",
        'gemel_engine{topic="secp256k1",engine="plain"} 1',
        "gemel_engine_passed_over 1",
        'gemel_jobs{state="waiting"} 0',
        'gemel_jobs_total{outcome="lost"} 0',
      ]
    ) assert.ok(lines.includes(line), `${line}\n${lines.join("\n")}`);
    // A second answer does not count anything twice.
    assert.deepEqual((await (await request("/metrics")).text()).split("\n"), lines);
  });

  test("a block's bytes come as they were received, by height and by hash", async () => {
    const { request, stored } = await recordedNode();
    const { record, raw } = stored[5]!;
    const hash = Array.from(record.headerHash, (byte) => byte.toString(16).padStart(2, "0")).join("");
    for (const id of [String(record.height), hash, "0x" + hash]) {
      const answer = await request(`/v1/chains/chia/blocks/${id}.bin`);
      assert.equal(answer.status, 200, id);
      assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), raw);
    }
    assert.equal((await request("/v1/chains/chia/blocks/9999.bin")).status, 404);
    assert.equal((await request("/v1/chains/chia/blocks/x.bin")).status, 404);
  });

  const unanswered: [method: string, path: string, status: number, allow: string | null][] = [
    ["GET", "/v1", 404, null],
    ["GET", "/v1/nothing", 404, null],
    ["POST", "/v1/bitcoin/nothing", 404, null],
    ["GET", "/v1/bitcoin/watch", 404, null],
    ["DELETE", "/v1/peers/x", 404, null],
    ["GET", "/v1/chains/chia/blocks/x", 404, null],
    ["POST", "/v1/status", 405, "GET, HEAD"],
    ["PUT", "/v1/peers", 405, "GET, HEAD, POST"],
    ["GET", "/v1/peers/7", 405, "DELETE"],
    ["OPTIONS", "/v1/bans", 405, "GET, HEAD, POST, DELETE"],
    ["POST", "/v1/events", 405, "GET, HEAD"],
    ["DELETE", "/events", 405, "GET, HEAD"],
    ["POST", "/metrics", 405, "GET, HEAD"],
  ];
  for (const [method, path, status, allow] of unanswered) {
    test(`${method} ${path} is a problem ${status}`, async () => {
      const { request } = testNode();
      const answer = await request(path, { method });
      assert.deepEqual([answer.status, answer.headers.get("allow")], [status, allow]);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
      assert.equal((await answer.json()).status, status);
    });
  }

  test("paths of the references are answered as they answer them", async () => {
    const { request } = testNode();
    const nowhere = await request("/nothing", post("{}"));
    assert.deepEqual([nowhere.status, await nowhere.text()], [404, "404: Not Found"]);
    const got = await request("/get_blockchain_state");
    assert.deepEqual([got.status, got.headers.get("allow"), await got.text()], [
      405,
      "POST",
      "405: Method Not Allowed",
    ]);
  });

  test("an error inside the node shows neither stack nor path", async () => {
    const { request, chia } = testNode();
    chia.bans = () => {
      throw new Error("/secret/path is gone");
    };
    const answer = await request("/v1/bans");
    assert.equal(answer.status, 500);
    assert.doesNotMatch(await answer.text(), /secret|at /);
  });
});
