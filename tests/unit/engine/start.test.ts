/** What a node finds out and says about its arithmetic when it starts. */
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { startEngine } from "../../../lib/compose/engine.ts";
import { type Arithmetic, arithmetic } from "../../../lib/engine/arithmetic.ts";
import { useRandomBytes } from "../../../lib/engine/random-bytes.ts";
import type { EngineTrouble } from "../../../lib/engine/engine.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

describe("startEngine()", () => {
  const random = new SeededRandom(8);
  useRandomBytes((length) => random.bytes(length));
  const lines: string[] = [];
  const log = (level: string, area: string, text: string) => void lines.push(`${level} ${area}: ${text}`);

  test("makes the topics of the chains that there are, by the implementation that is asked for or a slower one", async () => {
    for (const engine of ["wide", "portable"] as const) {
      lines.length = 0;
      const { topics, passedOver } = await startEngine(engine, ["bitcoin", "chia"], log);
      const which = engine === "wide" ? (await arithmetic().secp256k1()).engine : engine;
      assert.deepEqual([...topics], [["secp256k1", which], ["bls12-381", which], ["class-group", which]]);
      assert.deepEqual(passedOver, []);
      assert.deepEqual(lines, [
        `info node: heavy arithmetic: secp256k1 ${which}, bls12-381 ${which}, class-group ${which}`,
      ]);
    }
    assert.deepEqual([...(await startEngine("plain", ["bitcoin"], log)).topics], [["secp256k1", "plain"]]);
  });

  test("warns of one that was passed over", async () => {
    lines.length = 0;
    const troubles: EngineTrouble[] = [];
    const made = {
      classGroup() {
        troubles.push({ engine: "wide", message: "a square is wrong" });
        return arithmetic("plain").classGroup();
      },
      bls12381: () => arithmetic("wide").bls12381(),
      troubles,
    } as unknown as Arithmetic;
    const { topics, passedOver } = await startEngine("wide", ["chia"], log, made);
    assert.deepEqual([topics.get("class-group"), passedOver], ["plain", ["wide"]]);
    assert.match(
      lines[0] ?? "",
      /^warning node: the wide engine of heavy arithmetic was passed over: a square is wrong$/,
    );
  });
});
