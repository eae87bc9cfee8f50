/** `--import-peers`: the address book begins with what another program knew; nobody is dialled here (`--outbound 0`). */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Writer } from "../../lib/codec/writer.ts";
import { binaryMissing, Gemel, Launched, suite, temporaryFolder } from "./binary.ts";

/** A peers.dat of chia-blockchain with tried addresses only: key ‖ no new ones ‖ no slots ‖ entries. */
function peersDat(hosts: readonly string[]): Uint8Array {
  const writer = new Writer();
  writer.raw(new Uint8Array(32).fill(7));
  writer.u64(0n);
  writer.u32(0);
  for (const host of hosts) {
    for (const text of [host, "60.1.1.1"]) {
      writer.u8(0);
      writer.raw(Uint8Array.from(text.split("."), Number));
      writer.u16(8444);
      if (text === host) writer.u64(BigInt(Math.floor(Date.now() / 1000)));
    }
  }
  return writer.finish();
}

suite("gemel run --import-peers", binaryMissing(), () => {
  const folder = temporaryFolder("gemel-import-");
  const file = join(folder.path, "peers.dat");
  after(() => folder.remove());

  const start = (from: string) =>
    Gemel.start({ dir: join(folder.path, "node"), args: ["--outbound", "0", "--import-peers", from] });
  const triedOf = async (node: Gemel) => {
    const { books } = await node.get("v1/addresses") as unknown as { books: { tried: number }[] };
    return books[0]?.tried;
  };

  test("takes over the addresses once: afterwards the node's own book counts", { timeout: 60_000 }, async () => {
    writeFileSync(file, peersDat(["20.1.1.1", "21.1.1.1", "22.1.1.1"]));
    const first = await start(file);
    assert.equal(await triedOf(first), 3);
    await first.stop();
    writeFileSync(file, peersDat(["30.1.1.1"]));
    const again = await start(file);
    assert.equal(await triedOf(again), 3);
    await again.stop();
  });

  test("a file that is none of that kind, or is not there, is told in one line", { timeout: 60_000 }, async () => {
    writeFileSync(join(folder.path, "other.dat"), new Uint8Array(50).fill(255));
    for (const [name, says] of [["other.dat", /is no peers.dat that is known here/], ["none.dat", /is not there/]]) {
      const refused = new Launched([
        ...["run", "--chain", "chia", "--network", "simulator0", "--rpc", "127.0.0.1:0", "--outbound", "0"],
        ...["--data-dir", join(folder.path, `data-${String(name)}`), "--import-peers", join(folder.path, String(name))],
      ]);
      assert.notEqual(await refused.end(20_000), 0);
      assert.match(refused.stderr, says as RegExp);
    }
  });
});
