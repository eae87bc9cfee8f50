/**
 * Transactions by seed whose inputs spend outputs of every kind as they are meant to be spent, and some changed afterwards.
 */
import { sha256 } from "../../lib/codec/sha256.ts";
import { hash160, taggedHash } from "../../lib/bitcoin/hash.ts";
import { legacyDigest, SpendingTransaction, taprootDigest, witnessV0Digest } from "../../lib/bitcoin/script/mod.ts";
import { Op, Transaction, type TransactionParts, type TxInput, type TxOutput } from "../../lib/bitcoin/types/mod.ts";
import type { SeededRandom } from "../../lib/sim/random.ts";
import { ecdsaSignature, KEYS, schnorrSignature, type TestKey, tweaked } from "./script-keys.ts";
import { join, mutated, randomElement, randomFlags, randomPush, randomScript } from "./script-random.ts";
import type { ScriptQuestion } from "./script-oracle.ts";
import { push, pushNumber } from "./script-text.ts";

/** How a script is signed. */
type Version = "legacy" | "v0" | "tapscript";

/** The transaction while it is being signed. */
interface Signing {
  readonly transaction: SpendingTransaction;
  readonly input: number;
}

/** A script and what satisfies it, the last element on top. `code` is what is signed of it. */
interface Lock {
  readonly script: Uint8Array;
  readonly satisfy: (signing: Signing, extra: LeafExtra) => readonly Uint8Array[];
}

/** What signatures of a leaf sign. */
interface LeafExtra {
  readonly annexHash: Uint8Array | undefined;
  readonly leafHash: Uint8Array | undefined;
}

/** An output and how it is spent. */
interface Plan {
  readonly scriptPubKey: Uint8Array;
  /** Makes another script when the transaction is known. */
  readonly lock?: (signing: Signing) => Uint8Array;
  readonly spend: (signing: Signing) => Pick<TxInput, "scriptSig" | "witness">;
}

const NO_LEAF: LeafExtra = { annexHash: undefined, leafHash: undefined };
const EMPTY = new Uint8Array(0);
const HASH_TYPES = [1, 1, 1, 1, 2, 3, 0x81, 0x82, 0x83];
const TAPROOT_HASH_TYPES = [0, 0, 0, 0, ...HASH_TYPES];

/** Makes questions. */
export class SpendMaker {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** A transaction of one to four inputs with what it spends and the rules; about half of them are left as they were made. */
  question(): ScriptQuestion {
    const random = this.#random;
    const plans = Array.from({ length: 1 + random.below(4) }, () => this.#plan());
    const spent = plans.map(({ scriptPubKey }): TxOutput => ({
      value: BigInt(random.below(2 ** 32)) * BigInt(1 + random.below(2 ** 16)),
      scriptPubKey,
    }));
    const outputs = Array.from({ length: 1 + random.below(4) }, () => ({
      value: BigInt(random.below(2 ** 32)),
      scriptPubKey: random.bytes(random.pick([0, 22, 25, 34])),
    }));
    const skeleton = this.#skeleton(spent.map(() => ({ txid: random.bytes(32), vout: random.below(8) })), outputs);
    const unsigned = Transaction.of(skeleton);
    for (const [input, { lock }] of plans.entries()) {
      const scriptPubKey = lock?.({ transaction: new SpendingTransaction(unsigned, spent), input });
      if (scriptPubKey !== undefined) spent[input] = { ...spent[input]!, scriptPubKey };
    }
    const changed = this.#changed(this.#signed(skeleton, plans, spent), spent);
    return { transaction: Transaction.of(changed), spent, flags: randomFlags(random) };
  }

  /**
   * One to four outputs of so many satoshi each, and what makes a transaction that spends them from where they are by then; about half
   * of them are left as they were made.
   */
  spend(
    value: bigint,
    { isChanged = true } = {},
  ): { readonly outputs: readonly TxOutput[]; readonly from: (txid: Uint8Array) => Transaction } {
    const random = this.#random;
    const plans: Plan[] = [];
    const count = 1 + random.below(4);
    while (plans.length < count) {
      const plan = this.#plan();
      // A script that has signatures in it would have to be known before the transaction that it is in.
      if (plan.lock === undefined) plans.push(plan);
    }
    const spent = plans.map(({ scriptPubKey }) => ({ value, scriptPubKey }));
    const from = (txid: Uint8Array) => {
      const outputs = [{ value: value * BigInt(spent.length), scriptPubKey: Uint8Array.of(Op.OP_1) }];
      const skeleton = this.#skeleton(spent.map((_, vout) => ({ txid, vout })), outputs);
      const signed = this.#signed(skeleton, plans, spent);
      return Transaction.of(isChanged ? this.#changed(signed) : signed);
    };
    return { outputs: spent, from };
  }

  #skeleton(prevouts: readonly TxInput["prevout"][], outputs: readonly TxOutput[]): TransactionParts {
    const random = this.#random;
    return {
      version: random.pick([1, 2, 2, 2, 3, 0, 0xffff_ffff]),
      lockTime: random.pick([100, 100, 100, 100, 0, 499_999_999, 500_000_000, 0xffff_ffff]),
      inputs: prevouts.map((prevout) => ({
        prevout,
        scriptSig: EMPTY,
        witness: [],
        sequence: random.pick([10, 10, 10, 10, 0xffff_ffff, 0xffff_fffe, 0, 0x0040_000a, random.below(2 ** 32)]),
      })),
      outputs,
    };
  }

  #signed(skeleton: TransactionParts, plans: readonly Plan[], spent: readonly TxOutput[]): TransactionParts {
    const transaction = new SpendingTransaction(Transaction.of(skeleton), spent);
    const inputs = plans.map(({ spend }, input) => ({ ...skeleton.inputs[input]!, ...spend({ transaction, input }) }));
    return { ...skeleton, inputs };
  }

  /** @param spent what may be changed of what is spent; nothing when absent */
  #changed(parts: TransactionParts, spent?: TxOutput[]): TransactionParts {
    const random = this.#random;
    const inputs = [...parts.inputs];
    const changed = { ...parts, inputs };
    for (let left = random.pick([0, 0, 0, 1, 1, 2]); left > 0; left--) {
      const i = random.below(inputs.length);
      const input = inputs[i]!;
      switch (random.below(12)) {
        case 0:
          inputs[i] = { ...input, sequence: random.below(2 ** 32) };
          break;
        case 1:
          changed.lockTime = random.below(2 ** 32);
          break;
        case 2:
          if (spent !== undefined) spent[i] = { ...spent[i]!, value: spent[i]!.value + 1n };
          break;
        case 3:
          if (spent !== undefined) spent[i] = { ...spent[i]!, scriptPubKey: mutated(random, spent[i]!.scriptPubKey) };
          break;
        case 4:
          changed.version = random.below(4);
          break;
        case 5:
        case 6:
          inputs[i] = { ...input, scriptSig: mutated(random, input.scriptSig) };
          break;
        case 7:
          inputs[i] = { ...input, scriptSig: join(randomPush(random), input.scriptSig) };
          break;
        default:
          inputs[i] = { ...input, witness: this.#changedWitness(input.witness) };
      }
    }
    return changed;
  }

  #changedWitness(witness: readonly Uint8Array[]): Uint8Array[] {
    const random = this.#random;
    const items = [...witness];
    const at = random.below(items.length + 1);
    const kind = random.below(8);
    if (kind === 0) items.splice(at, 0, randomElement(random));
    else if (kind === 1) items.splice(at, 1);
    else if (kind === 2 && at < items.length) items[at] = EMPTY;
    else if (kind === 3) items.push(join(0x50, random.bytes(random.below(4))));
    else if (at < items.length) items[at] = mutated(random, items[at]!);
    return items;
  }

  #plan(): Plan {
    const random = this.#random;
    switch (random.below(12)) {
      case 0:
      case 1:
        return this.#bare();
      case 10:
        return this.#ownSignature();
      case 11:
        return this.#leafAtLimits();
      case 2:
        return this.#scriptHash();
      case 3:
        return this.#keyHash(random.chance(0.3));
      case 4:
      case 5:
        return this.#witnessScriptHash(random.chance(0.3));
      case 6:
        return this.#taprootKey();
      case 7:
      case 8:
        return this.#taprootLeaf();
      default:
        return this.#unknown();
    }
  }

  #bare(): Plan {
    const { script, satisfy } = this.#lock("legacy");
    return {
      scriptPubKey: script,
      spend: (signing) => ({ scriptSig: join(...satisfy(signing, NO_LEAF).map(push)), witness: [] }),
    };
  }

  /** A script that has the signatures in it that spend it: they do not sign themselves, if they are pushed as is meant. */
  #ownSignature(): Plan {
    const random = this.#random;
    const keys = random.shuffle(KEYS).slice(0, 1 + random.below(3));
    const tail = keys.length === 1 ? join(push(keys[0]!.compressed), Op.OP_CHECKSIG) : join(
      Op.OP_1 + keys.length - 1,
      ...keys.map(({ compressed }) => push(compressed)),
      Op.OP_1 + keys.length - 1,
      Op.OP_CHECKMULTISIG,
    );
    const separator = random.chance(0.3) ? [Op.OP_CODESEPARATOR] : [];
    let signatures: readonly Uint8Array[] = [];
    return {
      scriptPubKey: EMPTY,
      lock: (signing) => {
        const drops = keys.map(() => Op.OP_DROP);
        const code = join(...drops, ...separator, tail);
        signatures = keys.map((key) => this.#ecdsa(key, signing, "legacy", separator.length === 0 ? code : tail));
        const other = random.chance(0.1);
        const pushes = signatures.map((each) => other ? join(Op.OP_PUSHDATA1, each.length, each) : push(each));
        // Before a separator they are no part of what is signed.
        return random.chance(0.7)
          ? join(...pushes, ...drops, ...separator, tail)
          : join(...separator, ...pushes, ...drops, tail);
      },
      spend: () => ({ scriptSig: join(...(keys.length === 1 ? [] : [Op.OP_0]), ...signatures.map(push)), witness: [] }),
    };
  }

  #scriptHash(): Plan {
    const { script, satisfy } = this.#lock("legacy");
    return {
      scriptPubKey: join(Op.OP_HASH160, push(hash160(script)), Op.OP_EQUAL),
      spend: (signing) => ({ scriptSig: join(...satisfy(signing, NO_LEAF).map(push), push(script)), witness: [] }),
    };
  }

  /** A witness program as it is, or in a script hash. */
  #program(program: Uint8Array, isNested: boolean, witness: (signing: Signing) => readonly Uint8Array[]): Plan {
    if (!isNested) {
      return { scriptPubKey: program, spend: (signing) => ({ scriptSig: EMPTY, witness: witness(signing) }) };
    }
    return {
      scriptPubKey: join(Op.OP_HASH160, push(hash160(program)), Op.OP_EQUAL),
      spend: (signing) => ({ scriptSig: push(program), witness: witness(signing) }),
    };
  }

  #keyHash(isNested: boolean): Plan {
    const key = this.#random.pick(KEYS);
    const form = this.#random.chance(0.9) ? key.compressed : key.uncompressed;
    const code = join(Op.OP_DUP, Op.OP_HASH160, push(hash160(form)), Op.OP_EQUALVERIFY, Op.OP_CHECKSIG);
    return this.#program(
      join(0, push(hash160(form))),
      isNested,
      (signing) => [this.#ecdsa(key, signing, "v0", code), form],
    );
  }

  #witnessScriptHash(isNested: boolean): Plan {
    const { script, satisfy } = this.#lock("v0");
    return this.#program(join(0, push(sha256(script))), isNested, (signing) => [...satisfy(signing, NO_LEAF), script]);
  }

  #annex(): { readonly annex: readonly Uint8Array[]; readonly annexHash: Uint8Array | undefined } {
    if (this.#random.chance(0.7)) return { annex: [], annexHash: undefined };
    const annex = join(0x50, this.#random.bytes(this.#random.below(20)));
    return { annex: [annex], annexHash: sha256(Uint8Array.of(annex.length), annex) };
  }

  #taprootKey(): Plan {
    const random = this.#random;
    const { secret, xOnly } = tweaked(random.pick(KEYS), random.chance(0.5) ? EMPTY : random.bytes(32));
    return {
      scriptPubKey: join(Op.OP_1, push(xOnly)),
      spend: ({ transaction, input }) => {
        const { annex, annexHash } = this.#annex();
        const hashType = random.pick(TAPROOT_HASH_TYPES);
        const digest = taprootDigest(transaction, input, hashType, { annexHash, leafHash: undefined, separatorAt: 0 });
        return {
          scriptSig: EMPTY,
          witness: [schnorrSignature(secret, digest ?? new Uint8Array(32), hashType), ...annex],
        };
      },
    };
  }

  #taprootLeaf(): Plan {
    const version = this.#random.chance(0.9) ? 0xc0 : this.#random.below(128) * 2;
    return this.#leaf(version, this.#lock("tapscript"));
  }

  /** Leaves at what signatures may cost for their witness, and such that have an opcode which makes any script succeed. */
  #leafAtLimits(): Plan {
    const random = this.#random;
    if (random.chance(0.5)) return this.#leaf(0xc0, this.#success());
    const { xOnly, secret } = random.pick(KEYS);
    const checks = 12 + random.below(6);
    // Each check costs 50, and 50 are free: the budget is that and the bytes of the witness, of which some are padding.
    const script = join(
      Op.OP_DROP,
      ...Array.from({ length: checks }, () => [Op.OP_DUP, ...push(xOnly), Op.OP_CHECKSIGVERIFY]).flat(),
      Op.OP_DROP,
      Op.OP_1,
    );
    const ownBytes = 1 + 65 + 1 + 3 + script.length + 34;
    const padding = 50 * checks - 50 - ownBytes + random.below(5) - 2;
    const satisfy: Lock["satisfy"] = ({ transaction, input }, extra) => {
      const digest = taprootDigest(transaction, input, 0, { ...extra, separatorAt: 0xffff_ffff });
      return [schnorrSignature(secret, digest ?? new Uint8Array(32), 0), new Uint8Array(padding).fill(1)];
    };
    return this.#leaf(0xc0, { script, satisfy }, { isPlain: true });
  }

  /** A script with such an opcode somewhere: among others, in a branch that is not taken, in a push, behind what cannot be read. */
  #success(): Lock {
    const random = this.#random;
    const opcode = random.pick([
      0x50,
      0x62,
      0x7e,
      0x81,
      0x83,
      0x86,
      0x89,
      0x8a,
      0x8d,
      0x8e,
      0x95,
      0x99,
      0xbb,
      0xfe,
      0xff,
    ]);
    const before = randomScript(random, 4);
    const script = random.pick([
      () => join(before, opcode, randomScript(random, 4)),
      () => join(Op.OP_0, Op.OP_IF, opcode, Op.OP_ENDIF, Op.OP_0),
      () => join(before, push(join(opcode, opcode)), Op.OP_DROP, Op.OP_0),
      () => join(before, Op.OP_PUSHDATA1, 200, opcode),
      () => join(Op.OP_RETURN, opcode, Op.OP_PUSHDATA4),
    ])();
    const items = Array.from({ length: random.below(3) }, () => random.bytes(random.pick([0, 1, 520, 521])));
    return { script, satisfy: () => items };
  }

  #leaf(version: number, { script, satisfy }: Lock, { isPlain = false } = {}): Plan {
    const random = this.#random;
    const size = script.length < 0xfd
      ? Uint8Array.of(script.length)
      : Uint8Array.of(0xfd, script.length & 0xff, script.length >> 8);
    const leafHash = taggedHash("TapLeaf", Uint8Array.of(version), size, script);
    const path = Array.from({ length: isPlain ? 0 : random.below(4) }, () => random.bytes(32));
    const root = path.reduce<Uint8Array>((hash, node) => {
      const isFirst = Buffer.compare(hash, node) < 0;
      return taggedHash("TapBranch", ...(isFirst ? [hash, node] : [node, hash]));
    }, leafHash);
    const internal = random.pick(KEYS);
    const { xOnly, parity } = tweaked(internal, root);
    return {
      scriptPubKey: join(Op.OP_1, push(xOnly)),
      spend: (signing) => {
        const { annex, annexHash } = isPlain ? { annex: [], annexHash: undefined } : this.#annex();
        const control = join(version | parity, internal.xOnly, ...path);
        return { scriptSig: EMPTY, witness: [...satisfy(signing, { annexHash, leafHash }), script, control, ...annex] };
      },
    };
  }

  /** Programs that nobody has given a meaning, and anchors. */
  #unknown(): Plan {
    const random = this.#random;
    const program = random.chance(0.2) ? Uint8Array.of(Op.OP_1, 2, 0x4e, 0x73) : join(
      random.pick([0, Op.OP_1, Op.OP_1 + 1, Op.OP_16]),
      push(random.bytes(random.pick([2, 20, 31, 32, 33, 40, 41]))),
    );
    const witness = Array.from({ length: random.below(3) }, () => randomElement(random));
    return this.#program(program, random.chance(0.3), () => witness);
  }

  #ecdsa(key: TestKey, { transaction, input }: Signing, version: Version, code: Uint8Array): Uint8Array {
    const random = this.#random;
    const hashType = random.chance(0.97) ? random.pick(HASH_TYPES) : random.below(256);
    const digest = (version === "v0" ? witnessV0Digest : legacyDigest)(transaction, input, code, hashType);
    return ecdsaSignature(random, key.secret, digest, hashType);
  }

  /** A script by which somebody may spend, behind a lock time, in a branch, or behind a separator. */
  #lock(version: Version): Lock {
    const random = this.#random;
    const inner = version === "tapscript" ? this.#leafKeys() : this.#keys(version);
    const head: (Uint8Array | number)[] = [];
    const before: Uint8Array[] = [];
    if (random.chance(0.15)) {
      head.push(pushNumber(BigInt(random.pick([0, 50, 100, 100, 101, 499_999_999, 500_000_000, 0xffff_ffff]))));
      head.push(Op.OP_CHECKLOCKTIMEVERIFY, Op.OP_DROP);
    }
    if (random.chance(0.15)) {
      head.push(pushNumber(BigInt(random.pick([0, 5, 10, 10, 11, 0x0040_0005, 0x8000_0000, 0xffff_ffff]))));
      head.push(Op.OP_CHECKSEQUENCEVERIFY, Op.OP_DROP);
    }
    if (random.chance(0.1)) {
      const secret = random.bytes(random.below(40));
      head.push(Op.OP_SHA256, push(sha256(secret)), Op.OP_EQUALVERIFY);
      before.unshift(secret);
    }
    if (random.chance(0.2)) {
      const isElse = random.chance(0.5);
      head.push(isElse ? Op.OP_NOTIF : Op.OP_IF, Op.OP_CODESEPARATOR, random.pick([Op.OP_NOP, Op.OP_ELSE]));
      head.push(random.pick([Op.OP_NOP, Op.OP_NOP1]), Op.OP_ENDIF);
      before.push(random.chance(0.9) ? Uint8Array.from(isElse ? [] : [1]) : randomElement(random));
      if (random.chance(0.1)) head.push(randomScript(random, 3));
    }
    return inner(join(...head), before);
  }

  #keys(version: Version): (head: Uint8Array, before: readonly Uint8Array[]) => Lock {
    const random = this.#random;
    const formOf = (key: TestKey) =>
      random.chance(0.8)
        ? key.compressed
        : random.pick([key.uncompressed, key.uncompressed, key.hybrid, random.bytes(33)]);
    const signer = (script: Uint8Array) => {
      // What is signed begins behind the last separator that is executed; the wrong guess is a signature that is not good.
      const last = script.lastIndexOf(Op.OP_CODESEPARATOR);
      const code = random.chance(0.8) && last >= 0 ? script.subarray(last + 1) : script;
      return (key: TestKey, signing: Signing) => this.#ecdsa(key, signing, version, code);
    };
    const kind = random.below(5);
    if (kind < 2) {
      const key = random.pick(KEYS);
      const form = formOf(key);
      const tail = kind === 0
        ? join(push(form), Op.OP_CHECKSIG)
        : join(Op.OP_DUP, Op.OP_HASH160, push(hash160(form)), Op.OP_EQUALVERIFY, Op.OP_CHECKSIG);
      const isNot = random.chance(0.1);
      return (head, before) => {
        const script = join(head, tail, ...(isNot ? [Op.OP_NOT] : []));
        const sign = signer(script);
        return {
          script,
          satisfy: (signing) => {
            const signature = isNot && random.chance(0.7) ? randomElement(random) : sign(key, signing);
            return [signature, ...(kind === 0 ? [] : [form]), ...before];
          },
        };
      };
    }
    const count = random.chance(0.95) ? 1 + random.below(5) : random.pick([0, 20, 20, 21]);
    const keys = random.shuffle(KEYS).slice(0, count);
    const wanted = count === 20 && random.chance(0.5) ? count : random.below(count + 1);
    const chosen = new Set(random.shuffle(keys).slice(0, wanted));
    const tail = join(pushNumber(BigInt(wanted)), ...keys.map((key) => push(formOf(key))), pushNumber(BigInt(count)));
    const verb = random.pick([[Op.OP_CHECKMULTISIG], [Op.OP_CHECKMULTISIGVERIFY, Op.OP_1], [
      Op.OP_CHECKMULTISIG,
      Op.OP_NOT,
    ]]);
    const dummy = random.chance(0.95) ? EMPTY : randomElement(random);
    return (head, before) => {
      const script = join(head, tail, ...verb);
      const sign = signer(script);
      return {
        script,
        satisfy: (signing) => {
          const signatures = keys.filter((key) => chosen.has(key)).map((key) => sign(key, signing));
          const order = random.chance(0.9) ? signatures : random.shuffle(signatures);
          return [dummy, ...order.map((each) => random.chance(0.95) ? each : EMPTY), ...before];
        },
      };
    };
  }

  #leafKeys(): (head: Uint8Array, before: readonly Uint8Array[]) => Lock {
    const random = this.#random;
    const keys = random.shuffle(KEYS).slice(0, 1 + random.below(4));
    const formOf = (key: TestKey) =>
      random.chance(0.95) ? key.xOnly : random.pick([EMPTY, key.compressed, random.bytes(32)]);
    const signed = keys.map(() => random.chance(0.8));
    const wanted = signed.filter((each) => each).length;
    const isVerified = random.chance(0.3);
    const parts = keys.map((key, i) => {
      const verb = isVerified ? Op.OP_CHECKSIGVERIFY : i === 0 ? Op.OP_CHECKSIG : Op.OP_CHECKSIGADD;
      return join(push(formOf(key)), verb);
    });
    const tail = isVerified ? Uint8Array.of(Op.OP_1) : join(pushNumber(BigInt(wanted)), Op.OP_NUMEQUAL);
    const extra = random.chance(0.1) ? randomScript(random, 2) : EMPTY;
    return (head, before) => ({
      script: join(head, ...parts, tail, extra),
      satisfy: ({ transaction, input }, { annexHash, leafHash }) => {
        const signatures = keys.map((key, i) => {
          if (!signed[i]) return random.chance(0.95) ? EMPTY : random.bytes(64);
          const hashType = random.pick(TAPROOT_HASH_TYPES);
          const separatorAt = random.chance(0.8) ? this.#separatorIn(head) : random.below(8);
          const digest = taprootDigest(transaction, input, hashType, { annexHash, leafHash, separatorAt });
          return schnorrSignature(key.secret, digest ?? new Uint8Array(32), hashType);
        });
        return [...signatures.reverse(), ...before];
      },
    });
  }

  /** Which opcode is the separator, if there is one. Counted roughly; a wrong guess is a signature that is not good. */
  #separatorIn(head: Uint8Array): number {
    let [index, at] = [0, 0];
    while (at < head.length) {
      if (head[at] === Op.OP_CODESEPARATOR) return index;
      at += 1 + (head[at]! < Op.OP_PUSHDATA1 ? head[at]! : 0);
      index++;
    }
    return 0xffff_ffff;
  }
}
