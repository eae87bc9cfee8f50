/**
 * What one Bitcoin network is: its wire, its first block, its proof-of-work rules and the heights of its forks.
 *
 * @module
 */
import type { Bytes32, Sized } from "../../codec/sized.ts";
import type { AssumedCoins } from "./assumed-coins.ts";
import type { GenesisBlock } from "./genesis.ts";

/** A block that is known by its height and its hash, in wire order. */
export interface KnownBlock {
  readonly height: number;
  readonly hash: Bytes32;
}

/** How proof of work is demanded. */
export interface PowParams {
  /** The easiest target there is; a hash read as a little-endian number may not be above it. */
  readonly limit: bigint;
  /** {@link limit} in compact form. */
  readonly limitBits: number;
  /** Seconds that a block should take. */
  readonly targetSpacing: number;
  /** Seconds that a retarget period should take. */
  readonly targetTimespan: number;
  /** Blocks between two retargets: timespan / spacing. */
  readonly interval: number;
  /** A block more than two spacings after its parent may be of the easiest target. */
  readonly allowMinDifficultyBlocks: boolean;
  /** The target never changes. */
  readonly noRetargeting: boolean;
  /** BIP94: retargets from the period's first block, and limits how far its time may go back. */
  readonly enforceBip94: boolean;
}

/** The first height at which each rule is enforced. */
export interface ForkHeights {
  /** Height in the coinbase; header version 2. */
  readonly bip34: number;
  /** CHECKLOCKTIMEVERIFY; header version 4. */
  readonly bip65: number;
  /** Strict DER signatures; header version 3. */
  readonly bip66: number;
  /** BIP68, BIP112 and BIP113. */
  readonly csv: number;
  /** BIP141, BIP143 and BIP147. */
  readonly segwit: number;
  /** Of interest to people only: the rule is applied to every block but those of {@link BitcoinNetwork.scriptFlagExceptions}. */
  readonly taproot: number;
}

/** Version bytes of Base58Check texts. */
export interface Base58Prefixes {
  readonly pubkeyHash: number;
  readonly scriptHash: number;
  readonly secretKey: number;
  /** Four bytes, as a big-endian number. */
  readonly extPublicKey: number;
  /** Four bytes, as a big-endian number. */
  readonly extSecretKey: number;
}

/** How headers of little work are held off; chosen by Core's `contrib/devtools/headerssync-params.py`. */
export interface HeadersSyncParams {
  /** One bit is kept for every so many headers. */
  readonly commitmentPeriod: number;
  /** So many headers wait in the second download until enough bits behind them have matched. */
  readonly redownloadBufferSize: number;
}

/** A rule that miners vote for (BIP9). */
export interface Deployment {
  readonly name: string;
  /** Of a block's version, 0 to 28. */
  readonly bit: number;
  /** Votes count from this median time past on, in seconds since 1970. */
  readonly startTime: bigint;
  /** The median time past at which the rule has failed when it is not locked in, in seconds since 1970. */
  readonly timeout: bigint;
  readonly minActivationHeight: number;
  /** Blocks over which votes are counted. */
  readonly period: number;
  /** Votes of a period that lock the rule in. */
  readonly threshold: number;
}

/** A block whose scripts run under other flags than its height asks for. */
export interface ScriptFlagException {
  readonly hash: Bytes32;
  /** Names of the flags that take the place of P2SH, WITNESS and TAPROOT. */
  readonly flags: readonly ("P2SH" | "WITNESS" | "TAPROOT")[];
}

/** One network. Hashes are in wire order. */
export interface BitcoinNetwork {
  /** What configuration calls it: `mainnet`, `testnet3`, `testnet4`, `signet`, `regtest`. */
  readonly name: string;
  /** What `getblockchaininfo` calls it: `main`, `test`, `testnet4`, `signet`, `regtest`. */
  readonly chain: string;
  /** Core's folder below the data directory; empty for mainnet. */
  readonly dataSubdir: string;
  /** Whether it is of no value; Core's `IsTestChain`. */
  readonly testChain: boolean;
  /** The first four bytes of each v1 message, in wire order. */
  readonly magic: Sized<4>;
  readonly defaultPort: number;
  readonly rpcPort: number;
  /** Asked as `x9.<seed>`, which is for NETWORK and WITNESS. */
  readonly dnsSeeds: readonly string[];
  /** Hosts that are built in: the last resort when nobody else is known. */
  readonly seedHosts: readonly string[];
  readonly genesis: GenesisBlock;
  readonly pow: PowParams;
  readonly heights: ForkHeights;
  /** Rules that are not decided yet: none but that which tests use. */
  readonly deployments: readonly Deployment[];
  /** The block at the BIP34 height. Below it and its kind BIP30 need not be checked; absent where BIP34 is from the start. */
  readonly bip34Hash?: Bytes32;
  /** Blocks between two halvings of the subsidy. */
  readonly subsidyHalvingInterval: number;
  /** Chains of less work are not followed; Core's at 31.99. */
  readonly minimumChainWork: bigint;
  /** Scripts below this block may go unchecked. */
  readonly assumeValid?: KnownBlock;
  /** Snapshots of the coins that may be taken before their blocks are validated. */
  readonly assumedCoins: readonly AssumedCoins[];
  /** Blocks that the chain must hold, rising. From btcd: Core 30 dropped its own. */
  readonly checkpoints: readonly KnownBlock[];
  readonly scriptFlagExceptions: readonly ScriptFlagException[];
  /** Blocks that may overwrite unspent outputs of an equal coinbase. */
  readonly bip30Exceptions: readonly KnownBlock[];
  readonly headersSync: HeadersSyncParams;
  /** Headers in a full `headers` message, where that is less than the protocol's 2,000: short chains of simulated worlds. */
  readonly headersPerMessage?: number;
  readonly base58: Base58Prefixes;
  readonly bech32Hrp: string;
  /** The script that signs blocks, where they are signed. */
  readonly signetChallenge?: Uint8Array;
  /** Blocks above this height may be pruned. */
  readonly pruneAfterHeight: number;
}
