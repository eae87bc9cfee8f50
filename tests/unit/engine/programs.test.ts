/** Programs that are emitted when the executable is compiled are those that are emitted at run time. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EMITTERS, preparedModule } from "../../../compile/programs.ts";
import { type Program, programOf, type Topic } from "../../../lib/engine/programs.ts";

const TOPICS = Object.keys(EMITTERS) as Topic[];
const WIDTHS = [true, false];

/** The module as the executable has it. */
async function load(text: string): Promise<typeof import("../../../lib/engine/prepared.ts")> {
  return await import(`data:text/javascript;base64,${new TextEncoder().encode(text).toBase64()}`);
}

describe("programs", () => {
  test("preparedModule() gives back each program as it was emitted", async () => {
    const { prepared } = await load(preparedModule());
    for (const topic of TOPICS) {
      for (const wide of WIDTHS) assert.deepEqual(prepared(topic, wide), EMITTERS[topic](wide), `${topic} ${wide}`);
    }
    assert.equal(prepared("another" as Topic, true), undefined);
  });

  test("preparedModule() gives bytes that are new each time, so that no instance shares them with another one", async () => {
    const { prepared } = await load(preparedModule());
    prepared("class-group", true)!.bytes.fill(0);
    assert.deepEqual(prepared("class-group", true), EMITTERS["class-group"](true));
  });

  test("programOf() emits where the sources run", () => {
    for (const topic of TOPICS) {
      for (const wide of WIDTHS) {
        const asked: boolean[] = [];
        const program: Program = { bytes: new Uint8Array(1) };
        const given = programOf(topic, wide, (isWide) => {
          asked.push(isWide);
          return program;
        });
        assert.equal(given, program);
        assert.deepEqual(asked, [wide]);
      }
    }
  });
});
