import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdtemp, readFile as read, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import * as chosen from "#platform";
import { NodeError } from "../../../lib/core/errors.ts";
import * as node from "../../../lib/platform/node/mod.ts";
import type { Platform } from "../../../lib/platform/platform.ts";

// The compiler holds both to the same names and types.
const platforms: readonly Platform[] = [chosen, node];
const code = (expected: string) => (thrown: unknown) => thrown instanceof NodeError && thrown.code === expected;
const utf8 = (text: string) => new TextEncoder().encode(text);

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gemel-platform-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("#platform", () => {
  test("is the one of this runtime", () => {
    assert.match(chosen.runtime, process.versions["bun"] !== undefined ? /^bun \d/ : /^deno \d/);
    assert.deepEqual(Object.keys(chosen).sort(), Object.keys(node).sort());
  });
});

describe("sha256()", () => {
  test("is SHA-256 of the parts together, at every size and cut", () => {
    for (const { sha256 } of platforms) {
      for (const length of [0, 1, 64, 4_095, 4_096, 4_097, 100_000]) {
        const bytes = Uint8Array.from({ length }, (_, i) => i * 31);
        const expected = new Uint8Array(createHash("sha256").update(bytes).digest());
        const cut = length >> 1;
        assert.deepEqual(sha256([bytes]), expected);
        assert.deepEqual(sha256([bytes.subarray(0, cut), new Uint8Array(), bytes.subarray(cut)]), expected);
      }
      assert.equal(sha256([]).length, 32);
    }
  });
});

describe("clock and random", () => {
  test("sleep() waits, and rejects with the signal's reason", async () => {
    const start = chosen.clock.monotonic();
    await chosen.clock.sleep(20);
    assert.ok(chosen.clock.monotonic() - start >= 15);
    const reason = new Error("stopping");
    await assert.rejects(chosen.clock.sleep(60_000, AbortSignal.abort(reason)), reason);
    const controller = new AbortController();
    const sleeping = chosen.clock.sleep(60_000, controller.signal);
    controller.abort(reason);
    await assert.rejects(sleeping, reason);
  });

  test("after() can be cancelled, and does not fire at once when the wait is longer than a timer can be", async () => {
    let fired = 0;
    chosen.clock.after(1, () => fired++)();
    const cancel = chosen.clock.after(2 ** 33, () => fired++);
    await chosen.clock.sleep(20);
    cancel();
    assert.equal(fired, 0);
  });

  test("below() is in its bounds and reaches all of them", () => {
    const seen = new Set<number>();
    for (let i = 0; i < 500; i++) seen.add(chosen.random.below(5));
    assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4]);
    assert.ok(chosen.random.below(2 ** 32) < 2 ** 32);
    assert.throws(() => chosen.random.below(0), RangeError);
    assert.throws(() => chosen.random.below(2 ** 32 + 1), RangeError);
    assert.equal(chosen.random.bytes(100_000).length, 100_000);
    assert.notDeepEqual(chosen.random.bytes(16), chosen.random.bytes(16));
  });
});

describe("turn()", () => {
  test("comes after all that waits for neither timer nor input, however long the chain of promises", async () => {
    for (const { turn } of platforms) {
      for (const links of [1, 50, 5_000]) {
        let done = 0;
        const chain = async () => {
          for (let i = 0; i < links; i++) await undefined;
          const { readable, writable } = new TransformStream<number, number>();
          const writer = writable.getWriter();
          void writer.write(7).then(() => writer.close());
          for await (const value of readable) done += value;
        };
        void chain();
        void chain();
        await turn();
        assert.equal(done, 14);
      }
    }
  });

  test("does not keep out the runtime's own timers, nor what waits for them", async () => {
    for (const { turn } of platforms) {
      let fired = false;
      setTimeout(() => (fired = true), 1);
      for (let turns = 0; !fired && turns < 5_000_000; turns++) await turn();
      assert.ok(fired);
    }
  });
});

describe("files", () => {
  test("writeFileAtomic() replaces whole files, with their mode, and leaves nothing beside them", () =>
    withFolder(async (folder) => {
      const file = path.join(folder, "key");
      await chosen.writeFileAtomic(file, utf8("one"), 0o600);
      await chosen.writeFileAtomic(file, utf8("two"), 0o600);
      assert.deepEqual(await chosen.readFile(file), utf8("two"));
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      assert.deepEqual(await chosen.listDir(folder), ["key"]);
      assert.equal(await chosen.exists(file), true);
      await chosen.removeFile(file);
      await chosen.removeFile(file);
      assert.equal(await chosen.exists(file), false);
      assert.equal(await chosen.readFile(file), undefined);
      assert.deepEqual(await chosen.listDir(file), []);
    }));

  test("makeDir() makes what is missing, for the owner alone", () =>
    withFolder(async (folder) => {
      const deep = path.join(folder, "a", "b");
      await chosen.makeDir(deep, 0o700);
      await chosen.makeDir(deep, 0o700);
      assert.equal((await stat(deep)).mode & 0o777, 0o700);
    }));

  test("a folder below a file is DATA_FOLDER_UNWRITABLE and named", () =>
    withFolder(async (folder) => {
      const file = path.join(folder, "file");
      await writeFile(file, "");
      await assert.rejects(chosen.makeDir(path.join(file, "x")), (thrown: unknown) => {
        assert.ok(code("DATA_FOLDER_UNWRITABLE")(thrown), String(thrown));
        assert.match(String(thrown), /file/);
        return true;
      });
      await assert.rejects(chosen.lockDir(path.join(file, "x")), code("DATA_FOLDER_UNWRITABLE"));
    }));

  test(
    "a folder that may not be written is DATA_FOLDER_UNWRITABLE",
    { skip: process.getuid?.() === 0 ? "root may write everywhere" : false },
    () =>
      withFolder(async (folder) => {
        await chmod(folder, 0o500);
        await assert.rejects(chosen.makeDir(folder), code("DATA_FOLDER_UNWRITABLE"));
        await assert.rejects(chosen.lockDir(folder), code("DATA_FOLDER_UNWRITABLE"));
        await chmod(folder, 0o700);
      }),
  );

  test("gunzip() undoes gzip() within its limit", () => {
    const bytes = new Uint8Array(100_000);
    const small = chosen.gzip(bytes);
    assert.ok(small.length < 1_000);
    assert.deepEqual(chosen.gunzip(small, 100_000), bytes);
    assert.throws(() => chosen.gunzip(small, 99_999), RangeError);
    assert.throws(() => chosen.gunzip(utf8("no gzip"), 100));
  });
});

describe("lockDir()", () => {
  const holder = path.join(import.meta.dirname!, "hold-lock.ts");
  /** Another process that takes the lock, says so, and waits to be ended. */
  const hold = async (folder: string) => {
    const deno = process.versions["deno"] !== undefined;
    const child = spawn(process.execPath, [...(deno ? ["run", "-A", "--no-check"] : ["run"]), holder, folder]);
    const said = await new Promise<string>((resolve, reject) => {
      child.stdout.once("data", (bytes) => resolve(String(bytes).trim()));
      child.once("error", reject);
      child.once("exit", (status) => reject(new Error(`ended with ${status}`)));
    });
    return { child, said, ended: new Promise<void>((resolve) => child.once("exit", () => resolve())) };
  };

  test("lets one in at a time, and the next after release()", () =>
    withFolder(async (folder) => {
      const lock = await chosen.lockDir(folder);
      await assert.rejects(chosen.lockDir(`${folder}/.`), code("DATA_FOLDER_IN_USE"));
      assert.equal((await hold(folder)).said, `DATA_FOLDER_IN_USE ${folder} is in use by process ${process.pid}`);
      await lock.release();
      await lock.release();
      const again = await chosen.lockDir(folder);
      await again.release();
    }));

  test("is free again at once when its holder is killed", () =>
    withFolder(async (folder) => {
      const { child, said, ended } = await hold(folder);
      assert.equal(said, "locked");
      await assert.rejects(chosen.lockDir(folder), (thrown: unknown) => {
        assert.ok(code("DATA_FOLDER_IN_USE")(thrown));
        assert.match(String(thrown), new RegExp(`process ${child.pid}\\b`));
        return true;
      });
      child.kill("SIGKILL");
      await ended;
      // The dead one's note is still there and means nothing.
      assert.equal((await read(path.join(folder, "lock.pid"), "utf8")).trim(), String(child.pid));
      const lock = await chosen.lockDir(folder);
      await lock.release();
    }));

  test("of many that come at once lets exactly one in", () =>
    withFolder(async (folder) => {
      const all = await Promise.all([hold(folder), hold(folder), hold(folder)]);
      assert.equal(all.filter(({ said }) => said === "locked").length, 1, all.map(({ said }) => said).join("; "));
      for (const { child } of all) child.kill("SIGKILL");
      await Promise.all(all.map(({ ended }) => ended));
    }));
});
