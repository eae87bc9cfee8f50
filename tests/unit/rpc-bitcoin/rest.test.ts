/** Bitcoin's REST: what Core's answers in each format, and what it refuses with which words. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryFilterStore } from "../../../lib/bitcoin/indexes/filter-store.ts";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { Block } from "../../../lib/bitcoin/types/mod.ts";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { turn } from "../core/sim.ts";
import { shown, spendingNode, twoPayments } from "./spending-node.ts";
import { bitcoinNode } from "./support.ts";

type Rest = (path: string, init?: RequestInit) => Promise<Response>;

const GENESIS = shown(regtest.genesis.hash);
const UNKNOWN = "11".repeat(32);
const FORMATS = "output format not found (available: .bin, .hex, .json)";

async function bytesOf(rest: Rest, path: string, init?: RequestInit): Promise<Uint8Array> {
  const response = await rest(path, init);
  assert.deepEqual([response.status, response.headers.get("content-type")], [200, "application/octet-stream"], path);
  return new Uint8Array(await response.arrayBuffer());
}

async function hexOf(rest: Rest, path: string, init?: RequestInit): Promise<string> {
  const response = await rest(path, init);
  assert.deepEqual([response.status, response.headers.get("content-type")], [200, "text/plain"], path);
  const text = await response.text();
  assert.ok(text.endsWith("\n"));
  return text.slice(0, -1);
}

async function jsonOf<T>(rest: Rest, path: string): Promise<T> {
  const response = await rest(path);
  assert.deepEqual([response.status, response.headers.get("content-type")], [200, "application/json"], path);
  const text = await response.text();
  assert.ok(text.endsWith("\n"));
  return JSON.parse(text) as T;
}

/** The same bytes as `.bin` and as `.hex`. */
async function bothOf(rest: Rest, path: string, query = ""): Promise<string> {
  const hex = await hexOf(rest, `${path}.hex${query}`);
  assert.equal(toHex(await bytesOf(rest, `${path}.bin${query}`)), hex);
  return hex;
}

async function refuses(rest: Rest, path: string, status: number, message: string, init?: RequestInit): Promise<void> {
  const response = await rest(path, init);
  assert.deepEqual([response.status, await response.text()], [status, `${message}\r\n`], path);
  assert.equal(response.headers.get("content-type"), "text/plain");
}

/** A chain of 111 blocks; the last has two payments. */
async function scene() {
  const node = await spendingNode({ rest: true, filters: new MemoryFilterStore(), transactionIndex: true });
  const payments = twoPayments(node.coins);
  const block = await node.add(payments);
  while (!node.bitcoin.filters!.isSynced) await turn();
  return { ...node, payments, block, hash: shown(block.hash) };
}

describe("REST", () => {
  test("is there only where it is switched on, and on the plain port only", async () => {
    const { rest, app } = await bitcoinNode();
    assert.equal((await rest("chaininfo.json")).status, 404);
    const on = await bitcoinNode({ rest: true });
    const info = await on.rest("chaininfo.json");
    assert.equal(info.status, 200);
    assert.deepEqual(
      [info.headers.get("x-validation"), info.headers.get("x-content-type-options")],
      ["structure", "nosniff"],
    );
    assert.deepEqual(await info.json(), await on.call("getblockchaininfo"));
    const other = await on.app.fetch(new Request("https://127.0.0.1/rest/chaininfo.json"));
    assert.equal(other.status, 401);
    assert.ok(app !== undefined);
  });

  test("does not answer pages of others, nor by another's name; reads need no password", async () => {
    const { rest } = await bitcoinNode({ rest: true });
    assert.equal((await rest("chaininfo.json", { headers: { origin: "http://evil.example" } })).status, 403);
    assert.equal((await rest("chaininfo.json", { headers: { host: "evil.example" } })).status, 421);
    await refuses(rest, "chaininfo.json", 405, "GET or POST", { method: "DELETE" });
    await refuses(rest, "nonsense", 404, "Not Found");
  });

  test("headers, upwards from a block of the active chain", async () => {
    const { rest, call, bitcoin, hash } = await scene();
    const from = await call<string>("getblockhash", 108);
    const expected = [108, 109, 110, 111].map((height) => toHex(bitcoin.headers.headerBytes(bitcoin.activeAt(height))));
    assert.equal(await bothOf(rest, `headers/${from}`), expected.join(""));
    assert.equal(await bothOf(rest, `headers/${from}`, "?count=2"), expected.slice(0, 2).join(""));
    assert.equal(await bothOf(rest, `headers/2/${from}`), expected.slice(0, 2).join(""));
    const headers = await jsonOf<unknown[]>(rest, `headers/${from}.json?count=2000`);
    assert.deepEqual(headers, [
      await call("getblockheader", from),
      await call("getblockheader", await call("getblockhash", 109)),
      await call("getblockheader", await call("getblockhash", 110)),
      await call("getblockheader", hash),
    ]);
    assert.deepEqual(await jsonOf(rest, `headers/${UNKNOWN}.json`), []);
    for (const count of ["0", "2001", "-1", "x", "1.5", ""]) {
      const message = `Header count is invalid or out of acceptable range (1-2000): ${count}`;
      await refuses(rest, `headers/${from}.bin?count=${count}`, 400, message);
    }
    await refuses(rest, "headers/xyz.bin", 400, "Invalid hash: xyz");
    await refuses(rest, `headers/${from}`, 404, FORMATS);
    await refuses(rest, `headers/${from}.txt`, 400, `Invalid hash: ${from}.txt`);
    const format = "Invalid URI format. Expected /rest/headers/<hash>.<ext>?count=<count>";
    await refuses(rest, `headers/1/2/${from}.bin`, 400, format);
  });

  test("blocks, parts of them, and their hashes by height", async () => {
    const { rest, call, block, hash } = await scene();
    assert.equal(await bothOf(rest, `block/${hash}`), toHex(block.raw));
    assert.equal(await bothOf(rest, `block/notxdetails/${hash}`), toHex(block.raw));
    assert.deepEqual(await jsonOf(rest, `block/${hash}.json`), await call("getblock", hash, 3));
    assert.deepEqual(await jsonOf(rest, `block/notxdetails/${hash}.json`), await call("getblock", hash, 1));
    await refuses(rest, `block/${UNKNOWN}.bin`, 404, `${UNKNOWN} not found`);
    await refuses(rest, "block/00.json", 400, "Invalid hash: 00");
    await refuses(rest, `block/${hash}`, 404, FORMATS);

    assert.equal(await bothOf(rest, `blockpart/${hash}`, "?offset=4&size=32"), toHex(block.raw.subarray(4, 36)));
    const { length } = block.raw;
    assert.equal(await hexOf(rest, `blockpart/${hash}.hex?offset=${length - 1}&size=1`), toHex(block.raw.subarray(-1)));
    for (const [offset, size] of [[0, 0], [0, length + 1], [length, 1]] as const) {
      const message = `Bad block part offset/size ${offset}/${size} for ${hash}`;
      await refuses(rest, `blockpart/${hash}.bin?offset=${offset}&size=${size}`, 400, message);
    }
    await refuses(rest, `blockpart/${hash}.bin?size=1`, 400, "Block part offset missing or invalid");
    await refuses(rest, `blockpart/${hash}.bin?offset=-1&size=1`, 400, "Block part offset missing or invalid");
    await refuses(rest, `blockpart/${hash}.bin?offset=1`, 400, "Block part size missing or invalid");
    const noJson = "JSON output is not supported for this request type";
    await refuses(rest, `blockpart/${hash}.json?offset=0&size=1`, 400, noJson);

    assert.equal(toHex(await bytesOf(rest, "blockhashbyheight/111.bin")), toHex(block.hash));
    assert.equal(await hexOf(rest, "blockhashbyheight/111.hex"), hash);
    assert.deepEqual(await jsonOf(rest, "blockhashbyheight/111.json"), { blockhash: hash });
    await refuses(rest, "blockhashbyheight/112.json", 404, "Block height out of range");
    for (const height of ["-1", "x", "2147483648", ""]) {
      await refuses(rest, `blockhashbyheight/${height}.json`, 400, `Invalid height: ${height}`);
    }
  });

  test("what a block spends, by transaction", async () => {
    const { rest, call, hash } = await scene();
    // Nothing by the coinbase; one output of OP_TRUE; the witness program that the block made, and OP_TRUE.
    const fifty = "00f2052a0100000001" + "51";
    const thirty = "005ed0b200000000" + "22" + "00204ae81572f06e1b88fd5ced7a1a000945432e83e1551e6f721ee9c00b8cc33260";
    assert.equal(await bothOf(rest, `spenttxouts/${hash}`), `0300${"01"}${fifty}${"02"}${thirty}${fifty}`);
    const json = await jsonOf<{ value: number; scriptPubKey: { hex: string; type: string } }[][]>(
      rest,
      `spenttxouts/${hash}.json`,
    );
    assert.deepEqual(json.map((coins) => coins.map(({ value }) => value)), [[], [50], [30, 50]]);
    const { tx } = await call<{ tx: { vin: { prevout: { scriptPubKey: unknown } }[] }[] }>("getblock", hash, 3);
    assert.deepEqual(json[2]![0]!.scriptPubKey, tx[2]!.vin[0]!.prevout.scriptPubKey);
    assert.equal(await bothOf(rest, `spenttxouts/${GENESIS}`), "0100");
    await refuses(rest, `spenttxouts/${UNKNOWN}.bin`, 404, `${UNKNOWN} not found`);
    await refuses(
      rest,
      `spenttxouts/a/${hash}.bin`,
      400,
      "Invalid URI format. Expected /rest/spenttxouts/<hash>.<ext>",
    );
    const plain = await bitcoinNode({ rest: true });
    const [mined] = await plain.mine(1);
    await refuses(plain.rest, `spenttxouts/${shown(mined!.hash)}.bin`, 404, `${shown(mined!.hash)} undo not available`);
  });

  test("filters of blocks and their headers", async () => {
    const { rest, call, hash, block } = await scene();
    const { filter, header } = await call<{ filter: string; header: string }>("getblockfilter", hash);
    const bytes = `00${toHex(block.hash)}${(filter.length / 2).toString(16).padStart(2, "0")}${filter}`;
    assert.equal(await bothOf(rest, `blockfilter/basic/${hash}`), bytes);
    assert.deepEqual(await jsonOf(rest, `blockfilter/basic/${hash}.json`), { filter });
    const before = await call<string>("getblockhash", 110);
    const both = [(await call<{ header: string }>("getblockfilter", before)).header, header];
    assert.deepEqual(await jsonOf(rest, `blockfilterheaders/basic/${before}.json?count=9`), both);
    assert.deepEqual(await jsonOf(rest, `blockfilterheaders/basic/1/${before}.json`), both.slice(0, 1));
    const wire = both.map((each) => toHex(fromHex(each).toReversed())).join("");
    assert.equal(await bothOf(rest, `blockfilterheaders/basic/${before}`), wire);
    await refuses(rest, `blockfilter/v0/${hash}.bin`, 400, "Unknown filtertype v0");
    await refuses(rest, `blockfilterheaders/v0/${hash}.bin`, 400, "Unknown filtertype v0");
    await refuses(rest, "blockfilter/basic/00.bin", 400, "Invalid hash: 00");
    await refuses(rest, `blockfilter/basic/${UNKNOWN}.bin`, 404, `${UNKNOWN} not found`);
    const format = "Invalid URI format. Expected /rest/blockfilter/<filtertype>/<blockhash>";
    await refuses(rest, `blockfilter/${hash}.bin`, 400, format);
    const plain = await bitcoinNode({ rest: true });
    for (const path of ["blockfilter", "blockfilterheaders"]) {
      const message = "Index is not enabled for filtertype basic";
      await refuses(plain.rest, `${path}/basic/${GENESIS}.json`, 400, message);
    }
  });

  test("transactions by the index", async () => {
    const { rest, call, payments, hash } = await scene();
    const txid = shown(payments[1].txid);
    assert.equal(await bothOf(rest, `tx/${txid}`), toHex(payments[1].raw));
    const json = await jsonOf<Record<string, unknown>>(rest, `tx/${txid}.json`);
    const { confirmations, time, blocktime, ...told } = await call<Record<string, unknown>>(
      "getrawtransaction",
      txid,
      1,
    );
    assert.deepEqual(json, told);
    assert.deepEqual(Object.keys(json).slice(-2), ["blockhash", "hex"]);
    assert.ok(json.blockhash === hash && confirmations === 1 && time === blocktime);
    await refuses(rest, `tx/${UNKNOWN}.hex`, 404, `${UNKNOWN} not found`);
    await refuses(rest, "tx/ab.hex", 400, "Invalid hash: ab");
  });

  test("unspent outputs, named in the path or in the body", async () => {
    const { rest, payments, hash, coins, block } = await scene();
    const [spent, left, none] = [
      `${shown(payments[0].txid)}-0`,
      `${shown(payments[1].txid)}-1`,
      `${UNKNOWN}-4294967295`,
    ];
    const path = `getutxos/${spent}/${left}/${none}`;
    const told = await jsonOf<{ utxos: { height: number; value: number; scriptPubKey: { hex: string } }[] }>(
      rest,
      `${path}.json`,
    );
    const { utxos, ...rest_ } = told;
    assert.deepEqual(rest_, { chainHeight: 111, chaintipHash: hash, bitmap: "010" });
    assert.deepEqual(utxos.map(({ height, value, scriptPubKey }) => [height, value, scriptPubKey.hex]), [
      [111, 79.9998, "51"],
    ]);
    const output = "e001d6dc01000000" + "0151";
    const bytes = `6f000000${toHex(block.hash)}${"01"}${"02"}${"01"}00000000${"6f000000"}${output}`;
    assert.equal(await bothOf(rest, path), bytes);
    // Nine make a second byte of the bitmap.
    const many = coins.slice(2, 11).map(({ txid }) => `${shown(txid)}-0`).join("/");
    assert.equal((await hexOf(rest, `getutxos/${many}.hex`)).slice(72, 78), "02ff01");

    const outpoints = [payments[0].txid, payments[1].txid].map((txid, i) => `${toHex(txid)}0${i}000000`).join("");
    const body = `0002${outpoints}`;
    const posted = `6f000000${toHex(block.hash)}${"01"}${"02"}${"01"}00000000${"6f000000"}${output}`;
    assert.equal(await hexOf(rest, "getutxos.hex", { method: "POST", body }), posted);
    const raw = await bytesOf(rest, "getutxos.bin", { method: "POST", body: fromHex(body).slice() });
    assert.equal(toHex(raw), posted);

    const post = (body: string) => ({ method: "POST", body });
    await refuses(rest, "getutxos.json", 400, "Error: empty request");
    await refuses(rest, "getutxos/checkmempool.json", 400, "Error: empty request");
    await refuses(rest, "getutxos.json", 400, "Error: empty request", post(body));
    for (const part of ["x", `${UNKNOWN}`, `${UNKNOWN}-`, `${UNKNOWN}--1`, `${UNKNOWN}-4294967296`, "-1", ""]) {
      await refuses(rest, `getutxos/${left}/${part}.json`, 400, "Parse error");
    }
    await refuses(rest, "getutxos.hex", 400, "Parse error", post("00"));
    await refuses(rest, "getutxos.hex", 400, "Parse error", post("zz"));
    const combined = "Combination of URI scheme inputs and raw post data is not allowed";
    await refuses(rest, `getutxos/${left}.hex`, 400, combined, post(body));
    const sixteen = Array.from({ length: 16 }, () => left).join("/");
    const tooMany = "Error: max outpoints exceeded (max: 15, tried: 16)";
    await refuses(rest, `getutxos/${sixteen}.json`, 400, tooMany);
    await refuses(rest, "getutxos.hex", 400, tooMany, post(`0010${`${"11".repeat(32)}00000000`.repeat(16)}`));
    await refuses(rest, `getutxos/${left}`, 404, FORMATS);
    await refuses(rest, `getutxos/checkmempool/${left}.json`, 404, "Mempool disabled or instance not found");
    assert.equal((await rest("getutxos.hex", post("00".repeat(40_000)))).status, 413);
  });

  test("no mempool is kept; what JSON-RPC has is there too", async () => {
    const { rest, call } = await bitcoinNode({ rest: true });
    assert.deepEqual(await jsonOf(rest, "deploymentinfo.json"), await call("getdeploymentinfo"));
    assert.deepEqual(await jsonOf(rest, `deploymentinfo/${GENESIS}.json`), await call("getdeploymentinfo", GENESIS));
    for (const path of ["mempool/info.json", "mempool/contents.json"]) {
      await refuses(rest, path, 404, "Mempool disabled or instance not found");
    }
    const format = "Invalid URI format. Expected /rest/mempool/<info|contents>.json";
    await refuses(rest, "mempool/x.json", 400, format);
    await refuses(rest, "chaininfo.bin", 404, "output format not found (available: json)");
    await refuses(rest, `deploymentinfo/${UNKNOWN}.json`, 400, "Block not found");
    await refuses(rest, "deploymentinfo/xyz.json", 400, "Invalid hash: xyz");
    await refuses(rest, "deploymentinfo.hex", 404, "output format not found (available: json)");
  });

  test("a pruned block, a light node, a store that is closed", async () => {
    const { rest, bitcoin } = await bitcoinNode({
      rest: true,
      overrides: { block: () => Promise.reject(new TypeError("/home/somebody/blocks: closed")) },
    });
    await refuses(rest, `block/${GENESIS}.bin`, 500, "the request failed inside the node");
    assert.ok(bitcoin !== undefined);
    const gone = await bitcoinNode({ rest: true, overrides: { block: () => Promise.resolve(undefined) } });
    await refuses(gone.rest, `block/${GENESIS}.bin`, 404, `${GENESIS} not available (not fully downloaded)`);
    const light = await bitcoinNode({ rest: true, mode: "headers" });
    const headers = await hexOf(light.rest, `headers/${GENESIS}.hex`);
    assert.equal(headers, toHex(Block.decode(regtest.genesis.blockBytes).raw.subarray(0, 80)));
    const message = "this node keeps no unspent outputs; --mode full does";
    await refuses(light.rest, `getutxos/${UNKNOWN}-0.json`, 404, message);
  });
});
