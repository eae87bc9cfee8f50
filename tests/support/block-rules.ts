/**
 * Every rule of consensus for blocks on regtest, each broken alone, and kept where that is as near as may be to breaking it.
 * What the outcome has to be is said only to see that the block does what it is made for: the judge is Core.
 */
import { scriptNumber } from "../../lib/bitcoin/types/script.ts";
import { hash160 } from "../../lib/bitcoin/hash.ts";
import { sha256 } from "../../lib/codec/sha256.ts";
import {
  Block,
  NULL_VOUT,
  pushData,
  Transaction,
  type TransactionParts,
  type TxOutput,
} from "../../lib/bitcoin/types/mod.ts";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { subsidyAt } from "../../lib/bitcoin/networks/subsidy.ts";
import { solve } from "../unit/bitcoin-chain/mining.ts";
import { ANYONE, type BlockPlan, type BlockWorld, commitmentOf, FAN_VALUE, outputOf, pay } from "./block-world.ts";
import { join } from "./script-random.ts";
import { SpendMaker } from "./script-spends.ts";
import { push } from "./script-text.ts";

/** A block, or what is none, and what is to become of it: `valid`, a reason, or anything. */
export interface BlockCase {
  readonly raw: Uint8Array;
  readonly expected?: string;
  /**
   * The engine knows no peers: of a block that a peer gives, Core says before, as we do of every block, that it may be
   * another's body (`IsBlockMutated`), and remembers nothing of its hash.
   */
  readonly isOfPeers?: boolean;
}

/** Cases one after the other: the next is made when the one before was judged. */
export type Rule = (world: BlockWorld) => Generator<BlockCase>;

const VALID = "valid";
const is = (block: Block, expected?: string): BlockCase => ({ raw: block.raw, ...(expected && { expected }) });
const script = (...bytes: readonly (Uint8Array | number)[]): Uint8Array => join(...bytes);
const many = (count: number, opcode: number): Uint8Array => new Uint8Array(count).fill(opcode);
const ZEROS = new Uint8Array(32);
const MAX_MONEY = 2_100_000_000_000_000n;

/** One case. */
const one = (make: (world: BlockWorld) => Block, expected: string): Rule =>
  function* (world) {
    yield is(make(world), expected);
  };

/** A block whose coinbase is changed. */
const withCoinbase = (expected: string, plan: (world: BlockWorld) => BlockPlan): Rule =>
  one((world) => world.block([], plan(world)), expected);

/** A block of one transaction that spends one coin. */
const withSpend = (
  expected: string,
  change: (world: BlockWorld) => Partial<TransactionParts> & { readonly sequence?: number },
): Rule =>
  one((world) => {
    const { sequence, ...parts } = change(world);
    return world.block([
      pay(world.coins(1), undefined, { ...parts, ...(sequence !== undefined && { input: { sequence } }) }),
    ]);
  }, expected);

const paysAll = (...outputs: readonly TxOutput[]) => ({ outputs });
const out = (value: bigint, scriptPubKey: Uint8Array = ANYONE): TxOutput => ({ value, scriptPubKey });

/** Rules of headers. */
const headers: Record<string, Rule> = {
  "no work": one((world) => {
    const block = world.block();
    return Block.of(solve(block.header, regtest, false), block.transactions);
  }, "high-hash"),
  "bits harder than asked for": one((world) => world.block([], { header: { bits: 0x207f_fffe } }), "bad-diffbits"),
  "a target above the limit": one((world) => {
    const { header, transactions } = world.block();
    return Block.of({ ...header, bits: 0x2100_ffff }, transactions);
  }, "high-hash"),
  "a negative target": one((world) => {
    const { header, transactions } = world.block();
    return Block.of({ ...header, bits: 0x2080_ffff }, transactions);
  }, "high-hash"),
  "a time that is the median": one((world) => world.block([], { header: { time: world.medianTime } }), "time-too-old"),
  "a time after the median": one((world) => world.block([], { header: { time: world.medianTime + 1 } }), VALID),
  "a time far ahead": one((world) => world.block([], { header: { time: 0xffff_ffff } }), "time-too-new"),
  *"versions that are gone"(world) {
    for (const version of [3, 2, 1, 0, -1, -(2 ** 31)]) {
      const shown = (version >>> 0).toString(16).padStart(8, "0");
      yield is(world.block([], { header: { version } }), `bad-version(0x${shown})`);
    }
  },
  *"versions that are good"(world) {
    for (const version of [4, 0x7fff_ffff, 0x2000_0001]) yield is(world.block([], { header: { version } }), VALID);
  },
  "an unknown parent": one(
    (world) => world.block([], { header: { prevBlockHash: world.random.bytes(32) } }),
    "prev-blk-not-found",
  ),
  *"a child of an invalid block, and that block again"(world) {
    const bad = world.block([], { reward: 1n + subsidyAt(regtest, world.height) });
    yield is(bad, "bad-cb-amount");
    yield is(world.block([], { header: { prevBlockHash: bad.hash } }), "bad-prevblk");
    yield is(bad, "duplicate-invalid");
  },
};

/** Rules of a block's form. */
const forms: Record<string, Rule> = {
  *"another Merkle root, then the right body"(world) {
    const block = world.block([pay(world.coins(1))]);
    const [coinbase, spend] = block.transactions;
    const other = pay(world.coins(2).slice(1));
    yield is(Block.of(block.header, [coinbase!]), "bad-txnmrklroot");
    yield is(Block.of(block.header, [coinbase!, spend!, other]), "bad-txnmrklroot");
    yield is(Block.of(block.header, [spend!, coinbase!]), "bad-txnmrklroot");
    yield is(Block.of(block.header, [coinbase!, other]), "bad-txnmrklroot");
    yield is(block, VALID);
  },
  *"repeated ends that leave the root as it is (CVE-2012-2459), then the right body"(world) {
    const spends = world.coins(7).map((coin) => pay([coin]));
    const three = world.block(spends.slice(0, 2));
    yield is(Block.of(three.header, [...three.transactions, three.transactions[2]!]), "bad-txns-duplicate");
    yield is(three, VALID);
    const six = world.block(spends.slice(2));
    const all = six.transactions;
    yield is(Block.of(six.header, [...all, ...all.slice(4)]), "bad-txns-duplicate");
    yield is(six, VALID);
  },
  "no transactions": one((world) => world.solved([], { merkleRoot: ZEROS }), "bad-blk-length"),
  *"bytes without witnesses, one too many and the most"(world) {
    for (const [extra, expected] of [[1, "bad-blk-length"], [0, VALID]] as const) {
      const empty = world.block([pay(world.coins(1), [out(FAN_VALUE), out(0n, script(0x6a, many(0, 0)))])]);
      // The script's length takes four bytes more when it is long.
      const padding = 1_000_000 + extra - empty.strippedSize - 4;
      const spend = pay(world.coins(1), [out(FAN_VALUE), out(0n, script(0x6a, many(padding, 0x51)))]);
      yield is(world.block([spend]), expected);
    }
  },
  *"weight, one too much and the most"(world) {
    const lock = script(0x75, 0x51);
    const made = pay(world.coins(1), [out(FAN_VALUE, script(0, push(sha256(lock))))]);
    yield is(world.block([made]), VALID);
    const from = { ...outputOf(made), height: 0 };
    for (const [extra, expected] of [[1, "bad-blk-weight"], [0, VALID]] as const) {
      let [filler, item] = [900_000, 5];
      let block = world.block();
      for (let tries = 0; tries < 5 && block.weight !== 4_000_000 + extra; tries++) {
        const spend = pay([from], [out(FAN_VALUE), out(0n, script(0x6a, many(filler, 0x51)))], {
          input: { witness: [many(item, 1), lock] },
        });
        block = world.block([spend]);
        const left = 4_000_000 + extra - block.weight;
        filler += Math.floor(left / 4);
        item += left - 4 * Math.floor(left / 4);
      }
      yield is(block, expected);
    }
  },
  "no coinbase": one((world) => world.solved([pay(world.coins(1))]), "bad-cb-missing"),
  *"no coinbase, and transactions that could be nodes of a tree"(world) {
    const [coin, other] = world.coins(2);
    const small = pay([coin!], [out(0n, script(0x6a, many(3, 0x51)))]);
    yield { ...is(world.solved([small, pay([other!])]), "bad-cb-missing"), isOfPeers: true };
  },
  "two coinbases": one((world) => world.solved([world.coinbase([]), world.coinbase([])]), "bad-cb-multiple"),
  "a coinbase in the second place": one(
    (world) => world.solved([pay(world.coins(1)), world.coinbase([])]),
    "bad-cb-missing",
  ),
  *"legacy signature operations, one too many and the most"(world) {
    for (const [extra, expected] of [[1, "bad-blk-sigops"], [0, VALID]] as const) {
      const outputs = [9_000, 9_000, 2_000 + extra].map((count) => out(0n, many(count, 0xac)));
      yield is(world.block([pay(world.coins(1), [out(FAN_VALUE), ...outputs])]), expected);
    }
  },
  *"legacy signature operations: multisig counts twenty, and counting ends at a push that is cut short"(world) {
    const multi = out(0n, script(0x51, 0xae, many(999, 0xae)));
    const cut = out(0n, script(0x4c, 0xff, many(50, 0xac)));
    yield is(world.block([pay(world.coins(1), [out(FAN_VALUE), multi])]), VALID);
    yield is(world.block([pay(world.coins(1), [out(FAN_VALUE), multi, cut])]), VALID);
    yield is(world.block([pay(world.coins(1), [out(FAN_VALUE), multi, out(0n, many(1, 0xac))])]), "bad-blk-sigops");
  },
  *"signature operations of a coinbase's own script"(world) {
    const outputs = [9_000, 9_000, 1_999].map((count) => out(0n, many(count, 0xac)));
    const { inputs } = world.coinbase([]);
    const own = { inputs: [{ ...inputs[0]!, scriptSig: join(inputs[0]!.scriptSig, 0xac, 0xac) }] };
    yield is(world.block([pay(world.coins(1), [out(FAN_VALUE), ...outputs])], { coinbase: own }), "bad-blk-sigops");
  },
};

/** Rules of a transaction by itself. */
const transactions: Record<string, Rule> = {
  "no outputs": withSpend("bad-txns-vout-empty", () => paysAll()),
  "a coinbase without outputs": withCoinbase("bad-txns-vout-empty", () => ({ coinbase: { outputs: [] } })),
  "no inputs": function* (world) {
    yield { raw: world.solved([world.coinbase([]), pay([], [out(0n)])]).raw };
  },
  "a negative output": withSpend("bad-txns-vout-negative", () => paysAll(out(-1n))),
  "an output above all money": withSpend("bad-txns-vout-toolarge", () => paysAll(out(MAX_MONEY + 1n))),
  "outputs above all money together": withSpend(
    "bad-txns-txouttotal-toolarge",
    () => paysAll(out(MAX_MONEY), out(1n)),
  ),
  "outputs whose sum overflows": withSpend(
    "bad-txns-vout-toolarge",
    () => paysAll(out(2n ** 63n - 1n), out(2n ** 63n - 1n)),
  ),
  "all money that there will be": withSpend("bad-txns-in-belowout", () => paysAll(out(MAX_MONEY))),
  "an output spent twice by one transaction (CVE-2018-17144)": one((world) => {
    const [coin] = world.coins(1);
    return world.block([pay([coin!, coin!])]);
  }, "bad-txns-inputs-duplicate"),
  "a null outpoint among others": one((world) => {
    const [coin] = world.coins(1);
    return world.block([pay([coin!, { txid: ZEROS, vout: NULL_VOUT, value: 0n }])]);
  }, "bad-txns-prevout-null"),
  *"a coinbase's script, too short, too long, and of most and least bytes"(world) {
    const [own] = world.coinbase([]).inputs;
    const sized = (bytes: number) => {
      const height = pushData(scriptNumber(world.height));
      const scriptSig = bytes < height.length ? many(bytes, 1) : join(height, many(bytes - height.length, 0x51));
      return world.block([], { coinbase: { inputs: [{ ...own!, scriptSig }] } });
    };
    for (const bytes of [0, 1, 101, 200]) yield is(sized(bytes), "bad-cb-length");
    yield is(sized(100), VALID);
    yield is(sized(pushData(scriptNumber(world.height)).length), VALID);
  },
};

/** Rules by the block's height and time, and of witnesses. */
const places: Record<string, Rule> = {
  "locked to this height": withSpend("bad-txns-nonfinal", ({ height }) => ({ lockTime: height, sequence: 0 })),
  "locked to the height before": withSpend(VALID, ({ height }) => ({ lockTime: height - 1, sequence: 0 })),
  "locked to this height, and final": withSpend(VALID, ({ height }) => ({ lockTime: height })),
  "locked to the median time": withSpend(
    "bad-txns-nonfinal",
    ({ medianTime }) => ({ lockTime: medianTime, sequence: 0 }),
  ),
  "locked to before the median time": withSpend(VALID, ({ medianTime }) => ({ lockTime: medianTime - 1, sequence: 0 })),
  "a coinbase that is locked": withCoinbase("bad-txns-nonfinal", (world) => ({
    coinbase: { lockTime: world.height, inputs: [{ ...world.coinbase([]).inputs[0]!, sequence: 0 }] },
  })),
  *"a coinbase without its height, or with another form of it"(world) {
    const [own] = world.coinbase([]).inputs;
    const { height } = world;
    const low = [height & 0xff, height >> 8];
    const forms = [
      pushData(scriptNumber(height + 1)),
      pushData(scriptNumber(height - 1)),
      script(3, ...low, 0),
      script(0x4c, 2, ...low),
      script(0x51, 0x51),
      script(0, pushData(scriptNumber(height))),
    ];
    for (const scriptSig of forms) {
      yield is(world.block([], { coinbase: { inputs: [{ ...own!, scriptSig }] } }), "bad-cb-height");
    }
  },
  *"reserved values of a commitment that are none"(world) {
    const spend = spendWitness(world);
    yield is(world.block([spend.made]), VALID);
    const transactions = [spend.from()];
    const commitments = [commitmentOf(transactions)];
    const of = (reserved: readonly Uint8Array[]) => world.block(transactions, { commitments, reserved });
    yield is(of([]), "bad-witness-nonce-size");
    yield is(of([many(31, 0)]), "bad-witness-nonce-size");
    yield is(of([many(33, 0)]), "bad-witness-nonce-size");
    yield is(of([ZEROS, new Uint8Array()]), "bad-witness-nonce-size");
    yield is(of([many(32, 1)]), "bad-witness-merkle-match");
    yield is(of([ZEROS]), VALID);
  },
  *"commitments that are not those of the witnesses, and which of two counts"(world) {
    const spend = spendWitness(world);
    yield is(world.block([spend.made]), VALID);
    const transactions = [spend.from()];
    const right = commitmentOf(transactions);
    const wrong = commitmentOf([]);
    const of = (...commitments: readonly TxOutput[]) => world.block(transactions, { commitments });
    yield is(of(wrong), "bad-witness-merkle-match");
    yield is(of(right, wrong), "bad-witness-merkle-match");
    yield is(of(), "unexpected-witness");
    // Some bytes short of a commitment, or with another mark.
    yield is(of(out(0n, right.scriptPubKey.subarray(0, 37))), "unexpected-witness");
    yield is(
      of(out(0n, join(0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xee, right.scriptPubKey.subarray(6)))),
      "unexpected-witness",
    );
    yield is(of(wrong, out(1n, join(right.scriptPubKey, 0x51))), "bad-cb-amount");
    yield is(of(wrong, out(0n, join(right.scriptPubKey, 0x51))), VALID);
  },
  *"a commitment without need, and a witness of the coinbase without commitment"(world) {
    yield is(world.block([], { commitments: [commitmentOf([])] }), VALID);
    yield is(world.block([], { reserved: [ZEROS] }), "unexpected-witness");
  },
  *"the witness is another, then the right body"(world) {
    const spend = spendWitness(world);
    yield is(world.block([spend.made]), VALID);
    const block = world.block([spend.from()]);
    const [coinbase] = block.transactions;
    const other = Block.of(block.header, [coinbase!, spend.from(many(3, 7))]);
    yield is(other, "bad-witness-merkle-match");
    yield is(
      Block.of(block.header, [coinbase!, Transaction.decode(spend.from().stripped)]),
      "bad-witness-merkle-match",
    );
    yield is(block, VALID);
  },
};

/** An output of a witness script, and what spends it: with any item on top. */
function spendWitness(world: BlockWorld) {
  const lock = script(0x75, 0x51);
  const made = pay(world.coins(1), [out(FAN_VALUE, script(0, push(sha256(lock))))]);
  const from = (item: Uint8Array = many(2, 7)) =>
    pay([outputOf(made)], undefined, { input: { witness: [item, lock] } });
  return { made, from };
}

/** Rules that need the coins. */
const spends: Record<string, Rule> = {
  *"the same transaction again while an output of it is not spent, and when all are (BIP30)"(world) {
    const [coin] = world.coins(1);
    const twice = pay([coin!], [out(FAN_VALUE - 1n), out(1n)]);
    yield is(world.block([twice]), VALID);
    yield is(world.block([twice]), "bad-txns-BIP30");
    yield is(world.block([pay([outputOf(twice, 0)])]), VALID);
    yield is(world.block([twice]), "bad-txns-BIP30");
    yield is(world.block([pay([outputOf(twice, 1)])]), VALID);
    yield is(world.block([twice]), "bad-txns-inputs-missingorspent");
  },
  *"an output that there never was"(world) {
    const [coin] = world.coins(1);
    const missing = "bad-txns-inputs-missingorspent";
    yield is(world.block([pay([{ ...coin!, txid: world.random.bytes(32) }])]), missing);
    yield is(world.block([pay([{ ...coin!, vout: 1_000 }])]), missing);
    yield is(world.block([pay([{ ...coin!, vout: 0xffff_fffe }])]), missing);
    yield is(
      world.block([
        pay([{ txid: Block.decode(regtest.genesis.blockBytes).transactions[0]!.txid, vout: 0, value: 1n }]),
      ]),
      missing,
    );
    yield is(world.block([pay([{ txid: ZEROS, vout: 0, value: 1n }])]), missing);
  },
  *"an output spent twice, in one block and in two"(world) {
    const [coin, other] = world.coins(2);
    const spend = pay([coin!]);
    yield is(world.block([spend, pay([coin!, other!])]), "bad-txns-inputs-missingorspent");
    yield is(world.block([spend]), VALID);
    yield is(world.block([pay([coin!, other!])]), "bad-txns-inputs-missingorspent");
  },
  *"transactions that spend each other: in order, not in order, twice"(world) {
    const [coin] = world.coins(1);
    const first = pay([coin!]);
    const second = pay([outputOf(first)]);
    const third = pay([outputOf(second)], [out(FAN_VALUE - 5n)]);
    yield is(world.block([second, first]), "bad-txns-inputs-missingorspent");
    yield is(world.block([first, second, pay([outputOf(first)], [out(1n)])]), "bad-txns-inputs-missingorspent");
    yield is(world.block([first, second, third]), VALID);
  },
  *"outputs that nobody can spend"(world) {
    const [coin] = world.coins(1);
    const scripts = [script(0x6a), script(0x6a, 0x51), many(10_001, 0x51)];
    const made = pay([coin!], [...scripts.map((each) => out(5n, each)), out(5n, many(1, 0x51))]);
    yield is(world.block([made]), VALID);
    for (const vout of [0, 1, 2]) {
      yield is(world.block([pay([outputOf(made, vout)])]), "bad-txns-inputs-missingorspent");
    }
    const [another] = world.coins(1);
    const inside = pay([another!], [out(5n, scripts[0]!)]);
    yield is(world.block([inside, pay([outputOf(inside)])]), "bad-txns-inputs-missingorspent");
    yield is(world.block([pay([outputOf(made, 3)])]), VALID);
  },
  "a coinbase of 99 blocks ago": one(
    (world) => world.block([pay([world.coinbaseOf(world.height - 99)])]),
    "bad-txns-premature-spend-of-coinbase",
  ),
  "a coinbase of 100 blocks ago": one((world) => world.block([pay([world.coinbaseOf(world.height - 100)])]), VALID),
  "the block's own coinbase": one((world) => {
    const coinbase = world.coinbase([]);
    return world.solved([coinbase, pay([outputOf(coinbase)])]);
  }, "bad-txns-premature-spend-of-coinbase"),
  "one satoshi more than is spent": withSpend("bad-txns-in-belowout", () => paysAll(out(FAN_VALUE + 1n))),
  "nothing but a fee": withSpend(VALID, () => paysAll(out(0n, script(0x6a)))),
  *"a reward of one satoshi too much, of all, of less and of nothing"(world) {
    const subsidy = () => subsidyAt(regtest, world.height);
    const [coin, other] = world.coins(2);
    const fees = () => [pay([coin!], [out(FAN_VALUE - 700n)]), pay([other!], [out(FAN_VALUE - 77n)])];
    yield is(world.block(fees(), { reward: subsidy() + 778n }), "bad-cb-amount");
    yield is(world.block([], { reward: subsidy() + 1n }), "bad-cb-amount");
    yield is(world.block(fees(), { reward: subsidy() + 777n }), VALID);
    yield is(world.block([], { reward: subsidy() - 1n }), VALID);
    yield is(world.block([], { reward: 0n }), VALID);
  },
  "a reward in two outputs": withCoinbase("bad-cb-amount", (world) => ({
    coinbase: { outputs: [out(subsidyAt(regtest, world.height)), out(1n)] },
  })),
  *"relative locks by blocks (BIP68)"(world) {
    const made = pay(world.coins(1), Array.from({ length: 8 }, () => out(1n)));
    yield is(world.block([made]), VALID);
    const spend = (vout: number, sequence: number, version = 2) =>
      world.block([pay([outputOf(made, vout)], undefined, { version, input: { sequence } })]);
    yield is(spend(0, 2), "bad-txns-nonfinal");
    yield is(spend(0, 0xffff), "bad-txns-nonfinal");
    yield is(spend(0, 0x0080_0002), "bad-txns-nonfinal");
    yield is(spend(0, 2, 0xffff_ffff), "bad-txns-nonfinal");
    yield is(spend(0, 2, 0x8000_0002), "bad-txns-nonfinal");
    yield is(spend(0, 1), VALID);
    yield is(spend(1, 2), VALID);
    yield is(spend(2, 0x8000_ffff), VALID);
    yield is(spend(3, 0xffff, 1), VALID);
    yield is(spend(4, 0xffff, 0), VALID);
    yield is(spend(5, 0x003f_0001), VALID);
  },
  *"relative locks by time (BIP68)"(world) {
    const made = pay(world.coins(1), Array.from({ length: 4 }, () => out(1n)));
    yield is(world.block([made]), VALID);
    const { headers } = world.chain;
    const since = () => headers.medianTimePast(headers.parent(world.chain.headers.ancestor(world.chain.tip, height)));
    const height = world.height - 1;
    for (let vout = 0; vout < 3; vout++) {
      const most = Math.floor((world.medianTime - since()) / 512);
      const spend = (units: number) =>
        world.block([pay([outputOf(made, vout)], undefined, { input: { sequence: 0x0040_0000 | units } })]);
      yield is(spend(most + 1), "bad-txns-nonfinal");
      yield is(spend(most), VALID);
    }
  },
  *"relative locks by time, to the second (BIP68)"(world) {
    const { headers } = world.chain;
    // Blocks so far apart that medians are whole units of a lock apart.
    const next = (transactions: readonly Transaction[] = []) =>
      world.block(transactions, { header: { time: headers.time(world.chain.tip) + 512 } });
    for (let i = 0; i < 12; i++) yield is(next(), VALID);
    const made = pay(world.coins(1), [out(1n)]);
    const since = world.medianTime;
    yield is(next([made]), VALID);
    for (let i = 0; i < 3; i++) yield is(next(), VALID);
    const units = (world.medianTime - since) / 512;
    const spend = (wanted: number) =>
      next([pay([outputOf(made)], undefined, { input: { sequence: 0x0040_0000 | wanted } })]);
    yield is(spend(units + 1), "bad-txns-nonfinal");
    yield is(spend(units), VALID);
  },
  *"relative locks of what the block itself makes"(world) {
    const first = pay(world.coins(1));
    const spend = (sequence: number) =>
      world.block([first, pay([outputOf(first)], undefined, { input: { sequence } })]);
    yield is(spend(1), "bad-txns-nonfinal");
    yield is(spend(0x0040_0001), "bad-txns-nonfinal");
    yield is(spend(0), VALID);
  },
  *"signature operations of script hashes, one too many and the most"(world) {
    yield* sigOps(world, (lock) => ({
      scriptPubKey: script(0xa9, push(hash160(lock)), 0x87),
      input: { scriptSig: push(lock) },
    }), 20_000);
  },
  *"signature operations of witness scripts, one too many and the most"(world) {
    yield* sigOps(world, (lock) => ({
      scriptPubKey: script(0, push(sha256(lock))),
      input: { witness: [lock] },
    }), 80_000);
  },
  *"signature operations of witness scripts in script hashes"(world) {
    yield* sigOps(world, (lock) => {
      const program = script(0, push(sha256(lock)));
      return {
        scriptPubKey: script(0xa9, push(hash160(program)), 0x87),
        input: { scriptSig: push(program), witness: [lock] },
      };
    }, 80_000);
  },
};

/** Scripts that have so many signature operations together, none of which is executed. */
function* sigOps(
  world: BlockWorld,
  lockedBy: (lock: Uint8Array) => {
    readonly scriptPubKey: Uint8Array;
    readonly input: { readonly scriptSig?: Uint8Array; readonly witness?: readonly Uint8Array[] };
  },
  limit: number,
): Generator<BlockCase> {
  // Unexecuted opcodes count for the limit of 201: 198 multisigs of twenty keys each, or single ones.
  const lockOf = (count: number, salt: number) =>
    script(
      pushData(scriptNumber(1_000 + salt)),
      0x75,
      0,
      0x63,
      many(Math.floor(count / 20), 0xae),
      many(count % 20, 0xac),
      0x68,
      0x51,
    );
  const each = 3_600;
  const locks = Array.from({ length: Math.floor(limit / each) }, (_, i) => lockedBy(lockOf(each, i)));
  const rest = limit % each;
  const last = [rest + 1, rest].map((count, i) => lockedBy(lockOf(count, 900 + i)));
  const all = [...locks, ...last];
  const made = pay(world.coins(1), all.map(({ scriptPubKey }) => out(1n, scriptPubKey)));
  yield is(world.block([made]), VALID);
  const spend = (vout: number) => pay([outputOf(made, vout)], undefined, { input: all[vout]!.input });
  const full = locks.map((_, i) => spend(i));
  yield is(world.block([...full, spend(locks.length)]), "bad-blk-sigops");
  const most = [...full, spend(locks.length + 1)];
  // The outputs of the coinbase count as well, four times.
  const hasWitness = most.some((each) => each.hasWitness);
  const commitments = [...(hasWitness ? [commitmentOf(most)] : []), out(0n, many(1, 0xac))];
  yield is(world.block(most, { commitments, ...(!hasWitness && { reserved: [] }) }), "bad-blk-sigops");
  yield is(world.block(most), VALID);
}

/** Spends of every kind of output, about half of them changed: the block says what Core says. */
function* anySpend(world: BlockWorld): Generator<BlockCase> {
  const { outputs, from } = new SpendMaker(world.random).spend(1_000n);
  const made = pay(world.coins(1), outputs);
  const isLater = world.random.chance(0.5);
  if (isLater) yield is(world.block([made]), VALID);
  const spend = from(made.txid);
  yield is(world.block(isLater ? [spend] : [made, spend]));
}

/** A good block with a change of its bytes: what it is then, nobody says but Core. */
function* anyChange(world: BlockWorld): Generator<BlockCase> {
  const { random } = world;
  const spend = spendWitness(world);
  const block = world.block([spend.made, spend.from()]);
  const raw = block.raw.slice();
  const at = random.chance(0.2) ? random.below(80) : 80 + random.below(raw.length - 80);
  raw[at]! ^= 1 << random.below(8);
  yield { raw };
  yield { raw: block.raw.slice(0, random.below(block.raw.length)) };
  // A changed header may have work by chance: the right block is beside the chain then.
  yield is(block);
}

/** The rules by name. */
export const RULES: Readonly<Record<string, Rule>> = {
  ...headers,
  ...forms,
  ...transactions,
  ...places,
  ...spends,
  "spends of every kind, and changed ones": anySpend,
  "a changed byte": anyChange,
};

/** Rules whose blocks are of megabytes, or of thousands of operations. */
export const HEAVY: readonly string[] = Object.keys(RULES).filter((name) =>
  /\bmost\b/.test(name) && !/reward|script,/.test(name)
);
