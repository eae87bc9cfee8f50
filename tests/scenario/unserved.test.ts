/** Stories of peers that ask for what is not served: they are answered, or the connection ends at once, and nobody waits. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Capability, type Message, messages, NodeType } from "../../lib/chia/protocol/mod.ts";
import { World } from "./world.ts";

const NODE = "10.0.0.9";
const PEER = "10.0.0.66";

/** A body whose every field is as small as can be. */
const zeroBody = ({ body }: Message): Uint8Array => new Uint8Array(body === null ? 0 : 4_096);

const requests = messages.filter(({ replies, handledBy, sentBy }) =>
  replies().length > 0 && handledBy.includes(NodeType.FULL_NODE) && sentBy.includes(NodeType.FULL_NODE)
);

describe("a full node that asks", () => {
  test("there is something to ask for", () => {
    const names = requests.map(({ name }) => name);
    for (const name of ["request_proof_of_weight", "request_block", "request_transaction", "request_compact_vdf"]) {
      assert.ok(names.includes(name), `${name} of ${names.join()}`);
    }
  });

  for (const request of requests) {
    test(`for ${request.name} is answered or closed within a second`, async () => {
      const world = new World();
      const node = await world.node(NODE, { blocks: 10 });
      const session = await world.dialIn(PEER, NODE);
      const end = session.run(() => {});
      const asked = session.request(request as never, sampleOf(request) as never, 60_000);
      const began = world.clock.monotonic();
      const outcome = await world.clock.until(asked.then(() => "answered", () => "closed"));
      assert.ok(world.clock.monotonic() - began < 1_000, `${outcome} after ${world.clock.monotonic() - began} ms`);
      assert.deepEqual(node.service.bans(), []);
      session.close();
      await world.clock.until(end);
      await world.end();
    });
  }
});

/** A body of a request: the least that its struct takes. */
function sampleOf(request: Message): unknown {
  const bytes = zeroBody(request);
  if (request.body === null) return null;
  // The shortest run of zeros that is one.
  for (let length = 0; length <= bytes.length; length++) {
    try {
      return request.body.decode(bytes.subarray(0, length));
    } catch {
      continue;
    }
  }
  return assert.fail(`no body of zeros for ${request.name}`);
}

describe("who is not served", () => {
  for (const name of ["WALLET", "FARMER", "TIMELORD"] as const) {
    test(`a ${name} gets no slot, and is told so by the end of the connection`, async () => {
      const world = new World();
      const node = await world.node(NODE, { blocks: 10 });
      const session = await world.dialIn(PEER, NODE, NodeType[name]);
      const began = world.clock.monotonic();
      const exit = await world.clock.until(session.run(() => {}));
      assert.ok(world.clock.monotonic() - began < 1_000, exit.message);
      assert.deepEqual([node.service.peers(), node.service.bans()], [[], []]);
      await world.end();
    });
  }

  test("nothing is announced that is not served", async () => {
    const { SERVED_CAPABILITIES } = await import("../../lib/chia/protocol/mod.ts");
    const announced = SERVED_CAPABILITIES.map(([capability]) => capability);
    assert.deepEqual(announced, [Capability.BASE, Capability.RATE_LIMITS_V2]);
  });
});
