/** `gemel crawl` and `gemel dns` where something is wrong: one clear line and exit code 2, before anything is dialled. */
import { after, describe, test } from "node:test";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CliIo } from "../../../cli/io.ts";
import { formatOf } from "../../../cli/crawl.ts";
import { runProgram } from "../../../cli/program.ts";

const folder = mkdtempSync(join(tmpdir(), "gemel-crawl-cli-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function gemel(args: readonly string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const io: CliIo = {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    environment: {},
    homeDir: () => "/nowhere",
    isTerminal: false,
    columns: () => 80,
    readText: () => Promise.reject(new Error("none")),
    readInput: () => Promise.resolve(""),
    connect: () => Promise.reject(new Error("no node")),
    onSignal: () => () => {},
    exit: (code) => assert.fail(`exit ${code}`),
  };
  return { exit: await runProgram(args, io), out: out.join(""), err: err.join("") };
}

const OUT = join(folder, "nodes.json");
const GOOD = ["crawl", "--chain", "bitcoin", "--network", "regtest", "--seed", "127.0.0.1:1", "--out", OUT];
/** The good line with one option changed. */
const withOption = (name: string, value: string) => {
  const args = [...GOOD];
  const at = args.indexOf(name);
  if (at >= 0) args[at + 1] = value;
  else args.push(name, value);
  return args;
};

describe("bad input", () => {
  const damaged = join(folder, "damaged.json");
  writeFileSync(damaged, '{"format":"gemel-crawl","version":1}');
  const serve = ["dns", "serve", "--listen", "127.0.0.1:0", "--zone", "seed.example", "--from"];
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["no chain", ["crawl", "--seed", "127.0.0.1:1", "--out", OUT], /--chain/],
    ["a chain that is none", withOption("--chain", "doge"), /doge.*chia, bitcoin/s],
    [
      "a network that is none",
      withOption("--network", "nonet"),
      /no Bitcoin network is called nonet; there are mainnet/,
    ],
    ["a Chia network that is none", withOption("--chain", "chia"), /no Chia network is called regtest/],
    ["no seed", ["crawl", "--chain", "chia", "--out", OUT], /--seed HOST:PORT/],
    ["a seed without a port", withOption("--seed", "127.0.0.1"), /"127.0.0.1" is no HOST:PORT/],
    ["a seed's port above 65535", withOption("--seed", "127.0.0.1:70000"), /is no HOST:PORT/],
    ["a seed's port 0", withOption("--seed", "127.0.0.1:0"), /port 0/],
    ["no file", GOOD.slice(0, -2), /--out/],
    ["a file of no known kind", withOption("--out", join(folder, "nodes.txt")), /does not end in .json, .csv or .html/],
    ["a folder that is not there", withOption("--out", join(folder, "no", "n.json")), /is not there/],
    ["a folder for a file", withOption("--out", folder).concat("--format", "csv"), /is a folder/],
    ["a limit of none", withOption("--limit", "0"), /limit: a whole number from 1/],
    ["a limit that is no number", withOption("--limit", "many"), /limit: a whole number/],
    ["a concurrency of none", withOption("--concurrency", "0"), /concurrency: /],
    ["a rate of none", withOption("--per-second", "-1"), /per-second: /],
    ["a format that is none", withOption("--format", "xml"), /xml.*json, csv, html/s],
    ["a time that is none", withOption("--timeout", "soon"), /timeout: "soon"/],
    [
      "dns: no zone",
      serve.filter((each) => !["--zone", "seed.example", "--from"].includes(each)).concat("--from", OUT),
      /--zone/,
    ],
    [
      "dns: a zone that is no name",
      ["dns", "serve", "--listen", "127.0.0.1:0", "--zone", "a..b", "--from", damaged],
      /zone: "a..b" is no DNS name/,
    ],
    ["dns: a file that is not there", [...serve, join(folder, "none.json")], /from: .*none.json cannot be read/],
    ["dns: a file that is damaged", [...serve, damaged], /from: the crawl file cannot be used: it does not say/],
    ["dns: a port that is none", [...serve, damaged, "--port", "0"], /port: a whole number/],
    ["dns: a query of no name", ["dns", "query", "bad name"], /no DNS name/],
    [
      "dns: a server that is none",
      ["dns", "query", "seed.example", "--server", "a b"],
      /server: "a b" is no HOST:PORT/,
    ],
  ];
  for (const [name, args, message] of cases) {
    test(name, async () => {
      const { exit, err, out } = await gemel(args);
      assert.match(err, message);
      assert.deepEqual([exit, out], [2, ""]);
      assert.ok(!/\n\s+at /.test(err), "no stack");
    });
  }

  test("with --json the error is JSON", async () => {
    const { exit, err } = await gemel(["--json", ...withOption("--network", "nonet")]);
    assert.equal(exit, 2);
    assert.equal((JSON.parse(err) as { code: string }).code, "USAGE");
  });
});

describe("formatOf()", () => {
  test("is what was asked for, or the file's ending", () => {
    assert.equal(formatOf("a.CSV", undefined), "csv");
    assert.equal(formatOf("a.htm", undefined), "html");
    assert.equal(formatOf("a.txt", "json"), "json");
  });
});

test("help of each has an example", async () => {
  for (const words of [["crawl"], ["dns"], ["dns", "serve"], ["dns", "query"]]) {
    const { exit, out } = await gemel([...words, "--help"]);
    assert.equal(exit, 0);
    if (words.length > 1 || words[0] === "crawl") assert.match(out, /Example:/);
  }
});
