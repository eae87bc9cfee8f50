import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { failureOf } from "../../../cli/failures.ts";
import type { CliIo } from "../../../cli/io.ts";
import { runProgram } from "../../../cli/program.ts";
import { parseRequestArguments } from "../../../cli/rpc.ts";
import { demoChain } from "../../../cli/demo.ts";
import { NodeError, RpcClient, RpcFailure } from "../../../mod.ts";
import { sha256 } from "../../../lib/codec/sha256.ts";
import { makeClassGroup } from "../../../lib/engine/class-group/mod.ts";
import { recordedNode, testNode, TOKEN } from "../rpc/support.ts";

/** Runs one command line against a node without a socket between them. */
async function gemel(
  args: readonly string[],
  options: { node?: ReturnType<typeof testNode>; input?: string; token?: string } = {},
) {
  const node = options.node ?? testNode();
  const [out, err]: [string[], string[]] = [[], []];
  const io: CliIo = {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    environment: {},
    homeDir: () => "/nowhere",
    isTerminal: false,
    columns: () => 80,
    readText: () => Promise.reject(Object.assign(new Error("none"), { code: "ENOENT" })),
    readInput: () => Promise.resolve(options.input ?? ""),
    connect: () =>
      Promise.resolve(
        new RpcClient(async ({ method, path, headers, body, signal }) => {
          const answer = node.app.fetch(
            new Request(`https://localhost${path}`, {
              method,
              headers: { ...headers, host: "localhost" },
              ...(body !== undefined && { body }),
              ...(signal && { signal }),
            }),
          );
          await new Promise((resolve) => setTimeout(resolve, 5));
          node.clock.advance(300);
          const response = await answer;
          return {
            status: response.status,
            headers: {},
            body: response.body ?? new ReadableStream({ start: (c) => c.close() }),
          };
        }, options.token ?? TOKEN),
      ),
    onSignal: () => () => {},
    exit: (code) => assert.fail(`exit ${code}`),
  };
  const exit = await runProgram(args, io);
  return { exit, out: out.join(""), err: err.join("") };
}

describe("gemel", () => {
  test("bare: help, exit 0; help names every command of this version", async () => {
    const { exit, out } = await gemel([]);
    assert.equal(exit, 0);
    for (
      const command of [
        "run",
        "demo",
        "status",
        "peers",
        "block",
        "events",
        "rpc",
        "chia",
        "certs",
        "config",
        "version",
        "help",
      ]
    ) {
      assert.match(out, new RegExp(`^  ${command} `, "m"), command);
    }
  });

  test("every command's --help shows an example and ends with 0", async () => {
    const commands = [
      "run",
      "demo",
      "status",
      "peers list",
      "peers add",
      "peers remove",
      "peers ban",
      "peers unban",
      "peers bans",
      "block get",
      "block range",
      "block header",
      "block watch",
      "events",
      "rpc",
      "chia",
      "certs show",
      "certs init",
      "config show",
      "config check",
      "config path",
      "config init",
      "version",
    ];
    for (const command of commands) {
      const { exit, out } = await gemel([...command.split(" "), "--help"]);
      assert.equal(exit, 0, command);
      assert.match(out, /Example:\n {2}\$ /, command);
    }
  });

  test("an unknown command or flag is a usage error with a suggestion: exit 2", async () => {
    assert.equal((await gemel(["statsu"])).exit, 2);
    const flag = await gemel(["run", "--netwrok", "x"]);
    assert.equal(flag.exit, 2);
    assert.match(flag.err, /Did you mean --network\?/);
    assert.equal((await gemel(["block", "get"])).exit, 2);
    assert.equal((await gemel(["block", "get", "xyz"])).exit, 2);
  });

  test("bad configuration: one line, exit 78", async () => {
    const { exit, err } = await gemel(["run", "--network", "mainet"]);
    assert.equal(exit, 78);
    assert.equal(err.split("\n").length, 2, err);
    assert.equal((await gemel(["config", "check", "--config", "/none.toml"])).exit, 78);
  });

  test("status as a table and as JSON", async () => {
    const node = await recordedNode();
    assert.match((await gemel(["status"], { node })).out, /^CHAIN +NETWORK[^\n]*\nchia +simulator0 +full +61 /);
    const { out, exit } = await gemel(["status", "--json"], { node });
    assert.equal(exit, 0);
    assert.equal(JSON.parse(out).chains[0].height, 61);
  });

  test("peers are listed, banned and freed", async () => {
    const node = testNode();
    await node.chia.connect("203.0.113.9", 8444);
    assert.match((await gemel(["peers", "list"], { node })).out, / 1 {2}out {2}203\.0\.113\.9:8444/);
    assert.equal(JSON.parse((await gemel(["peers", "list", "--json"], { node })).out).peers[0].id, 1);
    node.chia.list[0]?.traffic.countReceived("new_peak", 2_000);
    assert.match((await gemel(["peers", "traffic", "1"], { node })).out, /received +new_peak +1 +2/);
    node.chia.traffic.countSent("request_block", 30);
    assert.match((await gemel(["peers", "traffic"], { node })).out, /chia +sent +request_block +1 /);
    assert.equal((await gemel(["peers", "ban", "203.0.113.9", "--time", "2h"], { node })).exit, 0);
    assert.match((await gemel(["peers", "bans"], { node })).out, /203\.0\.113\.9 .* by hand/);
    assert.equal((await gemel(["peers", "unban", "203.0.113.9"], { node })).exit, 0);
    assert.equal((await gemel(["peers", "unban", "203.0.113.9"], { node })).exit, 1);
    assert.equal((await gemel(["peers", "remove", "1"], { node })).exit, 0);
    assert.equal((await gemel(["peers", "add", "127.0.0.1:1"], { node })).exit, 1);
  });

  test("chia: key=value as the reference's route, its error code and exit 1", async () => {
    const node = await recordedNode();
    const good = await gemel(["chia", "get_block_record_by_height", "height=5"], { node });
    assert.equal(JSON.parse(good.out).block_record.height, 5);
    const bad = await gemel(["chia", "get_block_record_by_height", "height=99999999"], { node });
    assert.deepEqual([bad.exit, bad.out], [1, ""]);
    assert.equal(bad.err, "error BLOCK_HEIGHT_NOT_FOUND: Block height 99999999 not found in chain\n");
    const json = await gemel(["chia", "get_block", "--json"], { node });
    assert.equal(JSON.parse(json.err).code, "NO_HEADER_HASH_IN_REQUEST");
  });

  test("rpc reads its request from standard input; native paths are GET", async () => {
    const node = await recordedNode();
    const blocks = await gemel(["rpc", "get_blocks", "-"], { node, input: '{"start":0,"end":2}' });
    assert.equal(JSON.parse(blocks.out).blocks.length, 2);
    assert.equal(JSON.parse((await gemel(["rpc", "/v1/status"], { node })).out).chains.length, 1);
  });

  test("block get and range; raw bytes in hex", async () => {
    const node = await recordedNode();
    const { out } = await gemel(["block", "get", "5", "--raw", "hex"], { node });
    assert.equal(out.trim().length, node.stored[5]!.raw.length * 2);
    const range = await gemel(["block", "range", "3", "40"], { node });
    assert.equal(range.out.trim().split("\n").length, 38);
    assert.equal((await gemel(["block", "get", "5", "--raw", "bin"], { node })).exit, 2);
  });

  test("events ends after --count", async () => {
    const node = testNode();
    const event = { topic: "chia.peak", time: 0, chain: "chia", network: "simulator0", data: { height: 1 } };
    await node.events.append([event, { ...event, topic: "p2p.connect" }, event]);
    const { out, exit } = await gemel(["events", "chia.*", "--since", "0", "--count", "2"], { node });
    assert.equal(exit, 0);
    assert.deepEqual(out.trim().split("\n").map((line) => JSON.parse(line).id), [1, 3]);
  });

  test("events --no-follow prints what is kept, a JSON object a line, and ends", async () => {
    const node = testNode();
    const event = { topic: "chia.peak", time: 0, chain: "chia", network: "simulator0", data: { height: 1 } };
    await node.events.append([event, event, event]);
    const { out, exit } = await gemel(["events", "--no-follow"], { node });
    assert.equal(exit, 0);
    assert.deepEqual(out.trim().split("\n").map((line) => JSON.parse(line).id), [1, 2, 3]);
  });

  test("a refused token: exit 77", async () => {
    const { exit, err } = await gemel(["status"], { token: "wrong" });
    assert.equal(exit, 77);
    assert.match(err, /^error the token is wrong; check --token-file/);
  });

  test("version", async () => {
    assert.match((await gemel(["version"])).out, /^gemel \d+\.\d+\.\d+ \(/);
    const json = JSON.parse((await gemel(["version", "--json"])).out);
    assert.ok(json.runtime);
    assert.equal(json.engine, makeClassGroup({ sha256 }).engine);
  });

  test("engine tries what was asked for, and refuses what it does not know", async () => {
    const { exit, out } = await gemel([
      "engine",
      "--engine",
      "portable",
      "--threads",
      "0",
      "--duration",
      "0ms",
      "--json",
    ]);
    const { right, work, passed_over } = JSON.parse(out);
    assert.deepEqual([exit, right, passed_over], [0, true, []]);
    assert.deepEqual(work.map((each: { engine: string }) => each.engine), Array(4).fill("portable"));
    for (const bad of [["--engine", "fast"], ["--threads", "-1"], ["--threads", "65"], ["--duration", "soon"]]) {
      const refused = await gemel(["engine", ...bad]);
      assert.deepEqual([refused.exit, refused.out], [2, ""], bad.join(" "));
    }
  });

  test("--version says what gemel version says", async () => {
    const [flag, command] = [await gemel(["--version"]), await gemel(["version"])];
    assert.deepEqual([flag.exit, flag.out], [0, command.out]);
  });

  test("an argument that is not UTF-8 is refused, and names no other folder", async () => {
    const { exit, err } = await gemel(["status", "--data-dir", "/tmp/\ufffd"]);
    assert.deepEqual([exit, err], [2, 'error "/tmp/\ufffd" is not UTF-8\n']);
  });

  test("errors are objects where the log is", async () => {
    const { exit, err } = await gemel(["run", "--log-format", "json", "--network", "nowhere"]);
    assert.deepEqual([exit, JSON.parse(err).code], [78, "CONFIG_INVALID"]);
  });

  test("peers add takes the port of the network that the node follows", async () => {
    const node = testNode();
    const ports: number[] = [];
    const { connect } = node.chia;
    node.chia.connect = (host: string, port: number) => {
      ports.push(port);
      return connect.call(node.chia, host, port);
    };
    assert.equal((await gemel(["peers", "add", "192.0.2.7"], { node })).exit, 0);
    assert.deepEqual(ports, [38444]);
    const other = await gemel(["peers", "add", "192.0.2.7", "--chain", "bitcoin"]);
    assert.deepEqual([other.exit, other.err], [2, "error --chain: the node does not run bitcoin\n"]);
  });

  test("config show tells where a value came from", async () => {
    const { out } = await gemel(["config", "show", "--origin", "--json", "--network", "simulator0"]);
    assert.deepEqual(JSON.parse(out).network, { value: "simulator0", origin: "flag" });
    assert.deepEqual(JSON.parse(out)["log-level"], { value: "info", origin: "default" });
  });
});

test("RpcClient says what a time limit holds for: all of an answer, its beginning, or nothing that was not asked", async () => {
  const deadlines: (string | undefined)[] = [];
  const client = new RpcClient(({ deadline }) => {
    deadlines.push(deadline);
    const answer = '{"jsonrpc":"2.0","result":1,"id":1}';
    const body = (async function* () {
      yield new TextEncoder().encode(answer);
    })();
    return Promise.resolve({ status: 200, headers: {}, body });
  });
  await client.callBitcoin("getblockcount", []);
  for (const method of ["waitfornewblock", "waitforblock", "waitforblockheight", "generatetoaddress"]) {
    await client.callBitcoin(method, []);
  }
  await client.status();
  for await (const _event of client.events()) break;
  assert.deepEqual(deadlines, [undefined, "asked", "asked", "asked", "asked", undefined, "head"]);
});

test("failureOf() gives the exit codes that docs/cli.md promises", () => {
  const exits: Record<string, number> = {
    DATA_FOLDER_UNWRITABLE: 73,
    HOME_UNKNOWN: 73,
    OUTPUT_FAILED: 74,
    STREAM_ENDED: 69,
    ASMAP_INVALID: 78,
    PEERS_FILE_INVALID: 78,
    DATA_FOLDER_IN_USE: 75,
    PORT_IN_USE: 75,
    CONFIG_INVALID: 78,
    NETWORK_UNKNOWN: 78,
    CONSTANTS_INVALID: 78,
    DATABASE_DAMAGED: 65,
    NODE_UNREACHABLE: 69,
    AUTH_REFUSED: 77,
  };
  for (const [code, exit] of Object.entries(exits)) {
    assert.equal(failureOf(new NodeError(code, "self", "x")).exit, exit, code);
  }
  assert.equal(failureOf(new RpcFailure("HTTP_503", "busy", 503)).exit, 75);
  assert.equal(failureOf(new Error("two\nlines")).message, "two lines");
});

test("parseRequestArguments() takes an object, pairs, or standard input", async () => {
  const io = { readInput: () => Promise.resolve('{"a":1}') };
  assert.deepEqual(await parseRequestArguments([], io), {});
  assert.deepEqual(await parseRequestArguments(["-"], io), { a: 1 });
  assert.deepEqual(
    await parseRequestArguments(["host=::1", "port=8444", "flag=true", "big=36893488147419103232"], io),
    {
      host: "::1",
      port: 8444,
      flag: true,
      big: 36893488147419103232n,
    },
  );
  await assert.rejects(parseRequestArguments(["x"], io), { name: "UsageError" });
  await assert.rejects(parseRequestArguments(["{"], io), { name: "UsageError" });
});

test("demoChain() holds a few hundred blocks", async () => {
  const { blocks, network, constantsJson } = await demoChain();
  assert.equal(blocks.length, 400);
  assert.equal(network, "simulator0");
  assert.equal(JSON.parse(constantsJson).EPOCH_BLOCKS, 340);
});
