/** Every function and class of the public surface has an example in its comment, and each example runs. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import * as gemel from "../../mod.ts";

const lib = new URL("../../lib/", import.meta.url);
const mod = new URL("../../mod.ts", import.meta.url);
const DOCUMENTED = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport (?:async )?(?:function|class|const) ([A-Za-z0-9_]+)/g;
const EXAMPLE = /@example.*\n \* ```ts\n((?: \*.*\n)*?) \* ```/;

/** Sources of examples by the name that they show. */
function examples(): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(lib, { recursive: true, encoding: "utf8" }).filter((each) => each.endsWith(".ts"))) {
    const at = new URL(name.replaceAll("\\", "/"), lib);
    const source = readFileSync(at, "utf8");
    for (const [, comment = "", exported = ""] of source.matchAll(DOCUMENTED)) {
      const [, code] = EXAMPLE.exec(comment + "*/") ?? [];
      if (code === undefined) continue;
      const text = code.replaceAll(/^ \* ?/gm, "").replaceAll('"gemel"', JSON.stringify(mod.href));
      found.set(exported, text.replaceAll(/from "(\.[^"]+)"/g, (_, path) => `from "${new URL(path, at).href}"`));
    }
  }
  return found;
}

describe("examples in comments", () => {
  const folder = mkdtempSync(join(tmpdir(), "gemel-examples-"));
  after(() => rmSync(folder, { recursive: true }));
  const found = examples();
  const shown = Object.entries(gemel).filter(([, value]) => typeof value === "function").map(([name]) => name);

  test("each function and class of mod.ts has one", () => {
    assert.deepEqual(shown.filter((name) => !found.has(name)), []);
  });

  for (const [name, code] of found) {
    test(`${name}: its example runs`, async () => {
      const path = join(folder, `${name}.ts`);
      const place = join(folder, name);
      mkdirSync(place);
      const head = `import assert from "node:assert/strict";\nconst folder = ${JSON.stringify(place)};\n`;
      writeFileSync(path, head + code);
      await import(pathToFileURL(path).href);
    });
  }
});
