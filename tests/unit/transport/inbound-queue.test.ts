import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { InboundQueue } from "../../../lib/transport/websocket/inbound-queue.ts";

function queue() {
  const heard: string[] = [];
  const made = new InboundQueue({ onTaken: () => heard.push("taken"), onCancel: () => heard.push("cancelled") });
  return { queue: made, reader: made.readable.getReader(), heard };
}

describe("InboundQueue", () => {
  test("counts what waits, and nothing that was read", async () => {
    const { queue: waiting, reader } = queue();
    waiting.put(new Uint8Array(10));
    waiting.put("four");
    assert.equal(waiting.bytes, 16);
    assert.equal((await reader.read()).value?.length, 10);
    assert.equal(waiting.bytes, 5);
    assert.equal((await reader.read()).value, "four");
    const next = reader.read();
    await Promise.resolve();
    waiting.put("five");
    assert.equal(waiting.bytes, 0, "it went to the reader");
    assert.equal((await next).value, "five");
  });

  test("close() lets what waits be read, and then ends", async () => {
    const { queue: waiting, reader } = queue();
    waiting.put("one");
    waiting.put("two");
    waiting.close();
    waiting.put("three");
    assert.equal((await reader.read()).value, "one");
    assert.equal((await reader.read()).value, "two");
    assert.equal((await reader.read()).done, true);
    assert.equal(waiting.bytes, 0);
  });

  test("close() ends a reader that waits, also when it comes twice", async () => {
    const { queue: waiting, reader } = queue();
    const read = reader.read();
    await Promise.resolve();
    waiting.close();
    waiting.close();
    assert.equal((await read).done, true);
  });

  test("close() with a failure drops what waits, before and after a close in order", async () => {
    for (const isClosing of [false, true]) {
      const { queue: waiting, reader } = queue();
      waiting.put("one");
      if (isClosing) waiting.close();
      waiting.close(new Error("broken"));
      assert.equal(waiting.bytes, 0);
      await assert.rejects(reader.read(), /broken/);
    }
  });

  test("a reader that gives up is told of, and nothing is held for it", async () => {
    const { queue: waiting, reader, heard } = queue();
    waiting.put("one");
    await reader.cancel();
    assert.equal(waiting.bytes, 0);
    assert.deepEqual(heard.at(-1), "cancelled");
    waiting.put("two");
    waiting.close();
    assert.equal(waiting.bytes, 0);
  });

  test("says of each message that is taken, and of the end, that there is room", async () => {
    const { queue: waiting, reader, heard } = queue();
    waiting.put("one");
    waiting.put("two");
    assert.deepEqual(heard, []);
    await reader.read();
    assert.deepEqual(heard, ["taken"]);
    waiting.close();
    await reader.read();
    assert.deepEqual(heard, ["taken", "taken"]);
    waiting.close(new Error("late"));
    assert.deepEqual(heard, ["taken", "taken"], "it was over already");
    const other = queue();
    other.queue.put("one");
    other.queue.close(new Error("broken"));
    assert.deepEqual(other.heard, ["taken"], "what waited is held no more");
  });
});
