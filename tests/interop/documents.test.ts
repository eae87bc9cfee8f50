/**
 * Every command in docs/, word for word but for placeholders and ports: from a folder of hostile files, as a user whom the
 * system does not know, without HOME, with 256 file descriptors.
 */
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { binaryMissing, Launched, REGTEST, suite } from "./binary.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";
import { strangePlace } from "./stranger.ts";

const DOCS = fileURLToPath(new URL("../../docs", import.meta.url));
const documents = new Map(
  readdirSync(DOCS).filter((name) => name.endsWith(".md")).map((
    name,
  ) => [name, readFileSync(join(DOCS, name), "utf8")]),
);

/** The commands of a document's blocks: lines that begin with a program. */
function commandsOf(name: string): string[] {
  const blocks = [...(documents.get(name) ?? "").matchAll(/^```(?:\w+)?\n([^`]*?)^```$/gm)].map(([, block]) =>
    block ?? ""
  );
  return blocks.flatMap((block) => block.split("\n")).filter((line) => /^(?:dist\/)?(?:gemel|curl) /.test(line));
}

suite("commands of docs/", binaryMissing(), () => {
  const place = strangePlace();
  const nodes: Launched[] = [];
  after(async () => {
    for (const node of nodes) await node.kill();
    place.remove();
  });
  let rpc: { chia: number; regtest: number; http: number; light: number };

  /** Starts a node that talks to nobody and waits until it can be asked. */
  async function start(folder: string, args: readonly string[], env: Record<string, string> = {}) {
    const node = new Launched(args, { cwd: place.path, through: place.through, env });
    nodes.push(node);
    await until(`the node of ${folder}`, 30_000, () => {
      return Promise.resolve(place.shell(`gemel status --data-dir ${folder}`).status === 0 ? true : undefined);
    });
  }

  before(async () => {
    rpc = { chia: await freePort(), regtest: await freePort(), http: await freePort(), light: await freePort() };
    const alone = ["--connect", "127.0.0.1:1"];
    const chia = ["run", "--chain", "chia", "--network", "simulator0", ...alone, "--data-dir", "chia"];
    await start("chia", [...chia, "--rpc", `127.0.0.1:${rpc.chia}`]);
    const regtest = ["run", ...REGTEST, ...alone, "--data-dir", "regtest", "--rpc", `127.0.0.1:${rpc.regtest}`];
    await start("regtest", [...regtest, "--rest", "--btc-rpc-http", `127.0.0.1:${rpc.http}`]);
    for (let mined = 0; mined < 1_000; mined += 250) {
      const made = place.shell(
        "gemel btc generatetoaddress 250 bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080 --data-dir regtest",
      );
      assert.equal(made.status, 0, made.stderr);
    }
  });

  /** The curl flags that `…` and `DIR` stand for. */
  const asked = (folder: string) => `--cacert ${folder}/ssl/ca.crt -H "Authorization: Bearer $(cat ${folder}/token)"`;

  test("no document has a command that is tried nowhere", () => {
    // That of the database needs a server: server-database.test.ts runs it.
    const tried = ["bitcoin-light.md", "bitcoin-rpc.md", "database.md", "rpc.md", "cli.md"];
    const others = [...documents.keys()].filter((name) => !tried.includes(name) && commandsOf(name).length > 0);
    assert.deepEqual(others, []);
  });

  test("docs/rpc.md", () => {
    const [first, stream, lines, live, cbor, hook, hooks, make, next, acknowledge, ...more] = commandsOf("rpc.md");
    assert.ok(first && stream && lines && live && cbor && hook && hooks && make && next && acknowledge);
    assert.deepEqual(more, []);
    const adapted = (command: string) => command.replace("8555", `${rpc.chia}`).replaceAll("DIR/", "chia/");
    const answer = (command: string) => {
      const { status, stdout, stderr } = place.shell(adapted(command.replace("…", `-sS --fail ${asked("chia")}`)));
      assert.equal(status, 0, `${command}: ${stderr}`);
      return stdout;
    };
    answer(lines);
    assert.match(place.shell("cat events.ndjson").stdout, /^\{"id":1,"topic":"node\.start",.*\}\n/);
    const following = place.shell(`${adapted(live.replace("…", asked("chia")))} -s --max-time 1 -w '%{http_code}'`);
    assert.match(following.stdout, /200$/);
    // The log is not so long: what is said of it is a gap.
    answer(cbor);
    assert.match(place.shell("cat events.cbor").stdout, /gap[^]*since/);
    assert.equal(place.shell(hook.replace("gemel run", "gemel config check --data-dir none")).status, 0);
    assert.match(answer(hooks), /"webhooks":\[\]/);
    answer(make.replace("bitcoin.block", "node.*"));
    const { claim } = JSON.parse(answer(next.replace("wait=20", "wait=1"))) as { claim: string };
    answer(acknowledge.replace("CLAIM", claim));
    assert.match(place.shell(adapted(first)).stdout, /"blockchain_state":/);
    const events = place.shell(`${adapted(stream.replace("…", asked("chia")))} -s --max-time 2 -w '%{http_code}'`);
    assert.equal(events.status, 28, "it goes on");
    assert.match(events.stdout, /200$/);
  });

  test("docs/bitcoin-rpc.md", () => {
    const commands = commandsOf("bitcoin-rpc.md");
    const told = [/"chain":"regtest"/, /^[0-9a-f]{64}\n$/, /"height": 1000,/, /^getblock /];
    assert.ok(commands.length >= told.length, commands.join("\n"));
    const { stdout: hash } = place.shell("gemel btc getblockhash 1000 --data-dir regtest");
    for (const [i, command] of commands.entries()) {
      const adapted = command.replace("8332", `${rpc.http}`).replace("DIR/", "regtest/").replace("HASH", hash.trim());
      const { status, stdout, stderr } = place.shell(adapted, { env: { GEMEL_RUN_DATA_DIR: "regtest" } });
      assert.equal(status, 0, `${command}: ${stderr}`);
      assert.match(stdout, told[i] ?? /./, command);
    }
  });

  test("docs/bitcoin-light.md", async () => {
    const [run, add, list, matches, curl, ...more] = commandsOf("bitcoin-light.md");
    assert.ok(run && add && list && matches && curl && more.length === 0);
    // Mainnet, and nobody to talk to: no packet leaves this machine.
    const env = {
      GEMEL_RUN_DATA_DIR: "light",
      GEMEL_RUN_CONNECT: "127.0.0.1:1",
      GEMEL_RUN_RPC: `127.0.0.1:${rpc.light}`,
    };
    await start("light", run.split(" ").slice(1), env);
    for (const [command, told] of [[add, /bc1qar0srrr/], [list, /bc1qar0srrr/], [matches, /./]] as const) {
      const { status, stdout, stderr } = place.shell(command, { env: { GEMEL_RUN_DATA_DIR: "light" } });
      assert.equal(status, 0, `${command}: ${stderr}`);
      assert.match(stdout, told);
    }
    const address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
    const adapted = curl.replace("…", asked("light")).replace("bc1q…", address).replace("8555", `${rpc.light}`);
    assert.match(place.shell(adapted).stdout, new RegExp(`"address":"${address}"`));
  });

  test("docs/cli.md: each command of its table has its help, by both forms", () => {
    const named = [...(documents.get("cli.md") ?? "").matchAll(/^\| `gemel ([a-z]+)/gm)].map(([, name]) => name!);
    assert.ok(named.length > 15, named.join(" "));
    for (const name of named) {
      const [help, flag] = [place.shell(`gemel help ${name}`), place.shell(`gemel ${name} --help`)];
      assert.deepEqual([help.status, flag.status, flag.stdout], [0, 0, help.stdout], name);
      assert.match(help.stdout, /Usage: gemel /);
    }
    for (const command of commandsOf("cli.md")) {
      assert.equal(place.shell(command, { env: { GEMEL_RUN_DATA_DIR: "regtest" } }).status, 0, command);
    }
  });

  test("nothing of the hostile folder has run", () => {
    assert.equal(place.hasRun(), false);
  });
});
