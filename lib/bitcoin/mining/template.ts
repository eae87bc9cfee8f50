/**
 * What a block on the tip has to hold by its place in the chain, and its coinbase.
 *
 * @see BIP22 (templates), BIP34 (height), BIP141 (commitment); Bitcoin Core `node/miner.cpp`
 * @module
 */
import { ZERO_HASH } from "../hash.ts";
import { requiredBits } from "../headers/difficulty.ts";
import type { HeaderChain } from "../headers/header-chain.ts";
import { MAX_TIMEWARP } from "../headers/header-rules.ts";
import { VersionBits } from "../headers/version-bits.ts";
import { subsidyAt } from "../networks/subsidy.ts";
import {
  Block,
  merkleNode,
  merkleRoot,
  NULL_VOUT,
  pushData,
  scriptNumber,
  Transaction,
  type TxOutput,
} from "../types/mod.ts";

/** OP_RETURN, a push of 36 bytes, and the four that mark a witness commitment. */
const COMMITMENT_HEAD = Uint8Array.of(0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed);
/** The coinbase's script has at least two bytes. */
const COINBASE_SCRIPT_MIN = 2;
const OP_0 = 0x00;

/** What a block on the tip has to hold. */
export interface BlockTemplate {
  readonly version: number;
  /** Wire order. */
  readonly previousBlockHash: Uint8Array;
  readonly height: number;
  /** Seconds since 1970: our clock, or what the parent asks for at least. */
  readonly time: number;
  /** The least time that the block may have. */
  readonly minimumTime: number;
  readonly bits: number;
  /** Satoshi that the coinbase may give out. */
  readonly coinbaseValue: bigint;
  /** Whether the coinbase has to commit to witnesses. */
  readonly segwit: boolean;
}

/** What the next block on `tip` has to hold. `now`: our clock in seconds; `votes`: of the same headers, if they are at hand. */
export function blockTemplate(
  headers: HeaderChain,
  tip: number,
  now: number,
  votes: VersionBits = new VersionBits(headers),
): BlockTemplate {
  const { network } = headers;
  const height = headers.height(tip) + 1;
  const aboveMedian = headers.medianTimePast(tip) + 1;
  // BIP94 on every network: the rule may come to hold where it does not yet.
  const isFirst = height % network.pow.interval === 0;
  const minimumTime = isFirst ? Math.max(aboveMedian, headers.time(tip) - MAX_TIMEWARP) : aboveMedian;
  const time = Math.max(minimumTime, now);
  return {
    version: votes.versionAfter(tip),
    previousBlockHash: headers.hash(tip),
    height,
    time,
    minimumTime,
    bits: requiredBits(network.pow, headers, tip, time),
    coinbaseValue: subsidyAt(network, height),
    segwit: height >= network.heights.segwit,
  };
}

/** The commitment of a block to these transactions and its coinbase, which counts as zeros, with a reserved value of zeros. */
export function commitmentScript(transactions: readonly Transaction[] = []): Uint8Array {
  const { root } = merkleRoot([ZERO_HASH, ...transactions.map(({ wtxid }) => wtxid)]);
  return Uint8Array.of(...COMMITMENT_HEAD, ...merkleNode(root, ZERO_HASH));
}

/** The coinbase of a template that pays `scriptPubKey`, for a block of these transactions. */
export function coinbaseOf(
  template: BlockTemplate,
  scriptPubKey: Uint8Array,
  transactions: readonly Transaction[] = [],
): Transaction {
  const { height, coinbaseValue, segwit } = template;
  const script = [...pushData(scriptNumber(height))];
  while (script.length < COINBASE_SCRIPT_MIN) script.push(OP_0);
  const outputs: TxOutput[] = [{ value: coinbaseValue, scriptPubKey }];
  if (segwit) outputs.push({ value: 0n, scriptPubKey: commitmentScript(transactions) });
  return Transaction.of({
    version: 2,
    inputs: [{
      prevout: { txid: ZERO_HASH, vout: NULL_VOUT },
      scriptSig: Uint8Array.from(script),
      sequence: 0xffff_ffff,
      witness: segwit ? [new Uint8Array(32)] : [],
    }],
    outputs,
    lockTime: 0,
  });
}

/** A block of a template, that pays to `script` and has no proof of work. */
export function blockOf(template: BlockTemplate, script: Uint8Array, transactions: readonly Transaction[] = []): Block {
  const all = [coinbaseOf(template, script, transactions), ...transactions];
  const { version, previousBlockHash: prevBlockHash, time, bits } = template;
  const { root } = merkleRoot(all.map(({ txid }) => txid));
  return Block.of({ version, prevBlockHash, merkleRoot: root, time, bits, nonce: 0 }, all);
}
