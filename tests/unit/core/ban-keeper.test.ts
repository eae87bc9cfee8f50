import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BanKeeper } from "../../../lib/core/peers/ban-keeper.ts";
import { BanList } from "../../../lib/core/peers/bans.ts";
import { simClock } from "./sim.ts";

const PATH = "/data/bans.json";

function disk(content: Record<string, string> = {}) {
  const kept = new Map<string, Uint8Array>(
    Object.entries(content).map(([path, text]) => [path, new TextEncoder().encode(text) as Uint8Array]),
  );
  let writes = 0;
  return {
    kept,
    writes: () => writes,
    files: {
      readFile: (path: string) => Promise.resolve(kept.get(path)),
      writeFileAtomic: (path: string, bytes: Uint8Array) => {
        writes += 1;
        kept.set(path, bytes);
        return Promise.resolve();
      },
    },
  };
}

describe("BanKeeper", () => {
  test("bans survive a restart for as long as they hold, subnets too, and those that were lifted do not", async () => {
    const clock = simClock();
    const { files, writes } = disk();
    const first = new BanList(clock);
    const keeper = await BanKeeper.open({ bans: first, path: PATH, files, failed: assert.fail });
    first.ban("203.0.113.1", 10, "short");
    first.ban("203.0.113.2", 600, "long");
    first.ban("198.51.100.0/24", 600, "net");
    first.ban("203.0.113.3", 600, "lifted");
    first.unban("203.0.113.3");
    await keeper.flush();
    assert.ok(writes() <= 2, "changes of one turn are one write");
    await clock.advance(10_000);
    const second = new BanList(clock);
    await BanKeeper.open({ bans: second, path: PATH, files, failed: assert.fail });
    assert.deepEqual(second.list().map(({ host, reason }) => [host, reason]), [
      ["203.0.113.2", "long"],
      ["198.51.100.0/24", "net"],
    ]);
    assert.equal(second.find("198.51.100.77")?.reason, "net");
    assert.equal(second.find("203.0.113.2")?.since, first.find("203.0.113.2")?.since);
  });

  test("a ban whose address was changed by the disk is not taken for one", async () => {
    const { files, kept } = disk();
    const bans = new BanList(simClock());
    const keeper = await BanKeeper.open({ bans, path: PATH, files, failed: assert.fail });
    bans.ban("203.0.113.1", 600, "why");
    await keeper.flush();
    const text = new TextDecoder().decode(kept.get(PATH));
    kept.set(PATH, new TextEncoder().encode(text.replace("203.0.113.1", "203.0.113.9")));
    const said: string[] = [];
    const again = new BanList(simClock());
    await BanKeeper.open({ bans: again, path: PATH, files, failed: (line) => said.push(line) });
    assert.match(said.join(), /checksum does not match.*bans\.json\.damaged/);
    assert.deepEqual(again.list(), []);
  });

  for (const text of ["", "{", '{"version":3,"bans":[]}', '{"version":1}', '{"version":1,"bans":[{"host":5}]}']) {
    test(`a damaged file is set aside and said so: ${text}`, async () => {
      const { files, kept } = disk({ [PATH]: text });
      const said: string[] = [];
      const bans = new BanList(simClock());
      const keeper = await BanKeeper.open({ bans, path: PATH, files, failed: (line) => said.push(line) });
      assert.match(said.join(), /bans\.json is damaged/);
      assert.equal(new TextDecoder().decode(kept.get(`${PATH}.damaged`)), text);
      bans.ban("203.0.113.1", 10, "why");
      await keeper.flush();
      assert.match(new TextDecoder().decode(kept.get(PATH)), /203\.0\.113\.1/);
    });
  }

  test("a disk that is full costs the file and nothing else", async () => {
    const said: string[] = [];
    const bans = new BanList(simClock());
    const keeper = await BanKeeper.open({
      bans,
      path: PATH,
      files: {
        readFile: () => Promise.resolve(undefined),
        writeFileAtomic: () => Promise.reject(new Error("no space left")),
      },
      failed: (line) => said.push(line),
    });
    bans.ban("203.0.113.1", 10, "why");
    await keeper.flush();
    assert.match(said.join(), /no space left/);
    assert.ok(bans.find("203.0.113.1"));
  });

  test("what a full disk did not take is written when there is room, and said once", async () => {
    const clock = simClock();
    const { files, kept } = disk();
    let isFull = true;
    const said: string[] = [];
    const bans = new BanList(clock);
    const keeper = await BanKeeper.open({
      bans,
      path: PATH,
      clock,
      files: {
        ...files,
        writeFileAtomic: (path, bytes) =>
          isFull
            ? clock.sleep(10).then(() => Promise.reject(new Error("no space left")))
            : files.writeFileAtomic(path, bytes),
      },
      failed: (line) => said.push(line),
    });
    bans.ban("203.0.113.1", 6_000, "why");
    await clock.advance(200_000);
    assert.equal(said.length, 1);
    // A change while a write is failing: the next one fails too, and one attempt is left, not two.
    bans.ban("203.0.113.2", 6_000, "why");
    await clock.advance(5);
    bans.ban("203.0.113.3", 6_000, "why");
    await clock.advance(30);
    assert.equal(clock.pending, 1);
    isFull = false;
    await clock.advance(100_000);
    assert.match(new TextDecoder().decode(kept.get(PATH)), /203\.0\.113\.1/);
    await keeper.flush();
    assert.equal(clock.pending, 0);
  });
});
