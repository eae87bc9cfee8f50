/** A block that is judged as the next one, and not kept. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type BitcoinNetwork, regtest, signet } from "../../../lib/bitcoin/networks/mod.ts";
import { Block, type BlockHeader, type Transaction } from "../../../lib/bitcoin/types/mod.ts";
import { Ledger, output, pay } from "./ledger.ts";

const FUTURE = 0xffff_ffff;

/** A chain of 105 blocks. */
async function scene(network: BitcoinNetwork = regtest, count = 105) {
  const ledger = await Ledger.open(network);
  const made = count === 0 ? [] : await ledger.mine(count);
  const { signal } = new AbortController();
  const tried = async (block: Block) =>
    (await ledger.until(ledger.chain.inspection.try(block, signal)))?.reason ?? "ok";
  /** The next block with another header, which nobody has solved. */
  const withHeader = (change: Partial<BlockHeader>) => {
    const { header, transactions } = ledger.block();
    return Block.of({ ...header, ...change }, transactions);
  };
  return { ledger, made, tried, withHeader };
}

describe("Inspection.try()", () => {
  test("takes a block that would be the next, unsolved too, keeps nothing, and judges it again", async () => {
    const { ledger, made, tried, withHeader } = await scene();
    const block = ledger.block([pay([made[0]!])]);
    assert.equal(await tried(block), "ok");
    for (const nonce of [1, 2, 3]) assert.equal(await tried(withHeader({ nonce })), "ok");
    assert.equal(ledger.chain.headers.find(block.hash), -1);
    assert.equal(await tried(block), "ok");
    assert.equal(await ledger.add(block), "ok");
    assert.equal(await tried(block), "inconclusive-not-best-prevblk");
  });

  test("names the rule: of the header, of the block by itself, by its height, by the coins, by its scripts", async () => {
    const { ledger, made, tried, withHeader } = await scene();
    const { headers, tip } = ledger.chain;
    const median = headers.medianTimePast(tip);
    assert.equal(
      await tried(withHeader({ prevBlockHash: headers.hash(headers.parent(tip)) })),
      "inconclusive-not-best-prevblk",
    );
    assert.equal(await tried(withHeader({ bits: 0x207f_fffe })), "bad-diffbits");
    assert.equal(await tried(withHeader({ time: median })), "time-too-old");
    assert.equal(await tried(withHeader({ time: median + 1 })), "ok");
    assert.equal(await tried(withHeader({ time: FUTURE })), "time-too-new");
    assert.equal(await tried(withHeader({ version: 3 })), "bad-version(0x00000003)");
    assert.equal(await tried(withHeader({ merkleRoot: new Uint8Array(32) })), "bad-txnmrklroot");
    const locked = (lockTime: number) =>
      ledger.block([pay([made[0]!], 1n, { lockTime, inputs: notFinal(pay([made[0]!])) })]);
    assert.equal(await tried(locked(106)), "bad-txns-nonfinal");
    assert.equal(await tried(locked(105)), "ok");
    assert.equal(await tried(locked(median)), "bad-txns-nonfinal");
    assert.equal(await tried(locked(median - 1)), "ok");
    assert.equal(await tried(ledger.block([pay([made[6]!])])), "bad-txns-premature-spend-of-coinbase");
    assert.equal(await tried(ledger.block([pay([made[5]!])])), "ok");
    const stuck = pay([made[0]!], 1n, { outputs: [{ value: 1n, scriptPubKey: Uint8Array.of(0) }] });
    assert.match(await tried(ledger.block([stuck, pay([output(stuck)])])), /^block-script-verify-flag-failed/);
  });

  test("locks by time are held against the times of the blocks below", async () => {
    const { ledger, made, tried } = await scene();
    const { headers, tip } = ledger.chain;
    const since = headers.medianTimePast(headers.ancestor(tip, 0));
    const units = Math.floor((headers.medianTimePast(tip) - since) / 512);
    const spend = (wanted: number) =>
      ledger.block([
        pay([made[0]!], 1n, {
          inputs: notFinal(pay([made[0]!])).map((each) => ({ ...each, sequence: 0x0040_0000 | wanted })),
        }),
      ]);
    assert.equal(await tried(spend(Math.min(units, 0xffff))), "ok");
    const [coin] = made.slice(4);
    const young = (wanted: number) =>
      ledger.block([
        pay([coin!], 1n, { inputs: notFinal(pay([coin!])).map((each) => ({ ...each, sequence: wanted })) }),
      ]);
    assert.equal(await tried(young(101)), "ok");
    assert.equal(await tried(young(102)), "bad-txns-nonfinal");
  });

  test("a repeated transaction is found by its outputs (BIP30)", async () => {
    const { ledger, made, tried } = await scene();
    const spend = pay([made[0]!]);
    assert.equal(await ledger.verdict([spend]), "ok");
    assert.equal(await tried(ledger.block([spend])), "bad-txns-BIP30");
  });

  test("a signet's block need not be signed, and is to be when it is handed in", async () => {
    const network = { ...regtest, signetChallenge: signet.signetChallenge };
    const { ledger, tried } = await scene(network, 0);
    const block = ledger.block();
    assert.equal(await tried(block), "ok");
    assert.equal(await ledger.add(block), "bad-signet-blksig");
  });
});

/** The inputs with a sequence that lets locks count. */
function notFinal({ inputs }: Transaction): Transaction["inputs"] {
  return inputs.map((each) => ({ ...each, sequence: 0xffff_fffe }));
}
