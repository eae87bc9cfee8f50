import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decodeContents, encodeType } from "../../../lib/bitcoin/wire/v2/message-types.ts";

describe("short message ids", () => {
  // BIP324's table from 1 on; 37 is BIP434's.
  const types = ("addr block blocktxn cmpctblock feefilter filteradd filterclear filterload getblocks getblocktxn " +
    "getdata getheaders headers inv mempool merkleblock notfound ping pong sendcmpct tx getcfilters cfilter " +
    "getcfheaders cfheaders getcfcheckpt cfcheckpt addrv2").split(" ");
  const table = new Map([...types.entries()].map(([i, type]) => [i + 1, type])).set(37, "feature");

  test("are those of the BIP, both ways, and no others are understood", () => {
    for (let id = 1; id < 256; id++) {
      assert.equal(decodeContents(Uint8Array.of(id, 5))?.type, table.get(id), `id ${id}`);
    }
    for (const [id, type] of table) assert.deepEqual(encodeType(type), Uint8Array.of(id));
  });

  test("the messages of the handshake have none", () => {
    for (const type of ["version", "verack", "getaddr", "sendheaders", "wtxidrelay", "sendaddrv2"]) {
      assert.equal(encodeType(type).length, 13);
      assert.equal(decodeContents(encodeType(type))!.type, type);
    }
  });

  test("a type in full is understood even when it has a short id", () => {
    const contents = new Uint8Array(14);
    contents.set(new TextEncoder().encode("ping"), 1);
    assert.deepEqual(decodeContents(contents), { type: "ping", payload: new Uint8Array(1) });
  });

  test("encodeType() refuses what v1 could not name", () => {
    for (const type of ["", "thirteenchars", "é", "a\0"]) assert.throws(() => encodeType(type), RangeError, type);
  });
});
