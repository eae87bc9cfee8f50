import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { settledEnvironment } from "../../../cli/heap.ts";

describe("settledEnvironment()", () => {
  test("drops what would open a debugger, load a file or switch certificate checks off", () => {
    const environment = {
      PATH: "/bin",
      BUN_INSPECT: "ws://x",
      BUN_INSPECT_NOTIFY: "unix://x",
      BUN_INSPECT_CONNECT_TO: "x",
      BUN_OPTIONS: "--preload=./x.ts",
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
      BUN_JSC_useJIT: "1",
    };
    assert.deepEqual(settledEnvironment(environment, false), { PATH: "/bin", BUN_JSC_useJIT: "1" });
  });

  test("bounds the heap of a node, unless somebody did", () => {
    assert.deepEqual(settledEnvironment({ PATH: "/bin" }, true), { PATH: "/bin", BUN_JSC_forceRAMSize: "268435456" });
    assert.equal(settledEnvironment({ BUN_JSC_forceRAMSize: "1" }, true), undefined);
  });

  test("changes nothing where there is nothing to change, so that no process is replaced for ever", () => {
    const environment = { PATH: "/bin", BUN_INSPECT: "x" };
    assert.equal(settledEnvironment({ PATH: "/bin" }, false), undefined);
    assert.equal(settledEnvironment(settledEnvironment(environment, true)!, true), undefined);
  });
});
