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

  test("bounds the heap of a node and lets its code be compiled late, unless somebody said otherwise", () => {
    const options = {
      BUN_JSC_forceRAMSize: "117440512",
      BUN_JSC_thresholdForFTLOptimizeAfterWarmUp: "1000000",
      MIMALLOC_PURGE_DELAY: "0",
    };
    assert.deepEqual(settledEnvironment({ PATH: "/bin" }, true), { PATH: "/bin", ...options });
    const own = { ...options, BUN_JSC_forceRAMSize: "1" };
    assert.equal(settledEnvironment(own, true), undefined);
    assert.deepEqual(settledEnvironment({ BUN_JSC_forceRAMSize: "1" }, true), {
      ...options,
      BUN_JSC_forceRAMSize: "1",
    });
  });

  test("changes nothing where there is nothing to change, so that no process is replaced for ever", () => {
    const environment = { PATH: "/bin", BUN_INSPECT: "x" };
    assert.equal(settledEnvironment({ PATH: "/bin" }, false), undefined);
    assert.equal(settledEnvironment(settledEnvironment(environment, true)!, true), undefined);
  });
});
