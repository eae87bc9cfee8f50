import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PermissionList, splitPermissionList } from "../../../lib/core/peers/permissions.ts";

describe("PermissionList", () => {
  test("a subnet alone gives what Core's -whitelist gives: to inbound peers only", () => {
    const list = new PermissionList(["10.0.0.0/8"]);
    assert.deepEqual(list.of("10.1.2.3", "in"), ["noban", "relay", "mempool", "download"]);
    assert.deepEqual(list.of("10.1.2.3", "out"), []);
    assert.deepEqual(list.of("11.1.2.3", "in"), []);
    assert.deepEqual([list.has("10.1.2.3"), list.has("11.1.2.3")], [true, false]);
  });

  test("permissions are summed up, bring what they mean along, and hold for the directions that are named", () => {
    const list = new PermissionList([
      "bloom,addr@10.0.0.0/8",
      "forcerelay,out@10.0.0.0/16",
      "noban,in,out@2001:db8::/32",
      "all@192.0.2.7",
    ]);
    assert.deepEqual(list.of("10.0.0.1", "in"), ["bloomfilter", "addr"]);
    assert.deepEqual(list.of("10.0.0.1", "out"), ["forcerelay", "relay"]);
    assert.deepEqual(list.of("2001:db8::5", "out"), ["noban", "download"]);
    assert.equal(list.of("::ffff:192.0.2.7", "in").length, 7, "however the address is written");
    assert.deepEqual([list.has("10.0.0.1"), list.has("2001:db8::5")], [false, true]);
  });

  test("what belongs to no subnet, or is no permission, is refused", () => {
    for (const entry of ["", "nonsense", "noban@", "in@10.0.0.1", "noban,sleep@10.0.0.1", "noban@10.0.0.1@"]) {
      assert.throws(() => new PermissionList([entry]), { code: "CONFIG_INVALID" }, entry);
    }
  });
});

describe("splitPermissionList()", () => {
  test("knows the commas between entries from those within", () => {
    const split = (text: string) => splitPermissionList(text.split(","));
    assert.deepEqual(split("10.0.0.1,noban,in@10.0.0.2,addr@::1,10.0.0.3"), [
      ...["10.0.0.1", "noban,in@10.0.0.2", "addr@::1", "10.0.0.3"],
    ]);
    for (const text of ["noban", "noban,10.0.0.1", "10.0.0.1,in"]) {
      assert.throws(() => split(text), { code: "CONFIG_INVALID" }, text);
    }
  });
});
