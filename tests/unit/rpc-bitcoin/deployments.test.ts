/** Which rules hold, and how the vote on others stands. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { mainnet } from "../../../lib/bitcoin/networks/mod.ts";
import { bitcoinNode } from "./support.ts";

interface DeploymentInfo {
  readonly hash: string;
  readonly height: number;
  readonly script_flags: readonly string[];
  readonly deployments: Record<string, Record<string, unknown>>;
}

const ALL_FLAGS = [
  "CHECKLOCKTIMEVERIFY",
  "CHECKSEQUENCEVERIFY",
  "DERSIG",
  "NULLDUMMY",
  "P2SH",
  "TAPROOT",
  "WITNESS",
];

describe("getdeploymentinfo", () => {
  test("tells of the tip or of any block, in Core's order", async () => {
    const { call, failure, mine } = await bitcoinNode();
    const [block] = await mine(2);
    const told = await call<DeploymentInfo>("getdeploymentinfo");
    assert.deepEqual(Object.keys(told), ["hash", "height", "script_flags", "deployments"]);
    assert.deepEqual([told.hash, told.height], [await call("getbestblockhash"), 2]);
    assert.deepEqual(told.script_flags, ALL_FLAGS);
    assert.deepEqual(Object.keys(told.deployments), ["bip34", "bip66", "bip65", "csv", "segwit", "testdummy"]);
    const buried = { type: "buried", active: true };
    assert.deepEqual(told.deployments.bip34, { ...buried, height: 1 });
    assert.deepEqual(told.deployments.segwit, { ...buried, height: 0 });
    const earlier = await call<DeploymentInfo>("getdeploymentinfo", toDisplayHex(block!.hash));
    assert.equal(earlier.height, 1);
    assert.deepEqual(await failure("getdeploymentinfo", "11".repeat(32)), { code: -5, message: "Block not found" });
    assert.equal((await failure("getdeploymentinfo", "11")).code, -8);
  });

  test("follows a vote through its states", async () => {
    const { call, mine } = await bitcoinNode();
    const dummy = async () => (await call<DeploymentInfo>("getdeploymentinfo")).deployments.testdummy!;
    const terms = { start_time: 0, timeout: 2 ** 63, min_activation_height: 0 };
    await mine(142);
    assert.deepEqual(await dummy(), {
      type: "bip9",
      active: false,
      bip9: { ...terms, status: "defined", since: 0, status_next: "defined" },
    });
    await mine(1);
    assert.deepEqual((await dummy()).bip9, { ...terms, status: "defined", since: 0, status_next: "started" });
    await mine(2);
    const started = { bit: 28, ...terms, status: "started", since: 144, status_next: "started" };
    assert.deepEqual((await dummy()).bip9, {
      ...started,
      statistics: { period: 144, elapsed: 2, count: 2, threshold: 108, possible: true },
      signalling: "##",
    });
    await mine(142);
    const { statistics, status_next } = (await dummy()).bip9 as Record<string, unknown>;
    assert.deepEqual(statistics, { period: 144, elapsed: 144, count: 144, threshold: 108, possible: true });
    assert.equal(status_next, "locked_in");
    await mine(1);
    assert.deepEqual((await dummy()).bip9, {
      ...started,
      ...{ status: "locked_in", since: 288, status_next: "locked_in" },
      statistics: { period: 144, elapsed: 1, count: 1 },
      signalling: "#",
    });
    await mine(143);
    assert.deepEqual((await dummy()).height, 432, "it will hold for the next block");
    assert.equal((await dummy()).active, true);
    await mine(1);
    assert.deepEqual(await dummy(), {
      type: "bip9",
      height: 432,
      active: true,
      bip9: { ...terms, status: "active", since: 432, status_next: "active" },
    });
  });

  // Bitcoin Core, pull request 28806: the flags of these blocks.
  test("on mainnet rules are not active yet at genesis, and nothing is voted on", async () => {
    const { call } = await bitcoinNode({ network: mainnet });
    const { script_flags, deployments } = await call<DeploymentInfo>("getdeploymentinfo");
    assert.deepEqual(script_flags, ["P2SH", "TAPROOT", "WITNESS"]);
    assert.deepEqual(Object.keys(deployments), ["bip34", "bip66", "bip65", "csv", "segwit"]);
    assert.deepEqual(deployments.csv, { type: "buried", active: false, height: 419_328 });
  });
});
