import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mutantsOf, OPERATORS } from "../../mutation/operators.ts";
import { codeOf } from "../../mutation/source.ts";
import { EQUAL } from "../../mutation/equal.ts";
import { readFileSync } from "node:fs";

const ofText = (text: string) => mutantsOf("a.ts", text, codeOf(text));
/** Operator and changed line of every mutant. */
const changes = (text: string) => ofText(text).map(({ operator, becomes }) => `${operator}: ${becomes}`);

describe("codeOf()", () => {
  test("leaves code, and blanks comments, strings, templates and regular expressions out, at the same places", () => {
    const text = 'a < b; // c < d\n/* e < f */ "g < h" `i < ${j < k} l < m`, /n < [/]o/.test(p) / q < r;\n';
    const code = codeOf(text);
    assert.equal(code.length, text.length);
    assert.deepEqual([...code.matchAll(/(\w) <|< (\w)/g)].map(([, left, right]) => left ?? right), ["a", "j", "q"]);
  });

  test("takes a division for one after what is asserted to be there, and a regular expression for one after a negation", () => {
    const code = codeOf("x = a[0]! / b! / f()! / c; y = !/d/.test(e);");
    assert.equal(code.replaceAll("\0", ""), "x = a[0]! / b! / f()! / c; y = !.test(e);");
  });

  test("finds its way out of templates in templates, and of what is escaped", () => {
    const code = codeOf("x = `a${f({ b: `c${d}` })}e\\`${g}`; h = '\\''; y");
    assert.equal(code.replaceAll("\0", ""), "x = `${f({ b: `${d}` })}${g}`; h = ''; y");
  });
});

describe("mutantsOf()", () => {
  test("has each operator's change at its place", () => {
    assert.deepEqual(changes("const ok = a < b && c >= d;\n"), [
      "bound shifted: const ok = a <= b && c >= d;",
      "bound shifted: const ok = a < b && c > d;",
      "and, or: const ok = a < b || c >= d;",
    ]);
    assert.deepEqual(changes("x += y - Math.min(z, list.every(f));\n"), [
      "plus, minus: x += y + Math.min(z, list.every(f));",
      "sum turned: x -= y - Math.min(z, list.every(f));",
      "every, some: x += y - Math.min(z, list.some(f));",
      "least, most: x += y - Math.max(z, list.every(f));",
    ]);
    assert.deepEqual(changes("  if (isOver) return true;\n"), [
      "true, false: if (isOver) return false;",
      "condition turned: if (!(isOver)) return true;",
      "guard dropped: ;",
    ]);
    assert.deepEqual(changes("  if (a === b) {\n    throw new E({ a });\n  }\n"), [
      "equality turned: if (a !== b) {",
      "throw dropped: ;",
    ]);
    assert.deepEqual(changes("{\n  this.#gate.failed(host);\n  const x = f(y);\n}\n"), ["call dropped: ;"]);
  });

  test("leaves types, arrows and text alone", () => {
    assert.deepEqual(changes('const f = <T>(map: Map<string, T>): Array<T> => read("a < b");\n'), []);
  });

  test("has no two changes that are the same", () => {
    const sources = ofText("if (a < b && !(c > d)) return x - y;\nif (e) throw f;\n").map(({ source }) => source);
    assert.equal(new Set(sources).size, sources.length);
    assert.equal(new Set(OPERATORS.map(({ name }) => name)).size, OPERATORS.length);
  });
});

describe("EQUAL", () => {
  test("names changes that there are: an argument for a line that is gone is an argument for nothing", () => {
    const root = new URL("../../../", import.meta.url);
    for (const { file, was, becomes } of EQUAL) {
      const text = readFileSync(new URL(file, root), "utf8");
      const found = mutantsOf(file, text, codeOf(text)).some((each) => each.was === was && each.becomes === becomes);
      assert.ok(found, `${file}: ${was} => ${becomes}`);
    }
  });
});
