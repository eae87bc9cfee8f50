import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import { PRICES } from "../../../lib/core/peers/reputation.ts";
import { chiaExitFor, chiaOpeningExitFor } from "../../../lib/chia/peers/exit.ts";

/** How long a fault of the transport keeps its host away, while the connection is opened and afterwards. */
const seconds = (code: string) => {
  const error = new NodeError(code, "peer", "a fault of the transport");
  const [opening, later] = [chiaOpeningExitFor(error), chiaExitFor(error)].map(({ offence }) => offence);
  assert.ok(opening !== undefined && later !== undefined);
  return [PRICES[opening].banSeconds, PRICES[later].banSeconds];
};

describe("chiaExitFor() and chiaOpeningExitFor()", () => {
  test("HTTP that opens no WebSocket is no offence", () => assert.deepEqual(seconds("websocket_handshake"), [0, 0]));

  test("frames that are none end a session without blame, and are a bad handshake in the place of one", () =>
    assert.deepEqual(seconds("websocket_protocol"), [10, 0]));

  test("a message that is too big is a flood", () => assert.deepEqual(seconds("websocket_too_big"), [300, 300]));
});
