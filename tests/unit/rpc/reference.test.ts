/**
 * The same requests to chia-blockchain (recorded by record-reference.py) and to this node that holds the same chain.
 *
 * @module
 */
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { type Json, type JsonObject, parseJson, stringifyJson } from "../../../lib/codec/json.ts";
import { recordedNode } from "./support.ts";

/** Fields that may differ, by route; docs/rpc.md says why. */
const DIFFERENT: Readonly<Record<string, readonly string[]>> = {
  get_blockchain_state: ["node_id", "mempool_size", "mempool_cost", "mempool_fees", "sync"],
  get_log_level: ["level"],
  reset_log_level: ["level"],
};

function without(value: Json, names: readonly string[]): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const kept = Object.entries(value).filter(([name]) => !names.includes(name));
  return Object.fromEntries(kept.map(([name, item]) => [name, without(item, names)]));
}

const { exchanges, request } = await recordedNode();

describe("recorded answers of chia-blockchain", () => {
  test("there are enough of them", () => assert.ok(exchanges.length > 90));

  for (const { route, body, status, answer } of exchanges) {
    test(`${route} ${body?.slice(0, 90) ?? "by GET"}`, async () => {
      const response = await request(`/${route}`, body === null ? {} : { method: "POST", body });
      const text = await response.text();
      assert.equal(response.status, status, text);
      // Plain texts (404, 405, 500) are told by their status; the words are the server's own.
      if (typeof answer === "string") return;
      const allowed = DIFFERENT[route] ?? [];
      const ours = without(parseJson(text), allowed);
      assert.equal(
        stringifyJson(ours, { sortKeys: true }),
        stringifyJson(without(answer, allowed), { sortKeys: true }),
      );
      assert.equal(text, stringifyJson(parseJson(text) as JsonObject, { sortKeys: true }), "keys are sorted");
    });
  }
});
