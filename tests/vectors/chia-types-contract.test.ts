/**
 * Every declaration against the wire table (`chia-types.json`), when that lies beside this repository.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import {
  AGGREGATE_LIMIT,
  Capability,
  DEFAULT_CAPABILITIES,
  Err,
  messageByName,
  messages,
  NodeType,
  PROTOCOL_VERSION,
  type RateLimit,
} from "../../lib/chia/protocol/mod.ts";
import * as enums from "../../lib/chia/protocol/enums.ts";
import { type Fields, snakeCase, type Struct } from "../../lib/chia/streamable/mod.ts";
import * as types from "../../lib/chia/types/mod.ts";

interface Limit {
  readonly aggregate?: boolean;
  readonly frequency?: number;
  readonly unlimited?: boolean;
  readonly max_size: number;
  readonly max_total_size?: number;
}
interface Table {
  readonly structs: Record<string, [string, string][]>;
  readonly enums: Record<string, Record<string, number>>;
  readonly protocol_version: Record<string, string>;
  readonly default_capabilities: Record<string, [number, string][]>;
  readonly no_reply_expected: string[];
  readonly aggregate_rate_limit: { readonly frequency: number; readonly max_total_size: number };
  readonly messages: {
    readonly name: string;
    readonly id: number;
    readonly struct: string | null;
    readonly senders: string[];
    readonly handlers: string[];
    readonly valid_replies: string[] | null;
    readonly rate_limit: { readonly v1: Limit; readonly v2?: Limit; readonly v3_window?: number | null };
  }[];
}

const file = new URL("../../../shared/spec/chia-types.json", import.meta.url);
const skip = existsSync(file) ? false : "../shared/spec/chia-types.json is absent";
const table = (): Table => JSON.parse(readFileSync(file, "utf8")) as Table;
const structs = types as unknown as Record<string, Struct<Fields>>;

const nodeName = new Map(Object.entries(NodeType).map(([name, number]) => [number as number, name]));
const names = (nodes: readonly number[]) => nodes.map((node) => nodeName.get(node)!).sort();
const limitOf = (limit: RateLimit): Limit =>
  limit.unlimited ? { unlimited: true, max_size: limit.bytesMax } : {
    aggregate: limit.aggregate,
    frequency: limit.perMinute,
    max_size: limit.bytesMax,
    max_total_size: limit.totalBytesMax,
  };

describe("declarations and the wire table", () => {
  test("structs have the same fields of the same types in the same order", { skip }, () => {
    const expected = table().structs;
    assert.equal(Object.keys(expected).length, 165);
    for (const [name, fields] of Object.entries(expected)) {
      const struct = structs[name];
      assert.ok(struct !== undefined, name);
      assert.equal(struct.name, name);
      assert.deepEqual(Object.entries(struct.fields).map(([key, codec]) => [snakeCase(key), codec.type]), fields, name);
    }
  });

  test("messages have the same number, body, senders, handlers, replies and limits", { skip }, () => {
    const expected = table();
    assert.equal(messages.length, expected.messages.length);
    for (const { name, id, struct, senders, handlers, valid_replies, rate_limit } of expected.messages) {
      const message = messageByName(name);
      assert.ok(message !== undefined, name);
      const { v1, v2, v3Window } = message.limits;
      assert.deepEqual({
        id: message.id,
        struct: message.body?.name ?? null,
        senders: names(message.sentBy),
        handlers: names(message.handledBy),
        replies: message.replies().map((reply) => reply.name),
        broadcast: message.broadcast,
        limits: {
          v1: limitOf(v1),
          ...(v2 === undefined ? {} : { v2: limitOf(v2) }),
          ...(v3Window === undefined ? {} : { v3_window: v3Window }),
        },
      }, {
        id,
        struct,
        senders: [...senders].sort(),
        handlers: [...handlers].sort(),
        replies: valid_replies ?? [],
        broadcast: expected.no_reply_expected.includes(name),
        limits: rate_limit,
      }, name);
    }
  });

  test("enums, errors, versions and capabilities are the same", { skip }, () => {
    const expected = table();
    const { Err: errors, ...others } = expected.enums;
    assert.deepEqual({ ...Err }, errors);
    for (const [name, values] of Object.entries(others)) {
      assert.deepEqual({ ...(enums as unknown as Record<string, Record<string, number>>)[name] }, values, name);
    }
    const byName = <T>(record: Readonly<Record<number, T>>) =>
      Object.fromEntries(Object.entries(record).map(([node, value]) => [nodeName.get(Number(node))!, value]));
    assert.deepEqual(byName(PROTOCOL_VERSION), expected.protocol_version);
    assert.deepEqual(byName(DEFAULT_CAPABILITIES), expected.default_capabilities);
    assert.equal(AGGREGATE_LIMIT.perMinute, expected.aggregate_rate_limit.frequency);
    assert.equal(AGGREGATE_LIMIT.totalBytesMax, expected.aggregate_rate_limit.max_total_size);
    assert.equal(Capability.BASE, 1);
  });
});
