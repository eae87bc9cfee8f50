import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decodeWire, wireTypes } from "../../lib/decoding.ts";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { GetHeaders, messages as bitcoinMessages, Version } from "../../lib/bitcoin/wire/mod.ts";
import { encodeEnvelope, messages as chiaMessages, requestBlock } from "../../lib/chia/protocol/mod.ts";
import * as chiaTypes from "../../lib/chia/types/mod.ts";
import { fromHex } from "../../lib/codec/hex.ts";

const decode = (name: string, bytes: Uint8Array | string) =>
  decodeWire(name, typeof bytes === "string" ? fromHex(bytes) : bytes, regtest);

describe("decodeWire()", () => {
  test("knows every message and structure of both chains by one name each", () => {
    const names = wireTypes.map(({ chain, name }) => `${chain}.${name}`);
    assert.equal(new Set(names).size, names.length);
    for (const { type } of bitcoinMessages) assert.ok(names.includes(`bitcoin.${type}`), type);
    for (const { name } of chiaMessages) assert.ok(names.includes(`chia.${name}`), name);
    for (const name of ["header", "outpoint", "output", "inventory", "net_address"]) {
      assert.ok(names.includes(`bitcoin.${name}`), name);
    }
    for (const { name } of [chiaTypes.FullBlock, chiaTypes.Coin, chiaTypes.WeightProof]) {
      assert.ok(names.includes(`chia.${name}`), name);
    }
  });

  test("Bitcoin: hashes as people write them, other bytes as they are, names in snake case", () => {
    const stop = new Uint8Array(32);
    stop[0] = 1;
    assert.deepEqual(decode("getheaders", GetHeaders.encode({ version: 70016, locator: [stop], stop })), {
      version: 70016,
      locator: ["00".repeat(31) + "01"],
      stop: "00".repeat(31) + "01",
    });
    assert.deepEqual(decode("outpoint", "01" + "00".repeat(31) + "07000000"), {
      txid: "00".repeat(31) + "01",
      vout: 7,
    });
    const genesis = decode("bitcoin.block", regtest.genesis.blockBytes) as { hash: string; tx: { txid: string }[] };
    assert.equal(genesis.hash, "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206");
    assert.equal(genesis.tx[0]?.txid, "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b");
    assert.deepEqual(decode("header", regtest.genesis.blockBytes.subarray(0, 80)), {
      hash: genesis.hash,
      version: 1,
      previousblockhash: "00".repeat(32),
      merkleroot: "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b",
      time: 1296688602,
      bits: "207fffff",
      nonce: 2,
    });
  });

  test("Bitcoin: what old peers leave off is null, and a number keeps all its digits", () => {
    const services = 2n ** 63n + 1n;
    const address = { services, ip: new Uint8Array(16), port: 1 };
    const version = {
      ...{ version: 70016, services, timestamp: 5n, addrRecv: address, addrFrom: null, nonce: null },
      ...{ userAgent: null, startHeight: null, relay: null },
    };
    const json = decode("version", Version.encode(version)) as { services: bigint; addr_from: null; timestamp: number };
    assert.deepEqual([json.services, json.addr_from, json.timestamp], [services, null, 5]);
  });

  test("Chia: a body by its message, a structure, and an envelope with the body in it", () => {
    const body = { height: 7, includeTransactionBlock: true };
    const json = { height: 7, include_transaction_block: true };
    const bytes = requestBlock.body.encode(body);
    assert.deepEqual(decode("request_block", bytes), json);
    assert.deepEqual(decode("RequestBlock", bytes), json);
    const envelope = encodeEnvelope({ type: requestBlock.id, id: 9, data: bytes });
    assert.deepEqual(decode("Message", envelope), { type: "request_block", id: 9, data: json });
    assert.deepEqual(decode("Message", encodeEnvelope({ type: 250, id: null, data: Uint8Array.of(1) })), {
      type: 250,
      id: null,
      data: "0x01",
    });
  });

  test("throws for a name that nobody has, and for bytes that are too few or too many", () => {
    assert.throws(() => decode("nothing", "00"), { code: "TYPE_UNKNOWN" });
    assert.throws(() => decode("chia.getheaders", "00"), { code: "TYPE_UNKNOWN" });
    for (const name of ["getheaders", "Handshake", "tx", "header"]) {
      assert.throws(() => decode(name, "00"), { name: "CodecError" }, name);
    }
    const bytes = requestBlock.body.encode({ height: 7, includeTransactionBlock: true });
    assert.throws(() => decode("request_block", Uint8Array.of(...bytes, 0)), { name: "CodecError" });
    assert.throws(() => decode("outpoint", "00".repeat(37)), { name: "CodecError" });
  });
});
