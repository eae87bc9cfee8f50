/** Every rule by which a single transaction is judged: a case that just passes and one that just does not, with Core's reason. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256 } from "../../../lib/codec/sha256.ts";
import { hash160 } from "../../../lib/bitcoin/hash.ts";
import { type MempoolPolicy, policyOf } from "../../../lib/bitcoin/mempool/mod.ts";
import { dustThreshold } from "../../../lib/bitcoin/mempool/standard.ts";
import { joinScript, plainPush } from "../../../lib/bitcoin/types/script.ts";
import { payToScriptHash, payToWitness } from "../../../lib/bitcoin/types/script-template.ts";
import {
  Transaction,
  type TransactionParts,
  type TxInput,
  type TxOutput,
} from "../../../lib/bitcoin/types/transaction.ts";
import { KEYS } from "../../support/script-keys.ts";
import { COIN, input, type KeyCoin, keyScript, PoolWorld, spend, type Spendable } from "./pool-world.ts";

const script = (...bytes: number[]) => Uint8Array.from(bytes);
const P2WPKH = keyScript(KEYS[0]!);
const p2wsh = (code: Uint8Array) => payToWitness(0, sha256(code));
const p2sh = (code: Uint8Array) => payToScriptHash(hash160(code));
const multisig = (required: number, keys: number) =>
  joinScript(0x50 + required, ...KEYS.slice(0, keys).flatMap(({ compressed }) => [33, compressed]), 0x50 + keys, 0xae);
const opReturn = (bytes: number) => {
  const script = new Uint8Array(bytes).fill(0x00);
  script[0] = 0x6a;
  return script;
};

/** A transaction that spends a coin which needs no signature, with what satisfies it. */
function open(
  coin: Spendable,
  fee: number,
  how: Partial<TxInput>,
  change: Partial<TransactionParts> = {},
): Transaction {
  return Transaction.of({
    version: 2,
    lockTime: 0,
    inputs: [input(coin, how)],
    outputs: [{ value: coin.value - BigInt(fee), scriptPubKey: P2WPKH }],
    ...change,
  });
}

const paying = (coin: KeyCoin, fee: number, ...outputs: readonly (readonly [value: number, script: Uint8Array])[]) => {
  const made = outputs.map(([value, scriptPubKey]): TxOutput => ({ value: BigInt(value), scriptPubKey }));
  const rest = coin.value - made.reduce((sum, { value }) => sum + value, 0n) - BigInt(fee);
  return spend([coin], 0, { outputs: [...made, { value: rest, scriptPubKey: P2WPKH }] });
};

const world = await PoolWorld.open();
const older = await PoolWorld.open({ blocks: 125 });

describe("a transaction by itself", () => {
  const coin = world.takeCoin();
  const other = world.takeCoin();
  const good = spend([coin], 10_000);
  const withSig = (scriptSig: Uint8Array) => Transaction.of({ ...partsOf(good), inputs: [input(coin, { scriptSig })] });

  const cases: readonly (readonly [name: string, Transaction, result: string, reason: string])[] = [
    ["as it should be", good, "", "ok"],
    ["no outputs", spend([coin], 0, { outputs: [] }), "consensus", "bad-txns-vout-empty"],
    ["an output below 0", paying(coin, 0, [-1, P2WPKH]), "consensus", "bad-txns-vout-negative"],
    ["more than all money", paying(coin, 0, [21e14 + 1, P2WPKH]), "consensus", "bad-txns-vout-toolarge"],
    [
      "more than all money together",
      spend([coin], 0, {
        outputs: [{ value: 21n * 10n ** 14n, scriptPubKey: P2WPKH }, { value: 1n, scriptPubKey: P2WPKH }],
      }),
      "consensus",
      "bad-txns-txouttotal-toolarge",
    ],
    ["an output spent twice", spend([coin, coin], 1_000), "consensus", "bad-txns-inputs-duplicate"],
    [
      "an input that spends nothing",
      Transaction.of({
        ...partsOf(good),
        inputs: [input({ txid: new Uint8Array(32), vout: 0xffff_ffff }), input(coin)],
      }),
      "consensus",
      "bad-txns-prevout-null",
    ],
    ["a coinbase", world.ledger.block().transactions[0]!, "consensus", "coinbase"],
    ["version 0", spend([coin], 10_000, { version: 0 }), "not_standard", "version"],
    ["version 1", spend([coin], 10_000, { version: 1 }), "", "ok"],
    ["version 3", spend([coin], 10_000, { version: 3 }), "", "ok"],
    ["version 4", spend([coin], 10_000, { version: 4 }), "not_standard", "version"],
    ["a negative version", spend([coin], 10_000, { version: 0xffff_ffff }), "not_standard", "version"],
    ["a weight of 399,998", ofWeight(coin, 399_998), "", "ok"],
    ["a weight of 400,002", ofWeight(coin, 400_002), "not_standard", "tx-size"],
    [
      "a script of 1,650 bytes",
      withSig(new Uint8Array(1_650).fill(0x51)),
      "witness_stripped",
      "mempool-script-verify-flag-failed (Stack size limit exceeded)",
    ],
    ["a script of 1,651 bytes", withSig(new Uint8Array(1_651).fill(0x51)), "not_standard", "scriptsig-size"],
    ["a script that does more than push", withSig(script(0x51, 0x61)), "not_standard", "scriptsig-not-pushonly"],
    ["an output that nobody knows", paying(coin, 10_000, [COIN, script(0x51, 0x52)]), "not_standard", "scriptpubkey"],
    ["an output of an empty script", paying(coin, 10_000, [COIN, script()]), "not_standard", "scriptpubkey"],
    ["a pubkey", paying(coin, 10_000, [COIN, joinScript(33, KEYS[0]!.compressed, 0xac)]), "", "ok"],
    [
      "a pubkeyhash",
      paying(coin, 10_000, [COIN, joinScript(0x76, 0xa9, 20, new Uint8Array(20), 0x88, 0xac)]),
      "",
      "ok",
    ],
    ["a scripthash", paying(coin, 10_000, [COIN, p2sh(script(0x51))]), "", "ok"],
    ["a witness scripthash", paying(coin, 10_000, [COIN, p2wsh(script(0x51))]), "", "ok"],
    ["a taproot output", paying(coin, 10_000, [COIN, payToWitness(1, KEYS[0]!.xOnly)]), "", "ok"],
    ["an anchor", paying(coin, 10_000, [COIN, payToWitness(1, script(0x4e, 0x73))]), "", "ok"],
    ["an unknown witness program", paying(coin, 10_000, [COIN, payToWitness(16, new Uint8Array(40))]), "", "ok"],
    [
      "a witness program of version 0 and another length",
      paying(coin, 10_000, [COIN, payToWitness(0, new Uint8Array(21))]),
      "not_standard",
      "scriptpubkey",
    ],
    ["a multisig of 3", paying(coin, 10_000, [COIN, multisig(2, 3)]), "", "ok"],
    ["a multisig of 4", paying(coin, 10_000, [COIN, multisig(2, 4)]), "not_standard", "scriptpubkey"],
    ["data in several outputs", paying(coin, 20_000, [0, opReturn(40_000)], [0, opReturn(50_000)]), "", "ok"],
    [
      "data of 100,001 bytes",
      paying(coin, 20_000, [0, opReturn(50_000)], [0, opReturn(50_001)]),
      "not_standard",
      "tx-size",
    ],
    ["dust without a fee", paying(coin, 0, [293, P2WPKH]), "mempool_policy", "min relay fee not met"],
    ["dust with a fee", paying(coin, 10_000, [293, P2WPKH]), "not_standard", "dust"],
    ["two outputs of dust", paying(coin, 0, [293, P2WPKH], [293, P2WPKH]), "not_standard", "dust"],
    ["what is just no dust", paying(coin, 10_000, [294, P2WPKH], [294, P2WPKH]), "", "ok"],
    ["64 bytes", small(coin, 4), "not_standard", "tx-size-small"],
    [
      "65 bytes",
      small(coin, 5),
      "witness_stripped",
      "mempool-script-verify-flag-failed (Witness program hash mismatch)",
    ],
    ["a lock at the tip's height", spend([coin], 10_000, { lockTime: 110, sequence: 0 }), "", "ok"],
    [
      "a lock at the next height",
      spend([coin], 10_000, { lockTime: 111, sequence: 0 }),
      "premature_spend",
      "non-final",
    ],
    ["a lock that all inputs lift", spend([coin], 10_000, { lockTime: 111 }), "", "ok"],
    [
      "inputs that nobody knows",
      spend([{ ...coin, vout: 7 }], 10_000),
      "missing_inputs",
      "bad-txns-inputs-missingorspent",
    ],
    [
      "a coin that is locked for 112 blocks",
      spend([coin], 10_000, { sequence: 112 }),
      "premature_spend",
      "non-BIP68-final",
    ],
    ["a coin that is locked for 110 blocks", spend([coin], 10_000, { sequence: 110 }), "", "ok"],
    ["a young coinbase", spend([world.coins[11]!], 10_000), "premature_spend", "bad-txns-premature-spend-of-coinbase"],
    ["a coinbase of a hundred blocks ago", spend([world.coins[10]!], 10_000), "", "ok"],
    ["more out than in", spend([coin], -1), "consensus", "bad-txns-in-belowout"],
    ["a fee of less than 0.1 satoshi for a byte", spend([other], 10), "mempool_policy", "min relay fee not met"],
    ["a fee of 0.1 satoshi for a byte", spend([other], 11), "", "ok"],
    [
      "no witness",
      Transaction.of({ ...partsOf(good), inputs: [input(coin)] }),
      "witness_stripped",
      "mempool-script-verify-flag-failed (Witness program hash mismatch)",
    ],
  ];
  for (const [name, transaction, result, reason] of cases) {
    test(`${name}: ${reason}`, async () => {
      assert.deepEqual((await world.wouldTell(transaction)).slice(0, 2), [result, reason]);
    });
  }

  test("what is told beside the reason is Core's", async () => {
    const tell = async (transaction: Transaction) => (await world.wouldTell(transaction))[2];
    assert.equal(await tell(spend([world.coins[11]!], 10_000)), "tried to spend coinbase at depth 99");
    assert.equal(
      await tell(spend([world.coins[10]!, world.coins[11]!], 10_000)),
      "tried to spend coinbase at depth 99",
      "the first that is too young",
    );
    assert.equal(await tell(spend([other], 10)), "10 < 11");
    assert.equal(await tell(paying(coin, 10_000, [293, P2WPKH])), "tx with dust output must be 0-fee");
    // Neither what it pays nor what it counts as may be a fee.
    for (const [fee, delta] of [[10_000, -10_000], [0, 10_000]] as const) {
      const dusty = paying(coin, fee, [293, P2WPKH]);
      world.pool.prioritise(dusty.txid, delta);
      assert.equal(await tell(dusty), "tx with dust output must be 0-fee");
      world.pool.prioritise(dusty.txid, -delta);
    }
  });
});

/** The parts of a transaction. */
function partsOf({ version, inputs, outputs, lockTime }: Transaction): TransactionParts {
  return { version, inputs, outputs, lockTime };
}

/** A transaction of a weight; its signature is a byte longer or shorter by its fee. */
function ofWeight(coin: KeyCoin, weight: number): Transaction {
  const made = (bytes: number, fee: number) => paying(coin, fee, [0, opReturn(bytes)]);
  const bytes = 90_000 + Math.floor((weight - made(90_000, 50_000).weight) / 4);
  for (let fee = 50_000;; fee++) {
    for (const each of [made(bytes, fee), made(bytes + 1, fee)]) if (each.weight === weight) return each;
  }
}

/** A transaction of 60 bytes and so many more. */
function small(coin: KeyCoin, more: number): Transaction {
  return Transaction.of({
    version: 2,
    lockTime: 0,
    inputs: [input(coin)],
    outputs: [{ value: 0n, scriptPubKey: opReturn(more) }],
  });
}

describe("what a transaction spends, and how", () => {
  const world = older;

  test("a weight of 400,000 and no more", async () => {
    const [coin] = await world.fund([p2sh(script(0x51))]);
    const how = { scriptSig: joinScript(1, script(0x51)) };
    const made = (bytes: number) =>
      open(coin!, 50_000, how, { outputs: [{ value: 0n, scriptPubKey: opReturn(bytes) }] });
    const bytes = 90_000 + (400_000 - made(90_000).weight) / 4;
    assert.equal(made(bytes).weight, 400_000);
    assert.equal(await world.wouldSay(made(bytes)), "ok");
    assert.equal(await world.wouldSay(made(bytes + 1)), "tx-size");
  });
  const TRUE = script(0x51);
  const heavy = p2shSpend(15);
  const long = joinScript(...Array.from({ length: 3_598 }, () => 0x61), 0x51);
  const items = joinScript(...Array.from({ length: 100 }, () => 0x75), 0x51);

  test("spends of what nobody knows, of unknown witness programs, and of too many operations behind a hash", async () => {
    const [odd, unknown, few, many] = await world.fund([
      script(0x51, 0x52, 0x75),
      payToWitness(2, new Uint8Array(32).fill(1)),
      heavy.output,
      p2shSpend(16).output,
    ]);
    assert.deepEqual(await world.wouldTell(open(odd!, 5_000, {})), [
      "inputs_not_standard",
      "bad-txns-nonstandard-inputs",
      "input 0 script unknown",
    ]);
    assert.deepEqual(await world.wouldTell(open(unknown!, 5_000, {})), [
      "inputs_not_standard",
      "bad-txns-nonstandard-inputs",
      "input 0 witness program is undefined",
    ]);
    assert.deepEqual(await world.wouldTell(open(many!, 5_000, { scriptSig: p2shSpend(16).scriptSig })), [
      "inputs_not_standard",
      "bad-txns-nonstandard-inputs",
      "p2sh redeemscript sigops exceed limit (input 0: 16 > 15)",
    ]);
    assert.equal(await world.wouldSay(open(few!, 5_000, { scriptSig: heavy.scriptSig })), "ok");
    assert.deepEqual(await world.wouldTell(open(few!, 5_000, {})), [
      "inputs_not_standard",
      "bad-txns-nonstandard-inputs",
      "input 0 P2SH redeemscript missing",
    ]);
    assert.match(
      (await world.wouldTell(open(few!, 5_000, { scriptSig: script(0x50) })))[2],
      /^p2sh scriptsig malformed/,
    );
  });

  test("witnesses of scripts have 3,600 bytes, 100 items of 80 bytes, and are where they belong", async () => {
    const over = joinScript(0x61, ...long);
    const drops = joinScript(...Array.from({ length: 101 }, () => 0x75), 0x51);
    const anchor = payToWitness(1, script(0x4e, 0x73));
    const coins = await world.fund([
      p2wsh(long),
      p2wsh(joinScript(0x61, 0x61, long)),
      p2wsh(items),
      p2wsh(drops),
      anchor,
      p2sh(TRUE),
      p2wsh(over),
    ]);
    const say = (coin: Spendable | undefined, witness: readonly Uint8Array[], scriptSig: Uint8Array = script()) =>
      world.wouldTell(open(coin!, 50_000, { witness, scriptSig })).then(([result, reason]) => [result, reason]);
    const bad = ["witness_mutated", "bad-witness-nonstandard"];
    const many = (count: number, bytes: number) => Array.from({ length: count }, () => new Uint8Array(bytes).fill(1));
    assert.equal(over.length, 3_600);
    assert.notDeepEqual(await say(coins[6], [over]), bad);
    assert.deepEqual(await say(coins[1], [joinScript(0x61, 0x61, long)]), bad, "3,601 bytes");
    assert.deepEqual(await say(coins[2], [...many(100, 80), items]), ["", "ok"]);
    assert.deepEqual(await say(coins[2], [...many(100, 81), items]), bad);
    assert.deepEqual(await say(coins[3], [...many(101, 80), drops]), bad);
    assert.deepEqual(await say(coins[4], []), ["", "ok"], "an anchor is anybody's");
    assert.deepEqual(await say(coins[4], [script(1)]), bad);
    assert.deepEqual(await say(coins[5], [], joinScript(1, TRUE)), ["", "ok"]);
    assert.deepEqual(await say(coins[5], [script(1)], joinScript(1, TRUE)), bad);
  });

  test("taproot has no annex, and items of scripts have 80 bytes", async () => {
    const [coin] = await world.fund([payToWitness(1, KEYS[1]!.xOnly)]);
    const say = (witness: readonly Uint8Array[]) => world.wouldSay(open(coin!, 50_000, { witness }));
    const control = new Uint8Array(33).fill(0xc0, 0, 1);
    const bad = "bad-witness-nonstandard";
    assert.equal(await say([new Uint8Array(64), script(0x50, 1)]), bad);
    assert.equal(await say([new Uint8Array(81), TRUE, control]), bad);
    assert.match(await say([new Uint8Array(80), TRUE, control]), /^mempool-script-verify-flag-failed/);
    assert.equal(await say([TRUE, script()]), bad, "a control block of no bytes");
    // A leaf of another version is anybody's by the rules of blocks, and discouraged.
    assert.match(await say([new Uint8Array(81), TRUE, new Uint8Array(33).fill(0xc2, 0, 1)]), /^mempool-script-verify/);
  });

  test("signature operations cost 16,000 at most, and bytes", async () => {
    const code = joinScript(0x00, 0x63, ...Array.from({ length: 20 }, () => 0xae), 0x68, 0x51);
    const [coin] = await world.fund([p2wsh(code)], 10 * COIN);
    const light = open(coin!, 50_000, { witness: [code] });
    const verdict = await world.accept(light);
    assert.equal(verdict.ok, true);
    const entry = world.pool.get(light.txid)!;
    // 20 operations that count as 20 keys each, as they are read in a witness.
    assert.deepEqual([entry.sigOpCost, entry.vsize, light.vsize < entry.vsize], [400, 400 * 20 / 4, true]);
  });

  test("no more than 2,500 operations are executed outside of witnesses", async () => {
    const bare = (count: number) => joinScript(0x00, 0x63, ...Array.from({ length: count }, () => 0xae), 0x68, 0x51);
    assert.equal(bare(2).length, 6);
    const code = joinScript(...Array.from({ length: 15 }, () => 0xac));
    const output = p2sh(code);
    const scriptSig = plainPush(code);
    const coins = await world.fund(Array.from({ length: 167 }, () => output), COIN / 10);
    const ten = joinScript(...Array.from({ length: 10 }, () => 0xac));
    const [last] = await world.fund([p2sh(ten)]);
    const all = (count: number, ...more: readonly TxInput[]) =>
      Transaction.of({
        version: 2,
        lockTime: 0,
        inputs: [...coins.slice(0, count).map((coin) => input(coin, { scriptSig })), ...more],
        outputs: [{ value: 1_000n, scriptPubKey: P2WPKH }],
      });
    assert.equal((await world.wouldTell(all(167)))[2], "non-witness sigops exceed bip54 limit");
    const most = all(166, input(last!, { scriptSig: plainPush(ten) }));
    assert.match(await world.wouldSay(most), /^mempool-script-verify-flag-failed/, "2,500 of them");
  });

  test("what costs more than 16,000 is refused", async () => {
    const code = joinScript(0x00, 0x63, ...Array.from({ length: 2 * 20 }, () => 0xae), 0x68, 0x51);
    const coins = await world.fund(Array.from({ length: 21 }, () => p2wsh(code)), COIN);
    const all = (count: number) =>
      Transaction.of({
        version: 2,
        lockTime: 0,
        inputs: coins.slice(0, count).map((coin) => input(coin, { witness: [code] })),
        outputs: [{ value: 1_000n, scriptPubKey: P2WPKH }],
      });
    assert.deepEqual(await world.wouldTell(all(21)), ["not_standard", "bad-txns-too-many-sigops", `${21 * 800}`]);
    assert.equal(await world.wouldSay(all(20)), "ok");
  });
});

/** A P2SH output whose script has so many signature operations, which are not executed. */
function p2shSpend(count: number): { readonly output: Uint8Array; readonly scriptSig: Uint8Array } {
  const code = joinScript(0x00, 0x63, ...Array.from({ length: count }, () => 0xac), 0x68, 0x51);
  return { output: p2sh(code), scriptSig: plainPush(code) };
}

describe("a transaction that is there, or was", () => {
  test("is refused with Core's reasons", async () => {
    const world = await PoolWorld.open();
    const coin = world.takeCoin();
    const transaction = spend([coin], 10_000);
    assert.equal(await world.says(transaction), "ok");
    assert.deepEqual(await world.wouldTell(transaction), ["conflict", "txn-already-in-mempool", ""]);
    const [one] = transaction.inputs;
    const twin = Transaction.of({
      ...partsOf(transaction),
      inputs: [{ ...one!, witness: [...one!.witness].reverse() }],
    });
    assert.deepEqual(await world.wouldTell(twin), ["conflict", "txn-same-nonwitness-data-in-mempool", ""]);
    assert.equal(await world.says(twin), "known");
    await world.mine([transaction]);
    assert.deepEqual(await world.wouldTell(transaction), ["conflict", "txn-already-known", ""]);
  });
});

describe("dustThreshold()", () => {
  const cases: readonly (readonly [string, Uint8Array, number])[] = [
    ["a pubkeyhash", new Uint8Array(25).fill(0x51), 546],
    ["a scripthash", p2sh(script(0x51)), 540],
    ["a witness key hash", P2WPKH, 294],
    ["a witness script hash", p2wsh(script(0x51)), 330],
    ["a taproot output", payToWitness(1, new Uint8Array(32)), 330],
    ["an anchor", payToWitness(1, script(0x4e, 0x73)), 240],
    ["data", opReturn(10), 0],
    ["a script of 252 bytes", new Uint8Array(252).fill(0x51), 1_227],
    ["a script of 253 bytes", new Uint8Array(253).fill(0x51), 1_236],
  ];
  for (const [name, scriptPubKey, satoshi] of cases) {
    test(`${name}: ${satoshi}`, () => assert.equal(dustThreshold({ scriptPubKey }, 3_000), satoshi));
  }
});

describe("settings of the policy", () => {
  test("raise the relay minimum to the increment, unless it is set", () => {
    const rates = (settings: Partial<MempoolPolicy>) => policyOf(settings).minRelayFeeRate;
    assert.deepEqual([rates({}), rates({ incrementalRelayFeeRate: 500 })], [100, 500]);
    assert.equal(rates({ incrementalRelayFeeRate: 500, minRelayFeeRate: 50 }), 50);
  });

  test("are held to", async () => {
    const world = await PoolWorld.open({
      policy: { dataCarrierBytesMax: 83, permitsBareMultisig: false, minRelayFeeRate: 1_000, dustRelayFeeRate: 6_000 },
    });
    const coin = world.takeCoin();
    assert.equal(await world.wouldSay(paying(coin, 10_000, [0, opReturn(83)])), "ok");
    assert.equal(await world.wouldSay(paying(coin, 10_000, [0, opReturn(84)])), "datacarrier");
    assert.equal(await world.wouldSay(paying(coin, 10_000, [0, opReturn(42)], [0, opReturn(42)])), "datacarrier");
    assert.equal(await world.wouldSay(paying(coin, 10_000, [COIN, multisig(1, 1)])), "bare-multisig");
    assert.equal(await world.wouldSay(paying(coin, 10_000, [587, P2WPKH])), "dust");
    assert.equal(await world.wouldSay(paying(coin, 10_000, [588, P2WPKH])), "ok");
    assert.equal(await world.wouldSay(spend([coin], 109)), "min relay fee not met");
    assert.equal(await world.wouldSay(spend([coin], 110)), "ok");
    assert.equal(world.pool.minimumFeeRate, 1_000);
  });

  test("let unusual forms pass on networks for tests, and not what scripts may not do", async () => {
    const world = await PoolWorld.open({ policy: { requiresStandard: false } });
    const coin = world.takeCoin();
    assert.equal(await world.wouldSay(spend([coin], 10_000, { version: 7 })), "ok");
    assert.equal(await world.wouldSay(paying(coin, 10_000, [1, script(0x51, 0x52)])), "ok");
    const [odd] = await world.fund([script(0x51, 0x52, 0x75)]);
    assert.equal(await world.wouldSay(open(odd!, 5_000, {})), "ok");
    assert.match(
      await world.wouldSay(open(odd!, 5_000, { scriptSig: script(0x51) })),
      /Stack size must be exactly one/,
    );
  });
});
