/**
 * Methods that change which branch is the active chain, and that verify what is stored of it.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (invalidateblock, reconsiderblock, preciousblock, verifychain)
 * @module
 */
import type { VerificationLevel } from "../../bitcoin/chain/verification.ts";
import type { BranchOrder } from "../../bitcoin/service.ts";
import { NodeError } from "../../core/errors.ts";
import { rowOfHash } from "./arguments.ts";
import { JsonRpcError, RpcCode } from "./error.ts";
import { type Method, optional, required } from "./method.ts";

const LEVEL_STANDARD = 3;
const LEVEL_MAX = 4;
const BLOCKS_STANDARD = 6;

/** A method that carries out what the operator decides about a block. */
function orderMethod(name: string, order: BranchOrder, summary: string, isHidden: boolean): Method {
  return {
    name,
    category: "Blockchain",
    isHidden,
    summary,
    params: [required("blockhash", "hex", "The block hash")],
    result: "null",
    examples: [`${name} 0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206`],
    waits: true,
    async call(args, { context: { bitcoin }, signal }) {
      const row = rowOfHash(bitcoin, args.text(0));
      try {
        await bitcoin.decide(order, row, signal);
        // Callers look at the mempool next, which is Core's at once.
        await bitcoin.mempool?.settled(signal);
      } catch (thrown) {
        if (!(thrown instanceof NodeError) || signal.aborted) throw thrown;
        throw new JsonRpcError(RpcCode.database, thrown.message);
      }
      return null;
    },
  };
}

/** The methods. */
export const branchMethods: readonly Method[] = [
  orderMethod(
    "invalidateblock",
    "invalidate",
    "Counts a block and all that is built on it as invalid, for good, as if it broke a rule. See reconsiderblock.",
    true,
  ),
  orderMethod(
    "reconsiderblock",
    "reconsider",
    "Judges a block anew that counts as invalid, with its ancestors and what is built on it. Undoes invalidateblock.",
    true,
  ),
  orderMethod(
    "preciousblock",
    "prefer",
    "Treats a block as if it had come before others with the same work. A later call overrides an earlier one; a restart " +
      "forgets it.",
    false,
  ),
  {
    name: "verifychain",
    category: "Blockchain",
    summary: "Verifies the last blocks that are stored, and the coins. No block is connected meanwhile.\n" +
      "Level 0: the blocks can be read. 1: they are valid by themselves. 2: what takes them back can be read.\n" +
      "3: they can be taken back from the coins, in memory. 4: and be connected again, with their scripts.",
    params: [
      optional("checklevel", "number", "How much is verified, 0 to 4", String(LEVEL_STANDARD)),
      optional("nblocks", "number", "How many blocks, 0 for all", String(BLOCKS_STANDARD)),
    ],
    result: "true or false    (boolean) whether all is right; the log tells what is not",
    examples: ["verifychain 4 100"],
    waits: true,
    async call(args, { context: { bitcoin }, signal }) {
      const level = Math.max(0, Math.min(LEVEL_MAX, args.integer(0, LEVEL_STANDARD))) as VerificationLevel;
      const found = await bitcoin.inspection.verify(level, args.integer(1, BLOCKS_STANDARD), signal);
      if (found !== undefined) return found.isRight;
      throw new JsonRpcError(RpcCode.misc, `this node keeps ${bitcoin.state().mode} only; --mode full keeps blocks`);
    },
  },
];
