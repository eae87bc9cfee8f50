import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { descriptorsReserved, reserveDescriptors } from "../../../lib/platform/node/descriptors.ts";

describe("reserveDescriptors()", () => {
  test("keeps what each port has not taken, as long as the port is open", () => {
    const before = descriptorsReserved();
    let untaken = 64;
    const release = [reserveDescriptors(() => untaken), reserveDescriptors(() => 10)];
    assert.equal(descriptorsReserved(), before + 74);
    untaken = 3;
    assert.equal(descriptorsReserved(), before + 13);
    for (const each of release) each();
    assert.equal(descriptorsReserved(), before);
  });
});
