/**
 * Checks all that the reference checks: the structure of a block when it arrives, and what needs the outputs that it spends,
 * scripts included, when it is connected. Scripts are verified on other threads.
 *
 * @see Bitcoin Core `validation.cpp` (ConnectBlock)
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import type { GiveWay, Workers } from "../../core/ports.ts";
import type { Engine } from "../../engine/engine.ts";
import { outsideInputs } from "../coins/changes.ts";
import { toDisplayHex } from "../hash.ts";
import { type Refusal, refuse } from "../headers/verdict.ts";
import type { BitcoinNetwork } from "../networks/network.ts";
import { SCRIPT_ERROR_TEXTS } from "../script/errors.ts";
import type { Block } from "../types/block.ts";
import type { OutPoint } from "../types/transaction-parts.ts";
import { type BlockSpend, checkConnecting } from "./connect-checks.ts";
import type { ScriptCache } from "./script-cache.ts";
import { blockScriptFlags } from "./script-flags.ts";
import { type ScriptVerdict, scriptVerdict, spendsToBytes } from "./script-job.ts";
import { SIGNET_FLAGS, signetSpend } from "./signet.ts";
import { type BlockValidator, type ConnectingBlock, structureValidator } from "./validator.ts";

/** A thread gets so many inputs at least: with fewer the way there and back costs more than it saves. */
const INPUTS_MIN = 32;
/** From here on coinbases of before BIP34 may have the heights of newer ones in them: their ids may be the same again. */
const BIP30_AGAIN_HEIGHT = 1_983_702;

/** What the validator needs. */
export interface FullValidatorParts {
  readonly workers: Workers;
  /** The implementation of signatures, or a slower one. */
  readonly engine: Engine;
  /** Remembers transactions whose scripts are good. */
  readonly cache?: ScriptCache;
  /** Lets others have their turn: a large block takes some hundredths of a second in all. */
  readonly giveWay?: GiveWay;
}

/** Makes the validator. */
export function fullValidator(parts: FullValidatorParts): BlockValidator {
  const { giveWay = () => undefined } = parts;
  let [verifiedInputs, cachedInputs] = [0, 0];
  return {
    level: "full",
    needsCoins: true,
    get counts() {
      return { verifiedInputs, cachedInputs };
    },
    check: structureValidator.check,
    async connect(connecting, coins, signal) {
      const { view, hash } = connecting;
      const block = await connecting.load();
      await giveWay();
      if (connecting.isUnsolved !== true && !await isSigned(parts, block, view.network, signal)) {
        return refuse("consensus", "bad-signet-blksig", "the block does not solve the network's challenge");
      }
      const outside = outsideInputs(block);
      await giveWay();
      const flags = blockScriptFlags(view.network, view.height, hash);
      const own = isUniquenessChecked(connecting, hash) ? outpointsOf(block) : [];
      const found = await coins.getMany([...outside, ...own]);
      await giveWay();
      if (found.slice(outside.length).some((coin) => coin !== undefined)) {
        return refuse("consensus", "bad-txns-BIP30", "an output of a transaction with the same id is not spent");
      }
      const connected = checkConnecting(block, found.slice(0, outside.length), connecting, flags);
      if (!connected.ok) return connected;
      await giveWay();
      if (connecting.hasAssumedScripts) return { ok: true, changes: connected.changes };
      const { unknown, passed } = byCache(parts.cache, connected.spends, flags, connecting.isUnsolved ?? false);
      verifiedInputs += inputCount(unknown);
      cachedInputs += inputCount(connected.spends) - inputCount(unknown);
      const scripts = verifyScripts(parts, unknown, flags, signal)?.then((refusal) => {
        if (refusal === undefined) passed();
        return refusal;
      });
      if (scripts === undefined) passed();
      return { ok: true, changes: connected.changes, ...(scripts !== undefined && { scripts }) };
    },
  };
}

/** Whether a signet's block is signed. @throws what `Workers.run` throws */
async function isSigned(
  { workers, engine }: FullValidatorParts,
  block: Block,
  { signetChallenge }: BitcoinNetwork,
  signal: AbortSignal,
): Promise<boolean> {
  if (signetChallenge === undefined) return true;
  const spend = signetSpend(block, signetChallenge);
  if (spend === undefined) return false;
  const spends = spendsToBytes([spend]);
  return (await workers.run(scriptVerdict, { spends, flags: SIGNET_FLAGS, engine }, signal)).failure === undefined;
}

/**
 * Whether BIP30 is to be checked. From BIP34 on coinbases have different ids, up to a height that one of them has named; two
 * blocks from before may repeat coinbases.
 */
function isUniquenessChecked({ view: { network, height }, ancestry }: ConnectingBlock, hash: Uint8Array): boolean {
  const { bip30Exceptions, bip34Hash, heights: { bip34 } } = network;
  if (bip30Exceptions.some((each) => each.height === height && equalBytes(each.hash, hash))) return false;
  if (height >= BIP30_AGAIN_HEIGHT || bip34Hash === undefined || height <= bip34) return true;
  return !equalBytes(ancestry.hash(bip34), bip34Hash);
}

function outpointsOf({ transactions }: Block): OutPoint[] {
  return transactions.flatMap(({ txid, outputs }) => outputs.map((_, vout) => ({ txid, vout })));
}

const inputCount = (spends: readonly BlockSpend[]) => spends.reduce((sum, { spent }) => sum + spent.length, 0);

/**
 * The transactions of a block whose scripts are not known to be good, and what is to be done when they are. A block that is only
 * tried leaves them to be remembered; one that is connected needs them no more.
 */
function byCache(
  cache: ScriptCache | undefined,
  spends: readonly BlockSpend[],
  flags: number,
  isTrial: boolean,
): { readonly unknown: readonly BlockSpend[]; readonly passed: () => void } {
  if (cache === undefined || (cache.size === 0 && !isTrial)) return { unknown: spends, passed: () => {} };
  const named = spends.map((spend) => ({ spend, name: cache.nameOf(spend.transaction.wtxid, flags) }));
  return {
    unknown: named.filter(({ name }) => !cache.has(name)).map(({ spend }) => spend),
    passed: () => {
      for (const { name } of named) {
        if (isTrial) cache.add(name);
        else cache.delete(name);
      }
    },
  };
}

/** In parts of about as many inputs, one for each thread that is worth it. */
function partsOf(spends: readonly BlockSpend[], threads: number): readonly (readonly BlockSpend[])[] {
  const inputs = inputCount(spends);
  const count = Math.max(1, Math.min(threads, Math.floor(inputs / INPUTS_MIN)));
  const parts: BlockSpend[][] = [[]];
  let done = 0;
  for (const spend of spends) {
    if (done >= inputs * parts.length / count) parts.push([]);
    parts.at(-1)!.push(spend);
    done += spend.spent.length;
  }
  return parts;
}

/** Why the block is refused for an input; undefined when it has none. @throws what `Workers.run` throws */
function verifyScripts(
  { workers, engine }: FullValidatorParts,
  spends: readonly BlockSpend[],
  flags: number,
  signal: AbortSignal,
): Promise<Refusal | undefined> | undefined {
  if (spends.length === 0) return undefined;
  const parts = partsOf(spends, workers.threadsMax);
  const verdicts = Promise.all(
    parts.map((part) => workers.run(scriptVerdict, { spends: spendsToBytes(part), flags, engine }, signal)),
  );
  return verdicts.then((found) => refusalOf(parts, found));
}

function refusalOf(
  parts: readonly (readonly BlockSpend[])[],
  verdicts: readonly ScriptVerdict[],
): Refusal | undefined {
  const at = verdicts.findIndex(({ failure }) => failure !== undefined);
  const failure = verdicts[at]?.failure;
  if (failure === undefined) return undefined;
  const { transaction } = parts[at]![failure.transaction]!;
  const reason = `block-script-verify-flag-failed (${SCRIPT_ERROR_TEXTS[failure.error]})`;
  return refuse("consensus", reason, `input ${failure.input} of transaction ${toDisplayHex(transaction.txid)}`);
}
