/** Coins by an account of the tests' own, kept from blocks alone: forwards, backwards, and hashed as Core hashes a set of coins. */
import { createHash } from "node:crypto";
import { toHex } from "../../lib/codec/hex.ts";
import type { Block, OutPoint } from "../../lib/bitcoin/types/mod.ts";

/** A coin. */
export interface AccountCoin {
  readonly value: bigint;
  readonly scriptPubKey: Uint8Array;
  readonly height: number;
  readonly isCoinbase: boolean;
}

/** What a block did. */
interface Change {
  readonly made: readonly string[];
  readonly spent: readonly (readonly [string, AccountCoin])[];
}

const SCRIPT_MAX = 10_000;
const OP_RETURN = 0x6a;

/** So that names are in the order of the coins: the bytes of the txid, then the number. */
const nameOf = ({ txid, vout }: OutPoint) => `${toHex(txid)}${vout.toString(16).padStart(8, "0")}`;

/** The account. */
export class CoinAccount {
  readonly #coins = new Map<string, AccountCoin>();
  readonly #changes: Change[] = [];

  get(outpoint: OutPoint): AccountCoin | undefined {
    return this.#coins.get(nameOf(outpoint));
  }

  /** Takes a block in, which is valid. Genesis makes no coin. */
  connect({ transactions }: Block, height: number): void {
    const made: string[] = [];
    const spent: [string, AccountCoin][] = [];
    for (const [i, { txid, inputs, outputs }] of (height === 0 ? [] : transactions).entries()) {
      for (const { prevout } of i === 0 ? [] : inputs) {
        const name = nameOf(prevout);
        const coin = this.#coins.get(name);
        if (coin === undefined) throw new Error(`there is no coin ${name} for block ${height}`);
        this.#coins.delete(name);
        spent.push([name, coin]);
      }
      for (const [vout, { value, scriptPubKey }] of outputs.entries()) {
        if (scriptPubKey[0] === OP_RETURN || scriptPubKey.length > SCRIPT_MAX) continue;
        const name = nameOf({ txid, vout });
        this.#coins.set(name, { value, scriptPubKey, height, isCoinbase: i === 0 });
        made.push(name);
      }
    }
    this.#changes.push({ made, spent });
  }

  /** Takes the last block back. */
  disconnect(): void {
    const { made, spent } = this.#changes.pop()!;
    // What the block made and spent itself is in both.
    for (const [name, coin] of spent) this.#coins.set(name, coin);
    for (const name of made) this.#coins.delete(name);
  }

  /** The number of coins, and their hash in display order (`hash_serialized_3`). */
  digest(): { readonly txouts: number; readonly hash: string } {
    const sum = createHash("sha256");
    for (const name of [...this.#coins.keys()].sort()) {
      const { value, scriptPubKey, height, isCoinbase } = this.#coins.get(name)!;
      const { length } = scriptPubKey;
      const bytes = Buffer.alloc(32 + 4 + 4 + 8 + 3);
      bytes.write(name, "hex");
      bytes.writeUInt32LE(parseInt(name.slice(64), 16), 32);
      bytes.writeUInt32LE(height * 2 + Number(isCoinbase), 36);
      bytes.writeBigInt64LE(value, 40);
      if (length < 0xfd) bytes.writeUInt8(length, 48);
      else bytes.writeUInt8(0xfd, 48) && bytes.writeUInt16LE(length, 49);
      sum.update(bytes.subarray(0, length < 0xfd ? 49 : 51)).update(scriptPubKey);
    }
    const twice = createHash("sha256").update(sum.digest()).digest();
    return { txouts: this.#coins.size, hash: twice.reverse().toString("hex") };
  }
}
