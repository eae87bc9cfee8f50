import assert from "node:assert/strict";
import { mkdtemp, rm, stat, truncate, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { openFileFolder } from "#platform";
import type { FileFolder } from "../../../lib/core/ports.ts";

const bytes = (length: number, seed = 1) => Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff);

async function withFolder(work: (files: FileFolder, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gemel-append-"));
  try {
    await work(await openFileFolder(path.join(folder, "made", "on the way")), path.join(folder, "made", "on the way"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("openFileFolder()", () => {
  test("makes the folder and lists files by name, no folders", () =>
    withFolder(async (files, folder) => {
      assert.deepEqual(await files.list(), []);
      for (const name of ["b", "a"]) await (await files.open(name, { create: true }))!.close();
      await openFileFolder(path.join(folder, "c"));
      await writeFile(path.join(folder, "a"), bytes(5));
      assert.deepEqual(await files.list(), [{ name: "a", size: 5 }, { name: "b", size: 0 }]);
    }));

  test("open() makes a file only when asked to, for its owner alone", () =>
    withFolder(async (files, folder) => {
      assert.equal(await files.open("a"), undefined);
      const file = await files.open("a", { create: true });
      await file!.append([bytes(3)]);
      await file!.close();
      assert.equal((await stat(path.join(folder, "a"))).mode & 0o777, 0o600);
      const again = await files.open("a");
      assert.equal(again!.size, 3);
      await again!.close();
    }));

  test("remove() removes, and does not mind when there is nothing", () =>
    withFolder(async (files) => {
      const file = await files.open("a", { create: true });
      await file!.append([bytes(3)]);
      await files.remove("a");
      assert.deepEqual(await files.list(), []);
      assert.deepEqual(await file!.read(0, 3), bytes(3), "whoever reads it still can");
      await file!.close();
      await files.remove("a");
    }));

  test("a folder that cannot be made is told by its name", () =>
    withFolder(async (_, folder) => {
      await writeFile(path.join(folder, "file"), "");
      await assert.rejects(openFileFolder(path.join(folder, "file", "below")), {
        code: "DATA_FOLDER_UNWRITABLE",
        message: /below/,
      });
    }));
});

describe("AppendFile", () => {
  test("append() tells where the first byte lies, whatever the parts are", () =>
    withFolder(async (files) => {
      const file = (await files.open("a", { create: true }))!;
      // Small ones that are gathered, large ones that are not, more than one gathering, and nothing.
      const sizes = [0, 1, 12, 300_000, 5, 200_000, 250_000, 250_000, 250_000, 250_000, 9, 2_000_000, 0, 80];
      const parts = sizes.map((size, i) => bytes(size, i));
      const whole = new Uint8Array(await new Blob(parts.map((part) => part.slice())).arrayBuffer());
      assert.equal(await file.append([bytes(7)]), 0);
      assert.equal(await file.append(parts), 7);
      assert.equal(await file.append([]), 7 + whole.length);
      assert.equal(file.size, 7 + whole.length);
      await file.sync();
      assert.equal(Buffer.compare(await file.read(7, whole.length), whole), 0);
      await file.close();
      const again = (await files.open("a"))!;
      assert.equal(Buffer.compare(await again.read(7, whole.length), whole), 0);
      await again.close();
    }));

  test("read() gives what is there: whole, part, nothing behind the end", () =>
    withFolder(async (files) => {
      const file = (await files.open("a", { create: true }))!;
      const content = bytes(200_000);
      await file.append([content]);
      assert.deepEqual(await file.read(0, 10), content.slice(0, 10));
      assert.equal(Buffer.compare(await file.read(1, 199_998), content.slice(1, 199_999)), 0);
      assert.deepEqual(await file.read(199_990, 100), content.slice(-10));
      assert.deepEqual(await file.read(200_000, 100), new Uint8Array());
      assert.deepEqual(await file.read(300_000, 2 ** 40), new Uint8Array());
      assert.deepEqual(await Promise.all([file.read(5, 1), file.read(7, 1)]), [
        content.slice(5, 6),
        content.slice(7, 8),
      ]);
      await file.close();
    }));

  test("read() ends where somebody else has cut the file", () =>
    withFolder(async (files, folder) => {
      const file = (await files.open("a", { create: true }))!;
      await file.append([bytes(100_000)]);
      await truncate(path.join(folder, "a"), 90);
      assert.deepEqual(await file.read(80, 20), bytes(100).slice(80, 90));
      assert.deepEqual(await file.read(0, 100_000), bytes(90));
      await file.close();
    }));

  test("truncate() cuts, and what is appended then lies there", () =>
    withFolder(async (files) => {
      const file = (await files.open("a", { create: true }))!;
      await file.append([bytes(10)]);
      await file.truncate(4);
      assert.equal(file.size, 4);
      assert.equal(await file.append([bytes(3, 9)]), 4);
      assert.deepEqual(await file.read(0, 99), Uint8Array.of(...bytes(4), ...bytes(3, 9)));
      await assert.rejects(file.truncate(8), RangeError);
      await file.close();
    }));

  test("a closed file refuses with its name", () =>
    withFolder(async (files) => {
      const file = (await files.open("named", { create: true }))!;
      await file.append([bytes(10)]);
      await file.close();
      await assert.rejects(file.append([bytes(1)]), { name: "NodeError", message: /named/ });
      await assert.rejects(file.read(0, 5), { name: "NodeError", message: /named/ });
      await assert.rejects(file.sync(), { name: "NodeError", message: /named/ });
      assert.equal(file.size, 10, "what failed did not count");
    }));
});
