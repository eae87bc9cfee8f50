/** Clients that others wrote hand transactions in, see them wait and see them mined, by the compiled program. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { scriptToAddress, Transaction } from "../../lib/bitcoin/types/mod.ts";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { KEYS } from "../support/script-keys.ts";
import { coinOf, keyScript, spend } from "../unit/bitcoin-mempool/pool-world.ts";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { btcctl, btcctlMissing, pythonClient, pythonClientsMissing } from "./bitcoin-clients.ts";
import { freePort } from "../support/free-port.ts";

const RPCAUTH =
  "alice:7d9ba5ae63c3d4dc30583ff4fe65a67e$14b2e8d3de3f55bb1b168d2a317e9ca52e092653ec03a9703636da6162bfd92a";
const ADDRESS = scriptToAddress(keyScript(KEYS[0]!), regtest)!;
const FEE = 20_000;

suite("clients that send transactions", binaryMissing(), () => {
  const folder = temporaryFolder("gemel-senders-");
  let gemel: Gemel;
  let port = 0;
  const url = () => `http://alice:secret@127.0.0.1:${port}`;

  before(async () => {
    port = await freePort();
    const args = ["--btc-rpc-http", `127.0.0.1:${port}`, "--rpcauth", RPCAUTH];
    gemel = await Gemel.start({ dir: join(folder.path, "node"), chain: REGTEST, args });
    await gemel.btc("generatetoaddress", [110, ADDRESS]);
  });
  after(async () => {
    await gemel?.stop();
    folder.remove();
  });

  /** A payment of the coinbase at a height: its hex and its id. */
  async function payment(height: number) {
    const hash = await gemel.btc("getblockhash", [height]);
    const { tx: [coinbase] } = await gemel.btc("getblock", [hash, 2]) as unknown as { tx: { hex: string }[] };
    const made = spend([coinOf(Transaction.decode(fromHex(coinbase!.hex)))], FEE);
    return { hex: toHex(made.raw), txid: toHex(made.txid.toReversed()) };
  }

  test("btcctl", { skip: btcctlMissing() ?? false }, async () => {
    const { hex, txid } = await payment(1);
    const call = (...args: string[]) =>
      btcctl(["--notls", "-s", `127.0.0.1:${port}`, "-u", "alice", "-P", "secret", ...args]);
    assert.equal(call("sendrawtransaction", hex).stdout, txid);
    assert.deepEqual(JSON.parse(call("getrawmempool").stdout), [txid]);
    assert.equal(JSON.parse(call("getmempoolinfo").stdout).size, 1);
    assert.equal(JSON.parse(call("getrawtransaction", txid, "1").stdout).hex, hex);
    const [block] = JSON.parse(call("generatetoaddress", "1", ADDRESS).stdout) as [string];
    assert.deepEqual((JSON.parse(call("getblock", block, "1").stdout) as { tx: string[] }).tx.slice(1), [txid]);
    assert.deepEqual(JSON.parse(call("getrawmempool").stdout), []);
    assert.match(call("sendrawtransaction", hex).stderr, /"code":-27/);
  });

  test("python-bitcoinrpc", { skip: pythonClientsMissing() ?? false }, async () => {
    const { hex, txid } = await payment(2);
    assert.deepEqual(pythonClient("send-bitcoinrpc", url(), hex), {
      ...{ allowed: true, txid, fee: "0.00020000", waits: true, mined: 1, left: [], again: -27 },
    });
  });

  test("python-bitcoinlib", { skip: pythonClientsMissing() ?? false }, async () => {
    const { hex, txid } = await payment(3);
    assert.deepEqual(pythonClient("send-bitcoinlib", url(), hex), {
      ...{ txid, waits: true, same: true, made: true, without: null, mined: true, again: -27 },
    });
  });
});
