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

/** Transactions of the last block. */
const TRANSACTIONS = 120;
/** Anybody may spend it. */
const ANYONE = Uint8Array.of(0x51);

/** A block on regtest whose coinbase anybody may spend. */
function mined(parent: BlockHeader, height: number, others: readonly Transaction[]): Block {
  const { bits } = regtest.genesis.header;
  const [previousBlockHash, time] = [headerHash(parent), parent.time + 600];
  const template = { version: 0x2000_0000, previousBlockHash, height, time, minimumTime: time, bits };
  const coinbase = coinbaseOf({ ...template, coinbaseValue: 5_000_000_000n, segwit: false }, ANYONE);
  const transactions = [coinbase, ...others];
  const { root } = merkleRoot(transactions.map(({ txid }) => txid));
  const base = { version: template.version, prevBlockHash: previousBlockHash, merkleRoot: root, time, bits };
  for (let nonce = 0;; nonce++) {
    const header: BlockHeader = { ...base, nonce };
    if (checkProofOfWork(headerHash(header), bits, regtest.pow)) return Block.of(header, transactions);
  }
}

/** Transactions that each spend the one before, the first of them the output of a coinbase. */
function spending(first: Transaction, count: number): Transaction[] {
  const made: Transaction[] = [];
  for (let i = 0; i < count; i++) {
    const { txid } = made.at(-1) ?? first;
    const input = { prevout: { txid, vout: 0 }, scriptSig: new Uint8Array(), sequence: 0xffff_ffff, witness: [] };
    const outputs = [{ value: BigInt(count - i), scriptPubKey: ANYONE }];
    made.push(Transaction.of({ version: 2, inputs: [input], outputs, lockTime: 0 }));
  }
  return made;
}

/** A hundred blocks, and one more that spends the coinbase of the first. */
function chain(): { readonly empty: readonly Block[]; readonly full: Block } {
  const empty: Block[] = [];
  for (let height = 1; height <= 100; height++) {
    empty.push(mined(empty.at(-1)?.header ?? regtest.genesis.header, height, []));
  }
  const spends = spending(empty[0]!.transactions[0]!, TRANSACTIONS - 1);
  return { empty, full: mined(empty.at(-1)!.header, 101, spends) };
}

/** How many jobs were done, by the figures of a node. */
function jobsDone(figures: readonly string[]): number {
  const start = 'gemel_jobs_total{outcome="done"} ';
  return Number(figures.find((line) => line.startsWith(start))?.slice(start.length));
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
      const submit = async (block: Block) => assert.equal(await gemel.btc("submitblock", [toHex(block.raw)]), null);
      const { empty, full } = chain();
      for (const block of empty) await submit(block);
      const figures = async () => (await gemel.send("metrics", "", "GET")).text.split("\n");
      const before = await figures();
      // Its scripts are jobs as well.
      await submit(full);
      const done = jobsDone(await figures());
      const hash = toDisplayHex(full.hash);
      const bodies = await Promise.all([1, 2, 3].map(() => gemel.btcMany("getblock", [[hash, 2]])));
      return {
        text: JSON.stringify(bodies[0]),
        same: new Set(bodies.map((each) => JSON.stringify(each))).size,
        before,
        after: await figures(),
        scripts: done,
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
      assert.equal((JSON.parse(threads.text) as [{ tx: unknown[] }])[0].tx.length, TRANSACTIONS);
      assert.deepEqual([inline.same, threads.same], [1, 1]);
      assert.ok(inline.after.includes("gemel_worker_threads_max 0"));
      assert.ok(threads.after.includes("gemel_worker_threads_max 2"));
      assert.ok(threads.before.includes("gemel_worker_threads 0"), "no thread before there is a job");
      assert.ok(threads.after.includes("gemel_worker_threads 2"));
      assert.ok(threads.scripts > 0 && inline.scripts > 0);
      assert.equal(jobsDone(threads.after), threads.scripts + 3, threads.after.join("\n"));
      assert.equal(jobsDone(inline.after), inline.scripts, "in pieces, as no job");
    },
  );
});
