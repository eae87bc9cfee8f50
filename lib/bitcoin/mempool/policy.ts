/**
 * What a mempool takes beyond what consensus asks: Core's settings and their defaults. Fee rates are in satoshi for 1000
 * virtual bytes.
 *
 * @see Bitcoin Core `policy/policy.h`, `kernel/mempool_options.h`, `kernel/mempool_limits.h`
 * @module
 */

/** The settings of a mempool. */
export interface MempoolPolicy {
  /** Memory that its transactions may take, in bytes. */
  readonly bytesMax: number;
  /** A transaction that no block has after so long is dropped, in seconds. */
  readonly expirySeconds: number;
  /** The least that a transaction pays. */
  readonly minRelayFeeRate: number;
  /** The least by which a replacement pays more, and by which the floor rises when transactions are dropped. */
  readonly incrementalRelayFeeRate: number;
  /** By which an output counts as dust: spending it would cost more than it is worth. */
  readonly dustRelayFeeRate: number;
  /** Bytes that scripts of outputs that carry data may have together; 0: there may be none. */
  readonly dataCarrierBytesMax: number;
  /** Whether outputs may have a multisig without a hash. */
  readonly permitsBareMultisig: boolean;
  /** Transactions of a cluster. */
  readonly clusterCountMax: number;
  /** Virtual bytes of a cluster. */
  readonly clusterVbytesMax: number;
  /** Virtual bytes that a signature operation counts as at least. */
  readonly bytesPerSigOp: number;
  /** Whether only the usual forms of transactions are taken. */
  readonly requiresStandard: boolean;
}

/** Memory that a mempool may take, in bytes. */
export const MEMPOOL_BYTES = 300_000_000;
/** Memory of the mempool of a node that takes no transactions from peers, in bytes. */
export const BLOCKS_ONLY_MEMPOOL_BYTES = 5_000_000;

/** Core's defaults. */
export const DEFAULT_POLICY: MempoolPolicy = {
  bytesMax: MEMPOOL_BYTES,
  expirySeconds: 336 * 3_600,
  minRelayFeeRate: 100,
  incrementalRelayFeeRate: 100,
  dustRelayFeeRate: 3_000,
  dataCarrierBytesMax: 100_000,
  permitsBareMultisig: true,
  clusterCountMax: 64,
  clusterVbytesMax: 101_000,
  bytesPerSigOp: 20,
  requiresStandard: true,
};

/** The policy with these settings. What is dropped must not come again for less: the relay minimum rises with the increment. */
export function policyOf(settings: Partial<MempoolPolicy>): MempoolPolicy {
  const policy = { ...DEFAULT_POLICY, ...settings };
  if (settings.minRelayFeeRate !== undefined) return policy;
  return { ...policy, minRelayFeeRate: Math.max(policy.minRelayFeeRate, policy.incrementalRelayFeeRate) };
}
