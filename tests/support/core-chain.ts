/**
 * The chain that Core's tests make for snapshots (`src/test/util/mining.cpp`, CreateBlockChain), by its rules: coinbases to
 * the script OP_TRUE by its hash, a second between blocks. Core states what its coins are at height 200.
 */
import { heightPush } from "../../lib/bitcoin/chain/block-checks.ts";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { subsidyAt } from "../../lib/bitcoin/networks/subsidy.ts";
import { Block } from "../../lib/bitcoin/types/block.ts";
import { merkleRoot } from "../../lib/bitcoin/types/merkle.ts";
import { Transaction } from "../../lib/bitcoin/types/transaction.ts";
import { sha256 } from "../../lib/codec/sha256.ts";
import { solve } from "../unit/bitcoin-chain/mining.ts";

/** What Core's `kernel/chainparams.cpp` (31.99) has of regtest at height 200, as people see hashes. */
export const CORE_AT_200 = {
  height: 200,
  block: "385901ccbd69dff6bbd00065d01fb8a9e464dede7cfe0372443884f9b1dcf6b9",
  hash: "17dcc016d188d16068907cdeb38b75691a118d43053b8cd6a25969419381d13a",
  transactions: 201,
} as const;

const OP_TRUE = Uint8Array.of(0x51);

/** The script that all coinbases pay to. */
export const CORE_SCRIPT = Uint8Array.of(0, 32, ...sha256(OP_TRUE));

/** So many blocks on the first of regtest. */
export function coreChain(count: number): Block[] {
  const blocks: Block[] = [];
  let { hash, header: { time } } = { hash: regtest.genesis.hash as Uint8Array, header: regtest.genesis.header };
  for (let height = 1; height <= count; height++) {
    const coinbase = Transaction.of({
      version: 2,
      inputs: [{
        prevout: { txid: new Uint8Array(32), vout: 0xffff_ffff },
        scriptSig: Uint8Array.of(...heightPush(height), 0),
        sequence: 0xffff_fffe,
        witness: [],
      }],
      outputs: [{ value: subsidyAt(regtest, height), scriptPubKey: CORE_SCRIPT }],
      lockTime: height - 1,
    });
    time += 1;
    const header = solve({
      ...{ version: 4, prevBlockHash: hash, merkleRoot: merkleRoot([coinbase.txid]).root },
      ...{ time, bits: regtest.pow.limitBits, nonce: 0 },
    }, regtest);
    const block = Block.of(header, [coinbase]);
    hash = block.hash;
    blocks.push(block);
  }
  return blocks;
}
