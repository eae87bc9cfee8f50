/** The README's own commands, word for word but for the two ports, against chia-blockchain's full node. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { BINARY, binaryMissing, Launched, suite, temporaryFolder } from "./binary.ts";
import { until } from "./call.ts";
import { freePort, Simulator, simulatorMissing } from "./simulator.ts";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
/** The commands of the section on following, in order. */
const COMMANDS = [...(README.split("## Follow a full node")[1]?.split("\n## ")[0] ?? "").matchAll(/```sh\n([^`]*)```/g)]
  .flatMap(([, block]) => (block ?? "").trim().split("\n"));

suite("README", binaryMissing() ?? simulatorMissing(), () => {
  const folder = temporaryFolder("gemel-readme-");
  after(() => folder.remove());

  test("following a full node works as it says", { timeout: 180_000 }, async () => {
    const [run, curl, status, events, ...more] = COMMANDS;
    assert.ok(run && curl && status && events && more.length === 0, `${COMMANDS.length} commands`);
    const simulator = await Simulator.start();
    const port = await freePort();
    const place = (command: string) => command.replace("38444", `${simulator.port}`).replace("8555", `${port}`);
    mkdirSync(join(folder.path, "dist"));
    symlinkSync(BINARY, join(folder.path, "dist", "gemel"));
    const shell = (command: string) =>
      spawnSync("bash", ["-c", place(command)], { cwd: folder.path, encoding: "utf8", timeout: 60_000 });
    await simulator.farm(5);
    const { header_hash } = await simulator.peak();
    const node = new Launched(place(run).split(" ").slice(1), { cwd: folder.path });
    try {
      await until(
        "the address of the RPC",
        20_000,
        () => Promise.resolve(existsSync(join(folder.path, "data", "rpc.url")) ? true : undefined),
      );
      await until("the tip by curl", 60_000, () => {
        const { stdout } = shell(`${curl} -s`);
        return Promise.resolve(stdout.includes(`${header_hash}`) ? true : undefined);
      });
      assert.match(shell(status).stdout, /^chia +simulator0 .* linkage \(1\/1 peers agree\)$/m);
      const lines = shell(events).stdout.trim().split("\n").map((line) => JSON.parse(line) as { id: number });
      assert.deepEqual(lines.map(({ id }) => id), [1, 2, 3, 4, 5]);
    } finally {
      await node.kill();
      await simulator.stop();
    }
    assert.equal(existsSync(join(folder.path, "data", "rpc.url")), false, "nothing is there to be asked");
  });
});
