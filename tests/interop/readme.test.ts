/**
 * The README's own commands, word for word but for the ports, against chia-blockchain's full node: from a folder of hostile
 * files, as a user whom the system does not know, without HOME, with 256 file descriptors.
 */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { binaryMissing, Launched, suite } from "./binary.ts";
import { until } from "./call.ts";
import { freePort } from "../support/free-port.ts";
import { Simulator, simulatorMissing } from "./simulator.ts";
import { strangePlace } from "./stranger.ts";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
/** The commands of the section on following, in order. */
const COMMANDS = [...(README.split("## Follow a full node")[1]?.split("\n## ")[0] ?? "").matchAll(/```sh\n([^`]*)```/g)]
  .flatMap(([, block]) => (block ?? "").trim().split("\n"));

/** All of the README's commands of `dist/gemel`, those of its plain blocks too. */
const OTHERS = [...README.matchAll(/```\n(dist\/gemel [^`]*)```/g)].flatMap(([, block]) =>
  (block ?? "").trim().split("\n")
);

/** Ends a program that was started through others: a signal to itself, not to them. */
async function interrupt(launched: Launched): Promise<number | NodeJS.Signals> {
  process.kill(launched.pid, "SIGINT");
  return await launched.end(20_000);
}

suite("README", binaryMissing(), () => {
  const place = strangePlace();
  after(() => place.remove());

  test("the demo runs until Ctrl-C", { timeout: 90_000 }, async () => {
    const [, command] = /^\.\/compile\.sh && dist\/(gemel demo)$/m.exec(README) ?? [];
    assert.ok(command, "the README still has it");
    const demo = new Launched(command.split(" ").slice(1), { cwd: place.path, through: place.through });
    await until("both chains are synced", 60_000, () => {
      const last = demo.stderr.split("\n");
      const isSynced = (chain: string) => last.some((line) => line.startsWith(chain) && line.includes(" synced"));
      return Promise.resolve(isSynced("chia") && isSynced("bitcoin") ? true : undefined);
    });
    const [, line] = /^try +(curl .*)$/m.exec(demo.stderr) ?? [];
    assert.match(place.shell(`${line} -s`).stdout, /"blockchain_state"/);
    assert.equal(await interrupt(demo), 130, demo.stderr);
    assert.equal(place.hasRun(), false);
  });
});

suite("README with a full node", binaryMissing() ?? simulatorMissing(), () => {
  const place = strangePlace();
  after(() => place.remove());
  const { path, through, shell } = place;

  test("following a full node works as it says", { timeout: 180_000 }, async () => {
    const [run, curl, status, events, ...more] = COMMANDS;
    assert.ok(run && curl && status && events && more.length === 0, `${COMMANDS.length} commands`);
    const simulator = await Simulator.start();
    const port = await freePort();
    const adapted = (command: string) => command.replace("38444", `${simulator.port}`).replace("8555", `${port}`);
    await simulator.farm(5);
    const { header_hash } = await simulator.peak();
    const node = new Launched(adapted(run).split(" ").slice(1), { cwd: path, through });
    try {
      await until(
        "the address of the RPC",
        20_000,
        () => Promise.resolve(existsSync(join(path, "data", "rpc.url")) ? true : undefined),
      );
      await until("the tip by curl", 60_000, () => {
        const { stdout } = shell(adapted(`${curl} -s`));
        return Promise.resolve(stdout.includes(`${header_hash}`) ? true : undefined);
      });
      assert.match(shell(status).stdout, /^chia +simulator0 .* linkage \(1\/1 peers agree\)$/m);
      const lines = shell(events).stdout.trim().split("\n").map((line) => JSON.parse(line) as { id: number });
      assert.deepEqual(lines.map(({ id }) => id), [1, 2, 3, 4, 5]);
      const [, , peers, crawl, simulate, ...further] = OTHERS;
      assert.ok(peers && crawl && simulate && further.length === 0, `${OTHERS.length} commands`);
      assert.match(shell(peers).stdout, /^chia +\d+ +out +127\.0\.0\.1:/m);
      assert.equal(shell(adapted(crawl)).status, 0);
      assert.equal((JSON.parse(readFileSync(join(path, "nodes.json"), "utf8")) as { reachable: number }).reachable, 1);
      const world = shell(simulate, { timeoutMs: 120_000 });
      assert.equal(world.status, 0, world.stderr);
      assert.match(world.stdout, /^every rule held$/m);
    } finally {
      await node.kill();
      await simulator.stop();
    }
    assert.equal(existsSync(join(path, "data", "rpc.url")), false, "nothing is there to be asked");
    assert.equal(place.hasRun(), false);
  });

  test("the same with Bitcoin works as it says", { timeout: 60_000 }, async () => {
    const [run, ask] = OTHERS;
    assert.ok(run && ask);
    const [peerPort, httpPort, rpcPort] = [await freePort(), await freePort(), await freePort()];
    const served = new Launched([
      "run",
      ...["--chain", "bitcoin", "--network", "regtest", "--no-dns", "--listen", `127.0.0.1:${peerPort}`],
      ...["--data-dir", join(path, "peer"), "--rpc", "127.0.0.1:0"],
    ], { cwd: path, through });
    const adapted = run.replace("18444", `${peerPort}`).replace("18443", `${httpPort}`);
    const node = new Launched([...adapted.split(" ").slice(1)], {
      cwd: path,
      through,
      // The port of RPC may be taken on this machine.
      env: { GEMEL_RUN_RPC: `127.0.0.1:${rpcPort}` },
    });
    try {
      await until("an answer", 30_000, () => {
        const { status, stdout } = shell(ask);
        return Promise.resolve(status === 0 && stdout.includes('"chain": "regtest"') ? true : undefined);
      });
    } finally {
      assert.equal(await interrupt(node), 130, node.stderr);
      await served.kill();
    }
    assert.equal(place.hasRun(), false);
  });
});
