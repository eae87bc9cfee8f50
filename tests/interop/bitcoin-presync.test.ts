/**
 * The compiled program beside a btcd whose chain has too little work at first: what it announces while the headers are held
 * off neither stops the sync nor starts it over and over.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { binaryMissing, Gemel, REGTEST, suite, temporaryFolder } from "./binary.ts";
import { Btcd, btcdMissing } from "./btcd.ts";

const TIMEOUT_MS = 120_000;
/** The work of 2,601 blocks of regtest. */
const MINIMUM_WORK = "1452";
/** A header with its count of transactions; twice the chain for each of a dozen announcements is far more than is needed. */
const HEADER_BYTES_MAX = 12 * 2 * 2_620 * 81;

suite("gemel beside a btcd that announces during the presync", binaryMissing() ?? btcdMissing(), () => {
  const folder = temporaryFolder("gemel-presync-");
  let btcd: Btcd;
  let gemel: Gemel;

  before(async () => {
    btcd = await Btcd.start({ blocks: 2_500 });
    gemel = await Gemel.start({
      dir: join(folder.path, "node"),
      chain: REGTEST,
      connect: [btcd.port],
      args: ["--min-work", MINIMUM_WORK],
    });
  }, { timeout: TIMEOUT_MS });
  after(async () => {
    await gemel?.stop();
    await btcd?.stop();
    folder.remove();
  });

  test("follows as soon as there is enough work, whatever was announced before", { timeout: TIMEOUT_MS }, async () => {
    for (let i = 0; i < 12; i++) await btcd.generate(10);
    const { best, height } = await btcd.tip();
    assert.equal(height, 2_620);
    await gemel.reachesBlock(best, 60_000);
    const { chains } = await gemel.get("v1/traffic") as unknown as {
      readonly chains: readonly {
        readonly received: { readonly by_message: readonly { readonly message: string; readonly bytes: number }[] };
      }[];
    };
    const bytes = chains[0]?.received.by_message.find(({ message }) => message === "headers")?.bytes ?? 0;
    process.stdout.write(`counted: headers while a presync was announced into: ${bytes} bytes\n`);
    assert.ok(bytes > 2_620 * 81 && bytes < HEADER_BYTES_MAX, `${bytes} bytes of headers`);
  });
});
