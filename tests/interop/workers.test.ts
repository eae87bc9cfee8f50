/** Threads of the compiled program: its second entry is found inside it, and gives the same answers as the node's own thread. */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { checkProofOfWork } from "../../lib/bitcoin/headers/pow.ts";
import { toDisplayHex } from "../../lib/bitcoin/hash.ts";
import { coinbaseOf } from "../../lib/bitcoin/mining.ts";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { Block, type BlockHeader, headerHash, Transaction } from "../../lib/bitcoin/types/mod.ts";
import { merkleRoot } from "../../lib/bitcoin/types/merkle.ts";
import { toHex } from "../../lib/codec/hex.ts";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";

/** A block on regtest's genesis with so many transactions, which spend what there is not: nobody here asks for it. */
function blockOf(count: number): Block {
  const { header: { time, bits } } = regtest.genesis;
  const hash = headerHash(regtest.genesis.header);
  const template = {
    version: 0x2000_0000,
    previousBlockHash: hash,
    height: 1,
    time: time + 600,
    minimumTime: time,
    bits,
  };
  const anyone = Uint8Array.of(0x51);
  const coinbase = coinbaseOf({ ...template, coinbaseValue: 5_000_000_000n, segwit: false }, anyone);
  const others = Array.from({ length: count - 1 }, (_, i) =>
    Transaction.of({
      version: 2,
      inputs: [{
        prevout: { txid: new Uint8Array(32).fill(i + 1), vout: 0 },
        scriptSig: new Uint8Array(),
        sequence: 0xffff_ffff,
        witness: [],
      }],
      outputs: [{ value: BigInt(i), scriptPubKey: anyone }],
      lockTime: 0,
    }));
  const transactions = [coinbase, ...others];
  const { root } = merkleRoot(transactions.map(({ txid }) => txid));
  const base = { version: template.version, prevBlockHash: hash, merkleRoot: root, time: template.time, bits };
  for (let nonce = 0;; nonce++) {
    const header: BlockHeader = { ...base, nonce };
    if (checkProofOfWork(headerHash(header), bits, regtest.pow)) return Block.of(header, transactions);
  }
}

suite("the compiled program's threads", binaryMissing(), () => {
  const folder = temporaryFolder("gemel-workers-");
  after(() => folder.remove());

  async function answers(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    // Where it is started must not matter: what a thread runs is inside the program.
    const cwd = join(folder.path, `${name}-cwd`);
    mkdirSync(cwd);
    const gemel = await Gemel.start({ dir: join(folder.path, name), chain: REGTEST, args, cwd, env });
    try {
      const block = blockOf(120);
      assert.equal(await gemel.btc("submitblock", [toHex(block.raw)]), null);
      const figures = async () => (await gemel.send("metrics", "", "GET")).text.split("\n");
      const before = await figures();
      const hash = toDisplayHex(block.hash);
      const bodies = await Promise.all([1, 2, 3].map(() => gemel.btcMany("getblock", [[hash, 2]])));
      return {
        text: JSON.stringify(bodies[0]),
        same: new Set(bodies.map((each) => JSON.stringify(each))).size,
        before,
        after: await figures(),
      };
    } finally {
      assert.equal(await gemel.stop(), 143);
    }
  }

  test(
    "a block is taken apart on threads, on none with --workers 0, and the answer is the same",
    { timeout: 120_000 },
    async () => {
      const inline = await answers("inline", ["--workers", "0"]);
      const threads = await answers("threads", [], { GEMEL_RUN_WORKERS: "2" });
      assert.equal(threads.text, inline.text);
      assert.equal((JSON.parse(threads.text) as [{ tx: unknown[] }])[0].tx.length, 120);
      assert.deepEqual([inline.same, threads.same], [1, 1]);
      assert.ok(inline.after.includes("gemel_worker_threads_max 0"));
      assert.ok(threads.after.includes("gemel_worker_threads_max 2"));
      assert.ok(threads.before.includes("gemel_worker_threads 0"), "no thread before there is a job");
      assert.ok(threads.after.includes("gemel_worker_threads 2"));
      assert.ok(threads.after.includes('gemel_jobs_total{outcome="done"} 3'), threads.after.join("\n"));
      assert.ok(inline.after.includes('gemel_jobs_total{outcome="done"} 0'), "in pieces, as no job");
    },
  );
});
