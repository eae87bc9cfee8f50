/** Who is dialled first after a restart, and the file that remembers it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Anchor, AnchorFile, ANCHORS, anchorsOf } from "../../../lib/core/dialling/anchors.ts";
import { Peer, type PeerKind } from "../../../lib/core/peers/peer.ts";

const peer = (id: number, kind: PeerKind, since: number) =>
  new Peer({ id, kind, since, session: { remote: { host: `9.${id}.0.1`, port: 8333 } } as never });

/** A disk of one file, and what was said of it. */
function disk(content?: string) {
  const said: string[] = [];
  const state: { content: Uint8Array | undefined } = {
    content: content === undefined ? undefined : new TextEncoder().encode(content),
  };
  const files = {
    readFile: () => Promise.resolve(state.content),
    writeFileAtomic: (_path: string, bytes: Uint8Array) => Promise.resolve(void (state.content = bytes)),
    removeFile: () => Promise.resolve(void (state.content = undefined)),
  };
  return { state, said, file: new AnchorFile("/anchors.json", files, (text) => void said.push(text)) };
}

describe("anchorsOf()", () => {
  test("takes two block-relay peers and two full ones, those that are connected longest", () => {
    const peers = [
      ...[5, 3, 4].map((id) => peer(id, "block-relay", 100 * id)),
      ...[9, 6, 8, 7].map((id) => peer(id, "outbound", 100 * id)),
      peer(1, "inbound", 1),
      peer(2, "manual", 2),
      peer(10, "feeler", 3),
    ];
    const found = anchorsOf(peers).map(({ host, kind }) => `${host} ${kind}`);
    assert.deepEqual(found, [
      "9.3.0.1 block-relay",
      "9.4.0.1 block-relay",
      "9.6.0.1 outbound",
      "9.7.0.1 outbound",
    ]);
  });

  test("takes of those that came together the one that was dialled first", () => {
    const found = anchorsOf([5, 3, 4].map((id) => peer(id, "block-relay", 100)));
    assert.deepEqual(found.map(({ host }) => host), ["9.3.0.1", "9.4.0.1"]);
  });

  test("takes four full ones where no peer relays blocks only", () => {
    const found = anchorsOf([1, 2, 3, 4, 5, 6].map((id) => peer(id, "outbound", id)));
    assert.equal(found.length, ANCHORS.all);
    assert.deepEqual(found.map(({ host }) => host), ["9.1.0.1", "9.2.0.1", "9.3.0.1", "9.4.0.1"]);
  });
});

describe("AnchorFile", () => {
  const anchors: Anchor[] = [
    { host: "9.1.0.1", port: 8333, kind: "block-relay" },
    { host: "2a00::1", port: 1, kind: "outbound" },
  ];

  test("gives back what was kept, once: who led to a crash is not dialled first again", async () => {
    const { file, said } = disk();
    await file.keep(anchors);
    assert.deepEqual(await file.take(), anchors);
    assert.deepEqual(await file.take(), []);
    assert.deepEqual(said, []);
  });

  test("takes the addresses of a file without kinds for block-relay ones, and no more than are kept", async () => {
    const old = Array.from({ length: 9 }, (_, i) => ({ host: `9.${i}.0.1`, port: 8333 }));
    const taken = await disk(JSON.stringify(old)).file.take();
    assert.deepEqual(taken, old.slice(0, ANCHORS.all).map((each) => ({ ...each, kind: "block-relay" })));
  });

  test("takes every host that can be one and every port, from a file of up to 4,096 bytes", async () => {
    const edges = [{ host: "x".repeat(62), port: 1 }, { host: "9.1.0.1", port: 65_535 }];
    const wrong = [{ host: "9.1.0.1", port: 0 }, { host: "9.1.0.1", port: 65_536 }];
    const text = JSON.stringify([...edges, ...wrong]);
    const taken = edges.map((each) => ({ ...each, kind: "block-relay" }));
    assert.deepEqual(await disk(text.padEnd(4_096)).file.take(), taken);
    const { file, said } = disk(text.padEnd(4_097));
    assert.deepEqual(await file.take(), []);
    assert.match(said[0]!, /4097 bytes/);
  });

  test("leaves the file of the last run alone when there is nobody to keep", async () => {
    const { file } = disk();
    await file.keep(anchors);
    await file.keep([]);
    assert.deepEqual(await file.take(), anchors);
  });

  test("passes over what is no address, and tells of a file that cannot be read", async () => {
    const odd = [null, {}, { host: 1, port: 1 }, { host: "x".repeat(63), port: 1 }, { host: "9.1.0.1", port: 1.5 }];
    for (const each of odd) {
      const { file, said } = disk(JSON.stringify([each]));
      assert.deepEqual([await file.take(), said], [[], []]);
    }
    for (const content of ["{", "{}", "5"]) {
      const { file, said } = disk(content);
      assert.deepEqual(await file.take(), []);
      assert.equal(said.length, 1, content.slice(0, 2));
      assert.match(said[0]!, /^\/anchors\.json: .*no anchors are dialled$/);
    }
  });
});
