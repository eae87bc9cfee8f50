/** Files that the operator names, on a real disk. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { namedFiles } from "#platform";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gemel-named-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("namedFiles()", () => {
  test("opens no pipe, which might never open, and makes no file of what a link leads to", () =>
    inFolder(async (folder) => {
      const files = namedFiles(folder);
      const [pipe, link, precious] = [files.path("pipe"), files.path("a.incomplete"), files.path("precious")];
      assert.equal(spawnSync("mkfifo", [pipe]).status, 0);
      await assert.rejects(files.open(pipe), { code: "FILE_FAILED" });
      await writeFile(precious, "precious");
      await symlink(precious, link);
      const file = await files.create(link);
      await file.append([Uint8Array.of(1)]);
      await file.close();
      assert.equal(await readFile(precious, "utf8"), "precious");
      assert.deepEqual([...await readFile(link)], [1]);
    }));

  test("finds relative names below its folder, and others where they are", () =>
    inFolder(async (folder) => {
      const files = namedFiles(folder);
      assert.equal(files.path("a/b.dat"), path.join(folder, "a/b.dat"));
      assert.equal(files.path("/elsewhere/b.dat"), "/elsewhere/b.dat");
      assert.equal(await files.exists(files.path("a.dat")), false);
      assert.equal(await files.exists(folder), true);
    }));

  test("makes a file in the place of another, gives it its name, and only reads what it opens", () =>
    inFolder(async (folder) => {
      const files = namedFiles(folder);
      const [part, whole] = [files.path("a.incomplete"), files.path("a")];
      await writeFile(part, "left behind by an earlier run");
      const file = await files.create(part);
      await file.append([Uint8Array.of(1, 2)]);
      await file.sync();
      await file.close();
      await files.rename(part, whole);
      assert.deepEqual([...await readFile(whole)], [1, 2]);
      assert.equal(await files.exists(part), false);
      const opened = await files.open(whole);
      assert.deepEqual([opened.size, [...await opened.read(1, 9)]], [2, [2]]);
      await opened.close();
      await files.remove(whole);
      await files.remove(whole);
      await assert.rejects(files.open(whole), { code: "FILE_FAILED" });
      await assert.rejects(files.open(folder), { code: "FILE_FAILED" });
      await assert.rejects(files.create(path.join(folder, "no", "a")), { code: "FILE_FAILED" });
    }));
});
