import { test } from "node:test";
import assert from "node:assert/strict";
import { loadOrCreateToken } from "../../../lib/rpc/token.ts";

const random = { bytes: (length: number) => new Uint8Array(length).fill(0xab), below: () => 0 };

function files(content: Record<string, string>) {
  return {
    content,
    read: (path: string) => Promise.resolve(content[path]),
    write: (path: string, text: string) => Promise.resolve(void (content[path] = text)),
  };
}

test("loadOrCreateToken() makes 32 random bytes in hex once and reads them back", async () => {
  const disk = files({});
  const token = await loadOrCreateToken("/d/token", disk, random);
  assert.equal(token, "ab".repeat(32));
  assert.equal(disk.content["/d/token"], token + "\n");
  assert.equal(await loadOrCreateToken("/d/token", disk, { ...random, bytes: () => assert.fail("made anew") }), token);
});

test("loadOrCreateToken() takes a secret that somebody put there, and refuses what is too short to be one", async () => {
  assert.equal(await loadOrCreateToken("/t", files({ "/t": "x".repeat(40) + "\n" }), random), "x".repeat(40));
  assert.equal((await loadOrCreateToken("/t", files({ "/t": "\n" }), random)).length, 64);
  for (const bad of ["hunter2", "two words ".repeat(5), "é".repeat(40)]) {
    await assert.rejects(loadOrCreateToken("/t", files({ "/t": bad }), random), { code: "TOKEN_INVALID" });
  }
});
