/** Documents that are made from the code say what the code says. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { cliDocument, limitsDocument, linesOf, settingsTable } from "../support/documents.ts";

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");

/** Compares line by line: of two long documents nobody reads the whole difference. */
function assertSame(found: string, expected: string): void {
  const [have, want] = [linesOf(found), linesOf(expected)];
  const at = want.findIndex((line, i) => line !== have[i]);
  assert.equal(have[at], want[at], "run: bun tests/support/documents.ts && deno fmt docs");
  assert.equal(have.length, want.length);
}

test("docs/cli.md has every setting, as the tables have it", () => {
  assert.ok(settingsTable().includes("`peer-memory`"));
  assertSame(read("cli.md"), cliDocument());
});

test("docs/limits.md has every bound, as the code declares it", () => {
  assertSame(read("limits.md"), limitsDocument());
});
