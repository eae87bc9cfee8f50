/** The rules of a block's scripts, by its height and its hash. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { blockScriptFlags } from "../../../lib/bitcoin/chain/script-flags.ts";
import { mainnet, regtest, testnet3 } from "../../../lib/bitcoin/networks/mod.ts";
import { ScriptFlag } from "../../../lib/bitcoin/script/mod.ts";

const { P2SH, WITNESS, TAPROOT, DERSIG, CHECKLOCKTIMEVERIFY, CHECKSEQUENCEVERIFY, NULLDUMMY } = ScriptFlag;
const OLD = P2SH | WITNESS | TAPROOT;
const some = new Uint8Array(32).fill(1);

describe("blockScriptFlags()", () => {
  test("adds a rule at the height that it begins at", () => {
    const { bip66, bip65, csv, segwit } = mainnet.heights;
    const rows = [
      [0, OLD],
      [bip66 - 1, OLD],
      [bip66, OLD | DERSIG],
      [bip65 - 1, OLD | DERSIG],
      [bip65, OLD | DERSIG | CHECKLOCKTIMEVERIFY],
      [csv, OLD | DERSIG | CHECKLOCKTIMEVERIFY | CHECKSEQUENCEVERIFY],
      [segwit - 1, OLD | DERSIG | CHECKLOCKTIMEVERIFY | CHECKSEQUENCEVERIFY],
      [segwit, OLD | DERSIG | CHECKLOCKTIMEVERIFY | CHECKSEQUENCEVERIFY | NULLDUMMY],
    ] as const;
    for (const [height, flags] of rows) assert.equal(blockScriptFlags(mainnet, height, some), flags, String(height));
    const all = OLD | DERSIG | CHECKLOCKTIMEVERIFY | CHECKSEQUENCEVERIFY | NULLDUMMY;
    assert.equal(blockScriptFlags(regtest, 2, some), all, "on regtest from the start");
  });

  test("makes an exception for blocks that were mined before a rule", () => {
    const [bip16, taproot] = mainnet.scriptFlagExceptions;
    assert.equal(blockScriptFlags(mainnet, 170_060, bip16!.hash), 0);
    const late = blockScriptFlags(mainnet, 692_261, taproot!.hash);
    assert.equal(late, P2SH | WITNESS | DERSIG | CHECKLOCKTIMEVERIFY | CHECKSEQUENCEVERIFY | NULLDUMMY);
    assert.equal(blockScriptFlags(testnet3, 100, testnet3.scriptFlagExceptions[0]!.hash), 0);
    assert.equal(blockScriptFlags(testnet3, 100, bip16!.hash), OLD, "of another network");
  });
});
