/** The compiled program's own arithmetic: the same verdicts on its threads as on its first one, by every implementation. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { EMITTERS } from "../../compile/programs.ts";
import { BINARY, binaryMissing, Gemel, Launched, suite, temporaryFolder } from "./binary.ts";

interface Report {
  readonly threads: number;
  readonly right: boolean;
  readonly work: readonly { readonly engine: string; readonly per_second_on_threads: number }[];
  readonly passed_over: readonly unknown[];
}

suite("gemel engine", binaryMissing(), () => {
  for (const engine of ["wide", "plain", "portable"]) {
    test(`finds the verdicts of ${engine} right on two threads`, { timeout: 60_000 }, async () => {
      const gemel = new Launched(["engine", "--engine", engine, "--threads", "2", "--duration", "20ms", "--json"]);
      assert.equal(await gemel.end(60_000), 0, gemel.stderr);
      const { threads, right, work, passed_over } = JSON.parse(gemel.stdout) as Report;
      assert.deepEqual([threads, right, passed_over], [2, true, []]);
      assert.deepEqual(work.map((each) => each.engine), Array(4).fill(engine));
      assert.ok(work.every((each) => each.per_second_on_threads > 0));
    });
  }

  test("a node says at its start and in its figures which one it has", { timeout: 60_000 }, async () => {
    const folder = temporaryFolder();
    const args = ["--chain", "bitcoin,chia", "--bitcoin.network", "regtest", "--chia.network", "simulator0"];
    const gemel = await Gemel.start({ dir: folder.path, chain: [], args: [...args, "--engine", "portable"] });
    try {
      const { text } = await gemel.send("metrics", "", "GET");
      for (const topic of ["secp256k1", "bls12-381", "class-group"]) {
        assert.ok(text.includes(`gemel_engine{topic="${topic}",engine="portable"} 1`), text);
      }
      assert.match(
        gemel.process.stderr,
        /heavy arithmetic: secp256k1 portable, bls12-381 portable, class-group portable/,
      );
    } finally {
      await gemel.stop();
      folder.remove();
    }
  });

  test("has each program as the sources emit it", () => {
    const executable = readFileSync(BINARY);
    for (const [topic, emit] of Object.entries(EMITTERS)) {
      for (const wide of [true, false]) {
        assert.ok(executable.includes(emit(wide).bytes.toBase64()), `${topic}, ${wide ? "wide" : "plain"}`);
      }
    }
  });
});
