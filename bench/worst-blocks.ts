/**
 * How long do the worst blocks take, and does the node still answer meanwhile?
 *
 * Two compiled nodes on regtest: one is given the blocks by RPC, the other, which is measured, gets them from it as a peer. Told
 * are the time until a block is the tip, or is known to be bad, on the measured node; the time that its scripts take Core's
 * libbitcoinconsensus on one thread; and how long calls of RPC to the measured node waited meanwhile, or
 * for three seconds.
 *
 * Run: `./compile.sh && bun bench/worst-blocks.ts [NAME]`.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join as pathJoin } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { taggedHash } from "../lib/bitcoin/hash.ts";
import { SpendingTransaction, witnessV0Digest } from "../lib/bitcoin/script/mod.ts";
import { Op, Transaction, type TxInput, type TxOutput } from "../lib/bitcoin/types/mod.ts";
import type { Block } from "../lib/bitcoin/types/block.ts";
import { toHex } from "../lib/codec/hex.ts";
import { sha256 } from "../lib/codec/sha256.ts";
import { Writer } from "../lib/codec/writer.ts";
import type { SeededRandom } from "../lib/sim/random.ts";
import { binaryMissing, Gemel, REGTEST, residentBytes, temporaryFolder } from "../tests/interop/binary.ts";
import { until } from "../tests/interop/call.ts";
import { rustProgram } from "../tests/support/cargo.ts";
import { ecdsaSignature, KEYS, tweaked } from "../tests/support/script-keys.ts";
import { join } from "../tests/support/script-random.ts";
import { push } from "../tests/support/script-text.ts";
import { writeSpending } from "../tests/support/spending-bytes.ts";
import { input, Ledger, output, pay, type Spendable } from "../tests/unit/bitcoin-chain/ledger.ts";
import { quantile } from "./spread.ts";

const print = (line: string) => process.stdout.write(line + "\n");
const ANYONE = Uint8Array.of(Op.OP_1);
const TIMEOUT_MS = 600_000;
/** For so long at least calls are made. */
const STRETCH_MS = 3_000;

/** A kind of block: what it spends, and how. */
interface Kind {
  readonly name: string;
  /** Scripts of the coins that it spends. */
  readonly coins: readonly Uint8Array[];
  readonly outputs?: readonly TxOutput[];
  readonly isBad?: boolean;
  readonly spend: (unsigned: Transaction, spent: readonly TxOutput[]) => Pick<TxInput, "scriptSig" | "witness">[];
}

const nothing = new Uint8Array(0);
const many = <T>(count: number, value: T): T[] => new Array<T>(count).fill(value);

/** Inputs that hash all of a large transaction again for each of their checks: two gigabytes. */
function quadratic(): Kind {
  const key = push(KEYS[0]!.compressed);
  const round = [Op.OP_2DUP, Op.OP_CHECKSIG, Op.OP_DROP, Op.OP_CODESEPARATOR];
  const script = join(key, ...many(49, join(...round)), Op.OP_2DROP, Op.OP_1);
  const signature = join(0x30, 0x44, 2, 0x20, new Uint8Array(32).fill(0x11), 2, 0x20, new Uint8Array(32).fill(0x22), 1);
  return {
    name: "quadratic",
    coins: many(40, script),
    outputs: many(96, { value: 0n, scriptPubKey: join(Op.OP_RETURN, new Uint8Array(9_990)) }),
    spend: (_, spent) => spent.map(() => ({ scriptSig: push(signature), witness: [] })),
  };
}

/** A leaf of taproot, and what spends it. */
function leaf(name: string, script: Uint8Array, items: readonly Uint8Array[]): Kind {
  const size = script.length < 0xfd
    ? Uint8Array.of(script.length)
    : Uint8Array.of(0xfe, ...[0, 8, 16, 24].map((shift) => (script.length >>> shift) & 0xff));
  const { xOnly, parity } = tweaked(KEYS[0]!, taggedHash("TapLeaf", Uint8Array.of(0xc0), size, script));
  const control = join(0xc0 | parity, KEYS[0]!.xOnly);
  return {
    name,
    coins: [join(Op.OP_1, push(xOnly))],
    spend: () => [{ scriptSig: nothing, witness: [...items, script, control] }],
  };
}

/** A script of nearly four megabytes that hashes 520 bytes with each third of its opcodes. */
function longTapscript(): Kind {
  const body = new Uint8Array(3 * 1_310_000);
  for (let i = 0; i < body.length; i += 3) body.set([Op.OP_DUP, Op.OP_SHA256, Op.OP_DROP], i);
  return leaf("4 MB of tapscript", body, [new Uint8Array(520).fill(1)]);
}

/** A witness of half a million elements, which is no good. */
const manyItems = (): Kind => ({ ...leaf("500,000 stack items", ANYONE, many(500_000, nothing)), isBad: true });

/** 4,000 inputs that each try twenty keys until one fits. */
function signatureOperations(): Kind {
  const keys = KEYS.slice(0, 20);
  const script = join(Op.OP_1, ...keys.map(({ compressed }) => push(compressed)), 1, 20, Op.OP_CHECKMULTISIG);
  const program = join(Op.OP_0, push(sha256(script)));
  return {
    name: "80,000 sigops",
    coins: many(3_990, program),
    spend: (unsigned, spent) => {
      const transaction = new SpendingTransaction(unsigned, spent);
      const steady = {
        chance: (share: number) => share === 0.95,
        below: () => 0,
        bytes: () => nothing,
      } as unknown as SeededRandom;
      return spent.map((_, at) => {
        const digest = witnessV0Digest(transaction, at, script, 1);
        // The first key is the last that is tried.
        const signature = ecdsaSignature(steady, keys[0]!.secret, digest, 1);
        return { scriptSig: nothing, witness: [nothing, signature, script] };
      });
    },
  };
}

const KINDS: readonly (() => Kind)[] = [
  quadratic,
  longTapscript,
  manyItems,
  signatureOperations,
  () => ({
    name: "24,000 inputs",
    coins: many(24_000, ANYONE),
    spend: (_, spent) => spent.map(() => ({ scriptSig: nothing, witness: [] })),
  }),
  () => ({
    name: "99,000 outputs",
    coins: [ANYONE],
    outputs: many(99_000, { value: 0n, scriptPubKey: ANYONE }),
    spend: () => [{ scriptSig: nothing, witness: [] }],
  }),
];

/** The transaction of a kind, over coins that are there. */
function transactionOf(kind: Kind, from: readonly Spendable[]): Transaction {
  const parts = {
    version: 2,
    lockTime: 0,
    inputs: from.map((each) => input(each)),
    outputs: kind.outputs ?? [{ value: 0n, scriptPubKey: ANYONE }],
  };
  const spent = from.map(({ value }, i) => ({ value, scriptPubKey: kind.coins[i]! }));
  const satisfied = kind.spend(Transaction.of(parts), spent);
  return Transaction.of({ ...parts, inputs: parts.inputs.map((each, i) => ({ ...each, ...satisfied[i]! })) });
}

/** Nanoseconds that libbitcoinconsensus takes for all inputs; undefined when it cannot be had. */
async function consensusMs(
  spending: { transaction: Transaction; spent: readonly TxOutput[] },
): Promise<number | undefined> {
  const program = rustProgram({
    name: "consensus_scripts",
    source: new URL("reference/consensus_scripts.rs", import.meta.url),
    crates: { bitcoinconsensus: "0.106.0" },
  });
  if ("missing" in program) return undefined;
  const folder = mkdtempSync(pathJoin(tmpdir(), "gemel-bench-"));
  const writer = new Writer(1 << 22);
  writeSpending(writer, spending);
  writeFileSync(pathJoin(folder, "spends"), writer.finish());
  const child = spawn(program.path, [pathJoin(folder, "spends")]);
  child.stdin.write("\n");
  const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  child.kill();
  rmSync(folder, { recursive: true });
  return value === undefined ? undefined : Number(value) * spending.spent.length / 1e6;
}

/** A port that nobody listens on now. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

if (binaryMissing() !== undefined) process.exit(1);
const wanted = process.argv[2] ?? "";
const folders = [temporaryFolder("bench-worst-"), temporaryFolder("bench-worst-")] as const;
const port = await freePort();
const giver = await Gemel.start({ dir: folders[0].path, chain: REGTEST, args: ["--listen", `127.0.0.1:${port}`] });
const measured = await Gemel.start({ dir: folders[1].path, chain: REGTEST, connect: [port] });
const ledger = await Ledger.open();
const tipOf = async (gemel: Gemel) => String(await gemel.btc("getbestblockhash"));
const named = (block: Block) => toHex(block.hash.slice().reverse());

/** Both nodes have the block. */
async function give(block: Block): Promise<void> {
  // Else they take themselves to be far behind, and serve nothing.
  for (const gemel of [giver, measured]) await gemel.btc("setmocktime", [block.header.time + 600]);
  if (await ledger.add(block) !== "ok") throw new Error("a block of the beginning is bad");
  await giver.btc("submitblock", [toHex(block.raw)]);
}

const coinbases: Spendable[] = [];
for (let i = 0; i < 130; i++) {
  const block = ledger.block();
  coinbases.push(output(block.transactions[0]!));
  await give(block);
}
print("| block | weight | seconds | bitcoinconsensus, s | RPC: median, p99, max ms | peak memory MB |");
print("|---|---:|---:|---:|---:|---:|");
for (const kindOf of KINDS) {
  const kind = kindOf();
  if (!kind.name.includes(wanted)) continue;
  const coins: Spendable[] = [];
  for (let at = 0; at < kind.coins.length; at += 400) {
    const outputs = kind.coins.slice(at, at + 400).map((scriptPubKey) => ({ value: 1_000n, scriptPubKey }));
    const funding = pay([coinbases.shift()!], 0n, { outputs });
    coins.push(...outputs.map((_, vout) => output(funding, vout)));
    const block = ledger.block([funding]);
    coinbases.push(output(block.transactions[0]!));
    await give(block);
  }
  for (let i = 0; i < 100 && coinbases.length < 70; i++) await give(ledger.block());
  const tip = await tipOf(giver);
  await until("the blocks before", TIMEOUT_MS, async () => await tipOf(measured) === tip || undefined);
  const transaction = transactionOf(kind, coins);
  const block = ledger.block([transaction]);
  const spent = coins.map(({ value }, i) => ({ value, scriptPubKey: kind.coins[i]! }));
  const reference = await consensusMs({ transaction, spent });
  const waits: number[] = [];
  let isOver = false;
  const asking = (async () => {
    while (!isOver) {
      const began = performance.now();
      await measured.btc("getblockcount");
      waits.push(performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  const began = performance.now();
  // What is no good is relayed by nobody.
  const to = kind.isBad === true ? measured : giver;
  void to.btc("submitblock", [toHex(block.raw)]).catch(() => {});
  await until(`what becomes of ${kind.name}`, TIMEOUT_MS, async () => {
    if (await tipOf(measured) === named(block)) return true;
    const tips = (await measured.btc("getchaintips")) as unknown as { hash: string; status: string }[];
    return tips.some(({ hash, status }) => hash === named(block) && status === "invalid") || undefined;
  });
  const seconds = (performance.now() - began) / 1000;
  // A block that is soon over is no stretch of time of which a hundredth says anything.
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, STRETCH_MS - seconds * 1000)));
  isOver = true;
  await asking;
  const [median, p99] = [quantile(waits, 0.5), quantile(waits, 0.99)];
  const rpc = [median, p99, Math.max(...waits)].map((each) => each.toFixed(1)).join(", ");
  const memory = (residentBytes(measured.process.pid, "VmHWM") / 1e6).toFixed(0);
  const theirs = reference === undefined ? "-" : (reference / 1000).toFixed(2);
  print(`| ${kind.name} | ${block.weight} | ${seconds.toFixed(2)} | ${theirs} | ${rpc} | ${memory} |`);
  if (await ledger.add(block) === "ok") coinbases.push(output(block.transactions[0]!));
}
await measured.stop();
await giver.stop();
for (const folder of folders) folder.remove();
