import { describe, test } from "node:test";
import assert from "node:assert/strict";
import type { CliIo } from "../../../cli/io.ts";
import { untilStopped } from "../../../cli/lifetime.ts";
import { onStopWish, type StopSignal } from "../../../cli/signals.ts";
import type { RunningNode } from "../../../mod.ts";

function world(options: { shutdownTimeoutMs?: number; stop?: () => Promise<void> } = {}) {
  const stopped = Promise.withResolvers<void>();
  const order: string[] = [];
  const node = {
    config: { shutdownTimeoutMs: options.shutdownTimeoutMs ?? 5_000 },
    stopped: stopped.promise,
    stop: options.stop ?? (() => {
      order.push("stop");
      stopped.resolve();
      return stopped.promise;
    }),
  } as unknown as RunningNode;
  let handler: ((signal: StopSignal) => void) | undefined;
  const exits: number[] = [];
  const io = {
    err: () => {},
    onSignal: (given: NonNullable<typeof handler>) => {
      handler = given;
      return () => void (handler = undefined);
    },
    exit: (code: number) => void exits.push(code),
  } as unknown as CliIo;
  return {
    node,
    io,
    order,
    exits,
    stopped,
    signal: (name: StopSignal) => handler?.(name),
    listens: () => !!handler,
  };
}

describe("untilStopped()", () => {
  for (const [name, exit] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
    test(`${name} stops in order and gives ${exit}`, async () => {
      const { node, io, order, signal, listens } = world();
      const ending = untilStopped([node], io, { beforeStop: () => void order.push("before") });
      signal(name);
      assert.deepEqual(await ending, { exit });
      assert.deepEqual(order, ["before", "stop"]);
      assert.equal(listens(), false, "no handler stays");
    });
  }

  test("a second signal ends the process at once, unless it comes within half a second", async () => {
    const stuck = Promise.withResolvers<void>();
    const { node, io, exits, signal } = world({ stop: () => stuck.promise });
    let at = 0;
    const ending = untilStopped([node], io, { now: () => at });
    signal("SIGTERM");
    await Promise.resolve();
    at = 499;
    signal("SIGINT");
    assert.deepEqual(exits, []);
    at = 500;
    signal("SIGINT");
    assert.deepEqual(exits, [130]);
    stuck.resolve();
    await ending;
  });

  test("a stop that hangs is forced when its time is up", async () => {
    const { node, io, signal } = world({ shutdownTimeoutMs: 10, stop: () => new Promise(() => {}) });
    const ending = untilStopped([node], io);
    signal("SIGTERM");
    await assert.rejects(ending, { code: "STOP_FORCED" });
  });

  test("a node that stops by itself, and an end that was waited for, give 0; a failure is passed on", async () => {
    const self = world();
    self.stopped.resolve();
    assert.deepEqual(await untilStopped([self.node], self.io), { exit: 0 });
    const waited = world();
    assert.deepEqual(await untilStopped([waited.node], waited.io, { until: Promise.resolve() }), { exit: 0 });
    const failed = world();
    failed.stopped.reject(new Error("disk"));
    await assert.rejects(untilStopped([failed.node], failed.io), { message: "disk" });
  });
});

test("untilStopped() waits for a stop whose limit is longer than any timer's", async () => {
  const slow = Promise.withResolvers<void>();
  const { node, io, signal } = world({ shutdownTimeoutMs: 30 * 86_400_000, stop: () => slow.promise });
  const ending = untilStopped([node], io);
  signal("SIGTERM");
  setTimeout(slow.resolve, 20);
  assert.deepEqual(await ending, { exit: 143 });
});

describe("onStopWish()", () => {
  test("takes signals within 500 ms as one wish, and says which wish is a further one", () => {
    const { io, signal } = world();
    const wishes: unknown[] = [];
    let at = 0;
    onStopWish(io, (name, again) => wishes.push([name, again]), () => at);
    for (
      const [time, name] of [[0, "SIGINT"], [5, "SIGTERM"], [499, "SIGHUP"], [600, "SIGTERM"], [
        1_000,
        "SIGINT",
      ]] as const
    ) {
      at = time;
      signal(name);
    }
    assert.deepEqual(wishes, [["SIGINT", false], ["SIGTERM", true]]);
  });
});
