/**
 * The same RPC requests to chia-blockchain's full node and to the compiled program that holds the same chain, compared
 * field by field. What may differ stands in one table.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { type Json, type JsonObject, stringifyJson } from "../../lib/codec/json.ts";
import { binaryMissing, Gemel, suite, temporaryFolder } from "./binary.ts";
import { type Answer, until } from "./call.ts";
import { Simulator, simulatorMissing } from "./simulator.ts";

/** Fields that differ, by route, and why; `docs/rpc.md` says the same to users. */
const DIFFERENT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  get_blockchain_state: {
    node_id: "each node has its own",
    sync: "each node is at its own point",
    mempool_size: "no mempool without full validation",
    mempool_cost: "no mempool without full validation",
    mempool_fees: "no mempool without full validation",
  },
  get_version: { version: "each program has its own" },
  get_routes: { routes: "only what works is listed; compared below" },
  set_log_level: { errors: "the reference names the log files of its machine" },
  open_connection: { error: "the words for a connection that failed are the system's" },
};

/** In every failure: a Python stack, which clients only print. */
const ALWAYS = { traceback: "" };

function without(value: Json, names: readonly string[]): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const kept = Object.entries(value as JsonObject).filter(([name]) => !names.includes(name));
  return Object.fromEntries(kept.map(([name, item]) => [name, without(item, names)]));
}

const missing = binaryMissing() ?? simulatorMissing();

suite("RPC beside chia-blockchain's", missing, () => {
  const folder = temporaryFolder();
  let simulator: Simulator;
  let gemel: Gemel;
  let height = 0;
  let tip = "";
  let first = "";
  /** A block that a reorganisation left behind, and its height. */
  let orphan = "";
  let orphanHeight = 0;

  before(async () => {
    simulator = await Simulator.start({ blocks: 40, spends: true });
    const args = ["--constants", simulator.constants, "--log-level", "warning"];
    gemel = await Gemel.start({ dir: folder.path, connect: [simulator.port], args });
    const old = await simulator.peak();
    await gemel.reaches(old.header_hash);
    [orphan, orphanHeight] = [old.header_hash, old.height];
    const peak = await simulator.reorg(3, 2);
    await gemel.reaches(peak.header_hash);
    [tip, height] = [peak.header_hash, peak.height];
    first = (await simulator.hashes(0))[1] ?? "";
    await until("gemel to say that it is synced", 10_000, async () => {
      const { blockchain_state } = await gemel.call("get_blockchain_state");
      return (blockchain_state as { sync: { synced: boolean } }).sync.synced ? true : undefined;
    });
  });
  after(async () => {
    await gemel?.stop("SIGKILL");
    folder.remove();
    await simulator?.stop();
  });

  async function compare(route: string, body: string, ignored: readonly string[]): Promise<void> {
    const [theirs, ours] = await Promise.all([simulator.send(route, body), gemel.send(route, body)]);
    const what = `${route} ${body}`;
    assert.equal(ours.status, theirs.status, `${what}: ${ours.text.slice(0, 300)}`);
    // What is no JSON (404, 405, 500) is told by its status.
    if (theirs.json === undefined) return;
    const allowed = [...Object.keys(DIFFERENT[route] ?? {}), ...Object.keys(ALWAYS), ...ignored];
    const shown = ({ json }: Answer) => stringifyJson(without(json ?? null, allowed), { sortKeys: true });
    assert.deepEqual(keysOf(ours), keysOf(theirs), what);
    assert.equal(shown(ours), shown(theirs), what);
  }

  /** A list of requests; text is sent as it is, anything else as JSON. */
  async function compareAll(route: string, bodies: readonly unknown[], ignored: readonly string[] = []): Promise<void> {
    for (const body of bodies) await compare(route, typeof body === "string" ? body : JSON.stringify(body), ignored);
  }

  const zero = "0x" + "00".repeat(32);
  const one = "0x" + "01".repeat(32);
  const odd = ["zz", "0x00", 5, null, true, [], "0xab c", "0xa", "0Xaz", "aa41 5c22 0022 0a0d 7f", "27 22", "", "0x"];

  test("get_blockchain_state", () => compareAll("get_blockchain_state", [{}]));

  test("get_blockchain_state names the same peak", async () => {
    assert.deepEqual(await gemel.peak().then((peak) => peak?.header_hash), tip);
  });

  test("get_network_info, get_constants, get_aggsig_additional_data, healthz, get_version", async () => {
    for (const route of ["get_network_info", "get_constants", "get_aggsig_additional_data", "healthz", "get_version"]) {
      await compareAll(route, [{}]);
    }
  });

  test("get_block", async () => {
    await compareAll("get_block", [{}, { header_hash: tip }, { header_hash: tip.slice(2).toUpperCase() }]);
    await compareAll("get_block", [{ header_hash: orphan }, { header_hash: zero }, { header_hash: first }]);
    await compareAll("get_block", odd.map((header_hash) => ({ header_hash })));
  });

  test("get_blocks", async () => {
    await compareAll("get_blocks", [
      {},
      { start: 5 },
      { start: 5, end: 4 },
      { start: 0, end: height + 1 },
      { start: 0, end: 2, exclude_header_hash: true },
      { start: orphanHeight, end: orphanHeight + 1 },
      { start: orphanHeight, end: orphanHeight + 1, exclude_reorged: true },
      { start: height, end: height + 20, exclude_reorged: 0 },
      { start: height + 1, end: height + 20 },
      { start: -3, end: 1 },
      { start: 1.9, end: "x" },
      { start: 0, end: null },
      { start: 4294967295, end: 4294967297 },
    ]);
  });

  test("get_block_record: every block, and what is none", async () => {
    for (const header_hash of await simulator.hashes(0)) await compareAll("get_block_record", [{ header_hash }]);
    await compareAll("get_block_record", [{}, { header_hash: orphan }, { header_hash: one }]);
    await compareAll("get_block_record", odd.map((header_hash) => ({ header_hash })));
  });

  test("get_block_record_by_height", async () => {
    const values = [0, 1, height, height + 1, 999, -1, "5", "x", " 1_2 ", "1__2", "+3", 1.9, null, true, [1], {}];
    await compareAll("get_block_record_by_height", [{}, ...values.map((value) => ({ height: value }))]);
    await compareAll("get_block_record_by_height", ['{"height":99999999999}', `{"height":${2n ** 70n}}`]);
  });

  test("get_block_records", async () => {
    await compareAll("get_block_records", [
      {},
      { start: 0 },
      { end: 3 },
      { start: 0, end: height + 1 },
      { start: height - 1, end: height + 9 },
      { start: height + 1, end: height + 9 },
      { start: 3, end: 3 },
      { start: -3, end: 1 },
      { start: "1", end: 2.5 },
      { start: 4294967295, end: 4294967297 },
    ]);
  });

  test("get_network_space", async () => {
    const pair = (newer: string, older: string) => ({ newer_block_header_hash: newer, older_block_header_hash: older });
    await compareAll("get_network_space", [
      {},
      pair("a", "a"),
      pair(tip, first),
      pair(first, tip),
      pair(orphan, first),
      pair(zero, one),
      pair(tip, one),
      pair(tip, tip.slice(2)),
    ]);
  });

  test("requests that are no JSON", async () => {
    for (const route of ["get_block", "healthz"]) await compareAll(route, ["{", ""]);
  });

  test("requests that are no object, on each route", async () => {
    const names = ["header_hash", "start", "end", "exclude_reorged", "height", "newer_block_header_hash"];
    names.push("older_block_header_hash", "node_type", "host", "port", "node_id", "level");
    const lists = [[], [1, null], names, ["start"], ["start", "end"], ["newer_block_header_hash"]];
    const texts = ["", "text", "start", "end", "start end", names.join(" ")];
    const others = [null, 0, 5, 1.5, -1, true, false];
    const routes = (await gemel.call("get_routes")).routes as readonly string[];
    assert.ok(routes.length > 15);
    for (const route of routes.map((name) => name.slice(1)).filter((name) => name !== "stop_node")) {
      // Either node has the other's side of their connection; what is in it is compared below.
      await compareAll(route, [...lists, ...texts, ...others].map((body) => JSON.stringify(body)), ["connections"]);
    }
  });

  test("routes and methods that there are not", async () => {
    await compareAll("nosuch", [{}]);
    const ours = await gemel.send("get_block", "", "GET");
    assert.equal(ours.status, 405);
  });

  test("get_connections: the same fields with values of the same types", async () => {
    const kinds = (answer: JsonObject) => {
      const [connection] = answer.connections as readonly JsonObject[];
      assert.ok(connection !== undefined);
      const shown = Object.entries(connection).map(([name, value]) => {
        // Numbers are whole or not; the times have fractions.
        const kind = value === null ? "null" : typeof value === "number" ? "number" : typeof value;
        return `${name} ${kind}`;
      });
      return shown.sort();
    };
    assert.deepEqual(kinds(await gemel.call("get_connections")), kinds(await simulator.call("get_connections")));
    await compareAll("get_connections", [{ node_type: 99 }, { node_type: "1" }, { node_type: null }, { node_type: 6 }]);
  });

  test("open_connection and close_connection that cannot be done", async () => {
    await compareAll("open_connection", [
      {},
      { host: "127.0.0.1" },
      { host: "127.0.0.1", port: 70_000 },
      { host: "127.0.0.1", port: "x" },
      { host: "127.0.0.1", port: 1 },
    ]);
    await compareAll("close_connection", [{}, { node_id: "00" }, { node_id: "zz" }, { node_id: 5 }, { node_id: zero }]);
  });

  test("close_connection ends the connection to a node id, on either side", async () => {
    const [peer] = (await gemel.call("get_connections")).connections as readonly JsonObject[];
    await compareAll("close_connection", [{ node_id: one }]);
    assert.deepEqual(await gemel.call("close_connection", { node_id: String(peer?.node_id) }), { success: true });
    // A wanted peer is dialled again.
    await until("a new connection", 20_000, async () => {
      const [again] = (await gemel.call("get_connections")).connections as readonly JsonObject[];
      return again !== undefined && again.creation_time !== peer?.creation_time ? true : undefined;
    });
  });

  test("log levels", async () => {
    await compareAll("get_log_level", [{}]);
    await compareAll("set_log_level", [{}, { level: "ERROR" }, { level: "INFO" }, { level: "nosuch" }]);
    await compareAll("reset_log_level", [{}]);
  });

  test("get_routes lists nothing that the reference has not", async () => {
    const theirs = (await simulator.call("get_routes")).routes as readonly string[];
    const ours = (await gemel.call("get_routes")).routes as readonly string[];
    assert.deepEqual(ours.filter((route) => !theirs.includes(route)), []);
    assert.ok(ours.length > 15);
  });

  test("stop_node ends the program in order", async () => {
    await compareAll("stop_node", ["null"]);
    assert.equal(await gemel.process.end(10_000), 0);
  });
});

function keysOf({ json }: Answer): readonly string[] {
  return typeof json === "object" && json !== null && !Array.isArray(json) ? Object.keys(json).sort() : [];
}
