import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryBudget } from "../../../lib/core/memory-budget.ts";

/** A budget of 1,000 bytes, and connections that take note of their end. */
function world() {
  const budget = new MemoryBudget(1_000);
  const ended: string[] = [];
  const connect = (name: string, isInbound: boolean) =>
    budget.open({
      isInbound,
      end: (error) => {
        assert.equal(error.code, "memory_budget");
        ended.push(name);
      },
    });
  return { budget, ended, connect };
}

describe("MemoryBudget", () => {
  test("counts what each connection holds, both ways, and takes back what it gives", () => {
    const { budget, ended, connect } = world();
    const one = connect("one", true);
    const two = connect("two", true);
    one.set("in", 300);
    one.set("out", 200);
    two.set("in", 400);
    assert.equal(budget.used, 900);
    one.set("in", 0);
    assert.equal(budget.used, 600);
    one.close();
    two.close();
    assert.equal(budget.used, 0);
    assert.deepEqual(ended, []);
  });

  test("when it is passed, whoever holds most goes, inbound before outbound", () => {
    const { budget, ended, connect } = world();
    const chosen = connect("chosen", false);
    const little = connect("little", true);
    const much = connect("much", true);
    chosen.set("in", 600);
    little.set("in", 100);
    much.set("out", 250);
    assert.deepEqual(ended, []);
    little.set("in", 200);
    assert.deepEqual(ended, ["much"]);
    assert.equal(budget.used, 800);
    chosen.set("in", 900);
    assert.deepEqual(ended, ["much", "little"]);
    chosen.set("in", 1_001);
    assert.deepEqual(ended, ["much", "little", "chosen"]);
    assert.equal(budget.used, 0);
  });

  test("what a connection says after its end counts no more", () => {
    const { budget, connect } = world();
    const one = connect("one", true);
    one.set("in", 5_000);
    one.set("in", 10);
    one.close();
    assert.equal(budget.used, 0);
  });
});
