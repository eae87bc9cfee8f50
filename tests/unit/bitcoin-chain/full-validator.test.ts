/** Blocks that break one rule each that needs the outputs that they spend, and blocks that just do not. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { regtest } from "../../../lib/bitcoin/networks/mod.ts";
import { input, Ledger, OP_TRUE, output, pay, type Spendable } from "./ledger.ts";

const COIN = 100_000_000n;
const MISSING = "bad-txns-inputs-missingorspent";

/** A chain of 110 blocks, of whose coinbases the first ten may be spent. */
async function ledgerWithCoins(): Promise<{ readonly ledger: Ledger; readonly coins: readonly Spendable[] }> {
  const ledger = await Ledger.open();
  return { ledger, coins: await ledger.mine(110) };
}

describe("fullValidator, amounts and coins", () => {
  test("the coins of a chain are those that it left", async () => {
    const { ledger, coins } = await ledgerWithCoins();
    const first = pay([coins[0]!]);
    // Within one block, and from one block to the next.
    const second = pay([output(first), coins[1]!]);
    assert.equal(await ledger.verdict([first, second]), "ok");
    assert.equal(await ledger.verdict([pay([output(first)])]), MISSING, "spent in the block before, within it");
    assert.equal(await ledger.verdict([pay([coins[0]!])]), MISSING);
    assert.equal(await ledger.verdict([pay([output(second)])]), "ok");
    assert.equal(ledger.height, 112);
  });

  test("an output is there once, in its order, and only where there is one", async () => {
    const { ledger, coins } = await ledgerWithCoins();
    const [coin, other] = coins as [Spendable, Spendable];
    const first = pay([coin]);
    assert.equal(await ledger.verdict([first, pay([coin], 1n)]), MISSING, "two transactions spend one output");
    assert.equal(await ledger.verdict([first, pay([output(first)], 1n), pay([output(first)], 2n)]), MISSING);
    assert.equal(await ledger.verdict([pay([output(first)], 3n), first]), MISSING, "before it is made");
    assert.equal(await ledger.verdict([pay([{ ...coin, vout: 2 }])]), MISSING);
    assert.equal(await ledger.verdict([first, pay([{ ...output(first), vout: 1 }])]), MISSING);
    assert.equal(await ledger.verdict([pay([{ ...coin, txid: new Uint8Array(32).fill(9) }])]), MISSING);
    const burnt = pay([other], 0n, { outputs: [{ value: 0n, scriptPubKey: Uint8Array.of(0x6a) }] });
    assert.equal(await ledger.verdict([burnt, pay([output(burnt)], 0n)]), MISSING, "nobody can spend it");
    const long = pay([other], 0n, { outputs: [{ value: 0n, scriptPubKey: new Uint8Array(10_001).fill(0x51) }] });
    assert.equal(await ledger.verdict([long, pay([output(long)], 0n)]), MISSING);
  });

  test("a coinbase may be spent a hundred blocks later", async () => {
    const { ledger, coins } = await ledgerWithCoins();
    // The next block is 111: that of block 11 is old enough, that of block 12 is not.
    assert.equal(await ledger.verdict([pay([coins[11]!])]), "bad-txns-premature-spend-of-coinbase");
    assert.equal(await ledger.verdict([pay([coins[10]!])]), "ok");
    const coinbase = pay([], 0n, {
      inputs: [input({ txid: new Uint8Array(32), vout: 0xffff_ffff }, { scriptSig: Uint8Array.of(1, 112, 0) })],
    });
    assert.equal(await ledger.verdict([pay([output(coinbase)])], { coinbase }), "bad-txns-premature-spend-of-coinbase");
  });

  test("nothing comes of nothing: fees and rewards", async () => {
    const { ledger, coins } = await ledgerWithCoins();
    assert.equal(await ledger.verdict([pay([coins[0]!], 50n * COIN + 1n)]), "bad-txns-in-belowout");
    const withFee = pay([coins[0]!], 49n * COIN);
    assert.equal(await ledger.verdict([withFee], { reward: 51n * COIN + 1n }), "bad-cb-amount");
    assert.equal(await ledger.verdict([withFee], { reward: 51n * COIN }), "ok");
    assert.equal(await ledger.verdict([], { reward: 50n * COIN + 1n }), "bad-cb-amount");
    assert.equal(await ledger.verdict([], { reward: 1n }), "ok", "less may be taken");
    await ledger.mine(150 - ledger.height - 1);
    assert.equal(await ledger.verdict([], { reward: 25n * COIN + 1n }), "bad-cb-amount", "block 150 halves it");
    assert.equal(await ledger.verdict([], { reward: 25n * COIN }), "ok");
  });
});

describe("fullValidator, locks", () => {
  const sequences = (coin: Spendable, sequence: number, version = 2) =>
    pay([coin], undefined, { version, inputs: [input(coin, { sequence })] });

  test("a sequence number demands an age in blocks", async () => {
    const { ledger, coins } = await ledgerWithCoins();
    const spend = pay([coins[0]!]);
    assert.equal(await ledger.verdict([spend]), "ok"); // block 111
    const coin = output(spend);
    await ledger.mine(3); // the next block is 115, four after
    assert.equal(await ledger.verdict([sequences(coin, 5)]), "bad-txns-nonfinal");
    assert.equal(await ledger.verdict([sequences(coin, 4)]), "ok");
  });

  test("a sequence number demands an age in units of 512 seconds of median time past", async () => {
    const { ledger, coins } = await ledgerWithCoins();
    const spend = pay([coins[0]!]);
    assert.equal(await ledger.verdict([spend]), "ok");
    const coin = output(spend);
    await ledger.mine(5);
    // From the block before that of the coin to the parent of the next are six blocks of 600 seconds: seven units of 512.
    const time = (units: number) => (0x40_0000 | units) >>> 0;
    assert.equal(await ledger.verdict([sequences(coin, time(8))]), "bad-txns-nonfinal");
    assert.equal(await ledger.verdict([sequences(coin, time(7))]), "ok");
  });

  test("within its own block an output has no age, and version 1 and the highest bit free of all of it", async () => {
    const { ledger, coins } = await ledgerWithCoins();
    const make = (sequence: number, version?: number) => {
      const first = pay([coins[0]!]);
      return [first, sequences(output(first), sequence, version)];
    };
    assert.equal(await ledger.verdict(make(1)), "bad-txns-nonfinal");
    assert.equal(await ledger.verdict(make(0x40_0001)), "bad-txns-nonfinal");
    // A negative version is a high one.
    assert.equal(await ledger.verdict(make(1, 0xffff_ffff)), "bad-txns-nonfinal");
    const old = make(0xffff, 1);
    const free = pay([output(old[1]!)], undefined, {
      inputs: [input(output(old[1]!), { sequence: 0x8000_ffff })],
    });
    assert.equal(await ledger.verdict([...old, free]), "ok");
  });
});

describe("fullValidator, scripts", () => {
  test("an input whose script fails condemns the block, with Core's words", async () => {
    const { ledger, coins } = await ledgerWithCoins();
    const outputs = [{ value: 50n * COIN, scriptPubKey: Uint8Array.of(0x53, 0x87) }]; // OP_3 OP_EQUAL
    const made = pay([coins[0]!], undefined, { outputs });
    assert.equal(await ledger.verdict([made]), "ok");
    const answer = (opcode: number) =>
      pay([output(made)], undefined, { inputs: [input(output(made), { scriptSig: Uint8Array.of(opcode) })] });
    const words = "Script evaluated without error but finished with a false/empty top stack element";
    assert.equal(await ledger.verdict([answer(0x52)]), `block-script-verify-flag-failed (${words})`);
    assert.equal(await ledger.verdict([answer(0x53)]), "ok");
  });

  test("amounts come before scripts, and the reward as well", async () => {
    const { ledger, coins } = await ledgerWithCoins();
    const never = pay([coins[0]!], undefined, {
      inputs: [input(coins[0]!, { scriptSig: Uint8Array.of(0x6a) })],
    });
    assert.equal(await ledger.verdict([never, pay([coins[1]!], 51n * COIN)]), "bad-txns-in-belowout");
    assert.equal(await ledger.verdict([never], { reward: 51n * COIN }), "bad-cb-amount");
    assert.match(await ledger.verdict([never]), /^block-script-verify-flag-failed \(OP_RETURN was encountered\)$/);
  });

  test("what signature operations cost counts what is revealed", async () => {
    const { ledger, coins } = await ledgerWithCoins();
    // 20,000 OP_CHECKSIG are 80,000: the most. They stand behind an OP_RETURN's end of the script: nobody executes them.
    const heavy = (count: number) =>
      pay([coins[0]!], undefined, {
        outputs: [{ value: 50n * COIN, scriptPubKey: new Uint8Array(count).fill(0xac) }],
      });
    assert.equal(await ledger.verdict([heavy(20_001)]), "bad-blk-sigops");
    assert.equal(await ledger.verdict([heavy(20_000)]), "ok");
  });
});

describe("fullValidator, reorganisations", () => {
  test("a heavier branch takes back what was spent; one with a bad block is left for what is best without it", async () => {
    const { ledger, coins } = await ledgerWithCoins();
    const spend = pay([coins[0]!]);
    const first = ledger.block([spend]);
    assert.equal(await ledger.add(first), "ok");
    const fork = ledger.block([], { salt: 1 });
    assert.equal(await ledger.add(fork), "ok");
    const beside = ledger.block([], { parent: first, salt: 2 });
    const above = ledger.block([pay([output(spend)])], { parent: beside, salt: 2 });
    for (const block of [beside, above]) assert.equal(await ledger.add(block), "ok");
    assert.equal(ledger.height, 113);
    assert.equal(await ledger.verdict([pay([output(spend)], 1n)]), MISSING, "it is spent on this branch");
    // A branch of more work whose second block spends twice.
    const one = ledger.block([pay([output(spend)], 2n)], { parent: fork, salt: 3 });
    const two = ledger.block([pay([output(spend)], 3n)], { parent: one, salt: 3 });
    assert.equal(await ledger.add(one), "ok");
    assert.equal(await ledger.add(two), MISSING);
    assert.equal(await ledger.add(ledger.block([], { parent: two, salt: 3 })), "bad-prevblk");
    assert.equal(ledger.chain.tip, ledger.chain.headers.find(above.hash));
    assert.ok(ledger.chain.headers.isInvalid(ledger.chain.headers.find(two.hash)));
    assert.ok(!ledger.chain.headers.isInvalid(ledger.chain.headers.find(one.hash)));
  });
});

describe("fullValidator, BIP30", () => {
  test("no output of a transaction of the same id may be unspent", async () => {
    // Before BIP34 two coinbases may be the same.
    const ledger = await Ledger.open({ ...regtest, heights: { ...regtest.heights, bip34: 1_000, segwit: 1_000 } });
    const coinbase = pay([], 0n, {
      inputs: [input({ txid: new Uint8Array(32), vout: 0xffff_ffff }, { scriptSig: Uint8Array.of(1, 2) })],
      outputs: [{ value: 1n, scriptPubKey: OP_TRUE }],
    });
    assert.equal(await ledger.verdict([], { coinbase }), "ok");
    assert.equal(await ledger.verdict([], { coinbase }), "bad-txns-BIP30");
    await ledger.mine(100);
    assert.equal(await ledger.verdict([pay([output(coinbase)], 0n)]), "ok");
    assert.equal(await ledger.verdict([], { coinbase }), "ok", "all of the first are spent");
  });
});
