/**
 * Which rules hold, from which height on, and how the vote on those stands that are not decided.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (getdeploymentinfo), `deploymentinfo.cpp`
 * @module
 */
import { blockScriptFlags } from "../../bitcoin/chain/script-flags.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { Deployment, ForkHeights } from "../../bitcoin/networks/network.ts";
import { ScriptFlag } from "../../bitcoin/script/flags.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { rowOfHash } from "./arguments.ts";
import type { RpcObject } from "./json.ts";
import { type Method, optional } from "./method.ts";

/** The rules that are decided, in Core's order. Taproot is none of them: it holds from genesis on. */
const BURIED: readonly (keyof ForkHeights)[] = ["bip34", "bip66", "bip65", "csv", "segwit"];

/** The names of a block's script flags, in the order of the alphabet. */
function flagNames({ headers, network }: BitcoinService, row: number): string[] {
  const flags = blockScriptFlags(network, headers.height(row), headers.hash(row));
  return Object.entries(ScriptFlag).filter(([, flag]) => (flags & flag) !== 0).map(([name]) => name).sort();
}

/** A rule that is voted on, as it stands with a block. */
function bip9Json({ headers, versionBits }: BitcoinService, row: number, deployment: Deployment): RpcObject {
  const parent = headers.parent(row);
  const state = versionBits.after(parent, deployment);
  const next = versionBits.after(row, deployment);
  const since = versionBits.since(parent, deployment);
  const isVoting = state === "started" || state === "locked_in";
  const votes = isVoting ? versionBits.votes(row, deployment) : undefined;
  const { bit, startTime, timeout, minActivationHeight, period, threshold } = deployment;
  const activeSince = state === "active" ? since : next === "active" ? headers.height(row) + 1 : undefined;
  return {
    type: "bip9",
    height: activeSince,
    active: next === "active",
    bip9: {
      bit: isVoting ? bit : undefined,
      start_time: startTime,
      timeout,
      min_activation_height: minActivationHeight,
      status: state,
      since,
      status_next: next,
      statistics: votes && {
        period,
        elapsed: votes.elapsed,
        count: votes.count,
        // What is locked in needs no more votes.
        threshold: state === "started" ? threshold : undefined,
        possible: state === "started" ? votes.isPossible : undefined,
      },
      signalling: votes?.signalling.map((isVote) => (isVote ? "#" : "-")).join(""),
    },
  };
}

/** The rules of a network by name, as they stand with a block. `active` is whether they hold for its child. */
function deploymentsJson(bitcoin: BitcoinService, row: number): RpcObject {
  const { headers, network: { heights, deployments } } = bitcoin;
  const next = headers.height(row) + 1;
  const buried = BURIED.map((name) =>
    [name, { type: "buried", active: next >= heights[name], height: heights[name] }] as const
  );
  const voted = deployments.map((deployment) => [deployment.name, bip9Json(bitcoin, row, deployment)] as const);
  return Object.fromEntries<RpcObject>([...buried, ...voted]);
}

/** The methods. */
export const deploymentMethods: readonly Method[] = [
  {
    name: "getdeploymentinfo",
    category: "Blockchain",
    summary: "Which rules hold with a block, and how the vote stands on those that are not decided (BIP9).",
    params: [optional("blockhash", "hex", "The block hash", "the tip")],
    result: "{hash, height, script_flags, deployments}    (object)",
    examples: ["getdeploymentinfo"],
    call(args, { context: { bitcoin } }) {
      const row = args.has(0) ? rowOfHash(bitcoin, args.text(0)) : bitcoin.tip;
      return {
        hash: toDisplayHex(bitcoin.headers.hash(row)),
        height: bitcoin.headers.height(row),
        script_flags: flagNames(bitcoin, row),
        deployments: deploymentsJson(bitcoin, row),
      };
    },
  },
];
