/** The house rules that a reader cannot see in one file: who may import whom, and where a runtime may be named. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";

const root = new URL("../", import.meta.url);

interface Source {
  readonly path: string;
  readonly text: string;
  /** The text without comments, so that prose may name what code may not. */
  readonly code: string;
}

function sources(folder: string): Source[] {
  const names = readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(".ts")).sort().map((name) => {
    const path = `${folder}/${name.replaceAll("\\", "/")}`;
    const text = readFileSync(new URL(path, root), "utf8");
    const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "").replaceAll(
      /\s\/\/ .*$/gm,
      "",
    );
    return { path, text, code };
  });
}

/** Import specifiers of a file, resolved to paths from the root where they are relative. */
function imports({ path, code }: Source): string[] {
  const found = [...code.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
  return found.map((specifier) =>
    specifier.startsWith(".") ? new URL(specifier, new URL(path, "file:///")).pathname.slice(1) : specifier
  );
}

/** The room of the house that a path lies in. */
function room(path: string): string {
  const [, first = "", second] = path.split("/");
  return second === undefined ? "root" : first;
}

/** What a node is put together from. */
const HOUSE = ["codec", "core", "engine", "transport", "storage", "chia", "bitcoin", "rpc", "webhooks", "platform"];

/** What each room of lib may import, beside itself and packages. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  codec: [],
  core: ["codec"],
  // Heavy arithmetic: numbers in, verdicts out. Knows neither chain.
  engine: ["codec"],
  transport: ["codec", "core"],
  storage: ["codec", "core"],
  platform: ["codec", "core"],
  // A simulated world stands above the house that it simulates: nothing in lib imports it but start.ts, which gives it a
  // runtime.
  sim: ["codec", "core", "transport", "storage", "chia", "bitcoin", "compose", "root"],
  chia: ["codec", "core", "engine", "transport", "storage"],
  bitcoin: ["codec", "core", "engine", "transport", "storage"],
  // Knows neither chain: their probes are given to it.
  crawl: ["codec", "core"],
  // Receivers of the log's events: they know the log, and no chain.
  webhooks: ["codec", "core", "storage"],
  rpc: ["codec", "core", "transport", "storage", "chia", "bitcoin", "webhooks"],
  compose: [...HOUSE, "root"],
  root: [...HOUSE, "crawl", "compose"],
};

/**
 * The floors inside a wing: what each of its rooms may import beside itself and the wing's ground, which are the files that
 * lie at its root and import no room. The files of the roof lie there too; they may import everything, and no room imports
 * them.
 */
const FLOORS: Readonly<
  Record<string, {
    readonly roof: readonly string[];
    /** Rooms that the ground's files may import all the same. */
    readonly ground?: readonly string[];
    readonly rooms: Readonly<Record<string, readonly string[]>>;
  }>
> = {
  core: {
    roof: ["node-parts.ts", "peer-network.ts"],
    rooms: {
      events: [],
      peers: [],
      work: [],
      addresses: ["peers"],
      dialling: ["peers", "addresses"],
      sync: ["peers"],
    },
  },
  bitcoin: {
    roof: [
      "block-assembler.ts",
      "chain-followers.ts",
      "commands.ts",
      "facade-parts.ts",
      "facade.ts",
      "handlers.ts",
      "mining.ts",
      "node-parts.ts",
      "node.ts",
      "operator-bans.ts",
      "reindexing.ts",
      "service.ts",
      "transaction-events.ts",
      "views.ts",
    ],
    rooms: {
      codec: [],
      types: ["codec"],
      coins: ["codec", "types"],
      networks: ["types"],
      wire: ["codec", "types"],
      filters: ["codec", "types", "wire"],
      headers: ["codec", "types", "networks"],
      script: ["codec", "types"],
      chain: ["codec", "types", "coins", "networks", "headers", "script"],
      peers: ["types", "networks", "wire", "headers"],
      addresses: ["codec", "types", "networks", "wire", "peers"],
      mempool: ["codec", "types", "coins", "networks", "headers", "script", "chain"],
      fees: ["codec", "types", "headers", "chain", "mempool"],
      mining: ["types", "networks", "headers", "chain", "mempool"],
      relay: ["types", "wire", "chain", "mempool", "peers"],
      sync: ["types", "wire", "headers", "chain", "peers"],
      compact: ["codec", "types", "wire", "headers", "chain", "peers", "mempool", "sync"],
      indexes: ["types", "coins", "filters", "headers", "chain"],
      light: ["types", "networks", "wire", "filters", "headers", "chain", "peers"],
      serving: ["types", "wire", "headers", "chain", "indexes", "peers", "addresses", "compact"],
      store: ["types", "coins", "headers", "light"],
    },
  },
  chia: {
    roof: ["facade.ts", "node.ts", "service.ts", "views.ts"],
    ground: ["types"],
    rooms: {
      streamable: [],
      types: ["streamable"],
      networks: ["streamable"],
      protocol: ["streamable", "types"],
      identity: [],
      chain: ["types", "networks", "protocol"],
      peers: ["streamable", "types", "protocol"],
      addresses: ["streamable", "types", "networks", "protocol", "identity", "peers"],
      sync: ["protocol", "chain", "peers"],
      serving: ["types", "protocol", "chain", "peers", "addresses"],
      store: ["types"],
    },
  },
};

describe("architecture", () => {
  const lib = sources("lib");

  test("imports inside lib point one way", () => {
    assert.ok(lib.length > 50, "the sources are there");
    const wrong = lib.flatMap((source) =>
      imports(source).filter((target) => target.startsWith("lib/")).filter((target) => {
        const from = room(source.path);
        const to = room(target);
        // The configuration is plain data that the composition root and RPC share.
        if (target === "lib/config.ts" && from === "rpc") return false;
        if (from === "root" && to === "sim") return source.path !== "lib/start.ts";
        return from !== to && !(ALLOWED[from] ?? []).includes(to);
      }).map((target) => `${source.path} imports ${target}`)
    );
    assert.deepEqual(wrong, []);
  });

  for (const [wing, { roof, ground = [], rooms }] of Object.entries(FLOORS)) {
    test(`imports inside lib/${wing} point down`, () => {
      const inside = lib.filter(({ path }) => path.startsWith(`lib/${wing}/`));
      const roomOf = (path: string) => path.split("/").length > 3 ? path.split("/")[2]! : "";
      const roofs = roof.map((name) => `lib/${wing}/${name}`);
      const isRoof = (path: string) => roofs.includes(path);
      // A room, or a file of the roof, that is no longer there would be an allowance that nobody sees.
      const there = new Set(inside.map(({ path }) => roomOf(path)).filter((name) => name !== ""));
      assert.deepEqual([...there].sort(), Object.keys(rooms).sort());
      assert.deepEqual(roofs.filter((path) => !inside.some((source) => source.path === path)), []);

      const wrong = inside.filter(({ path }) => !isRoof(path)).flatMap((source) => {
        const from = roomOf(source.path);
        return imports(source).filter((target) => target.startsWith(`lib/${wing}/`)).filter((target) => {
          if (isRoof(target)) return true;
          const to = roomOf(target);
          return to !== from && to !== "" && !(from === "" ? ground : rooms[from] ?? []).includes(to);
        }).map((target) => `${source.path} imports ${target}`);
      });
      assert.deepEqual(wrong, []);
    });
  }

  test("a peer is written by nobody else: what a part of a node keeps of it is there, and what several need has methods", () => {
    const peers = lib.filter(({ path }) => /^lib\/(?:core|bitcoin|chia)\/peers\/(?:peer|knowledge)\.ts$/.test(path));
    assert.equal(peers.length, 5);
    // A field of a class that is neither private nor readonly.
    const open = /^ {2}(?:declare |override )*[a-zA-Z]\w*[?!]?(?:: [^;]*)?(?: = [^;]*)?;$/;
    const wrong = peers.flatMap(({ path, text }) =>
      text.split("\n").filter((line) => open.test(line)).map((line) => `${path}: ${line.trim()}`)
    );
    assert.deepEqual(wrong, []);
  });

  test("only lib/platform names a runtime, and only the composition root asks for the platform", () => {
    const named =
      /\b(?:Bun|Deno)\.|"(?:bun|node):|\bDate\.now\(|\bperformance\.now\(|\bset(?:Timeout|Interval)\(|\bMath\.random\(|\bgetRandomValues\(/;
    const wrong = lib.filter(({ path, code }) => room(path) !== "platform" && named.test(code)).map(({ path }) => path);
    assert.deepEqual(wrong, []);
    const askers = lib.filter((source) => imports(source).includes("#platform")).map(({ path }) => path);
    // The node, and what runs on its threads.
    assert.deepEqual(askers, ["lib/start.ts", "lib/worker.ts"]);
  });

  test("the command line imports the library's public surface and nothing below it", () => {
    const wrong = sources("cli").flatMap((source) =>
      imports(source).filter((target) => target.startsWith("lib/")).map((target) => `${source.path} imports ${target}`)
    );
    assert.deepEqual(wrong, []);
  });

  test("comments and messages are plain sentences", () => {
    const mannered = /\bwhoever\b|\bis dear\b|\blooked at\b/i;
    const wrong = [...lib, ...sources("cli")].flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, i) => (mannered.test(line) ? [`${path}:${i + 1}`] : []))
    );
    assert.deepEqual(wrong, []);
  });

  test("what lies beside the repository is looked for there, or a test would be skipped for ever", () => {
    const beside = new URL(["..", "shared/"].join("/"), root).pathname;
    const wrong = ["tests", "bench"].flatMap(sources).flatMap(({ path, text }) =>
      [...text.matchAll(/new URL\(["`]((?:\.\.\/)+shared\/)/g)]
        .filter(([, to]) => new URL(to!, new URL(path, root)).pathname !== beside)
        .map(([, to]) => `${path}: ${to}`)
    );
    assert.deepEqual(wrong, []);
  });

  test("no file is silenced, none is longer than 400 lines, and the nodes no longer than 250", () => {
    const all = [...lib, ...sources("cli")];
    const silenced = all.filter(({ text, code }) =>
      /@ts-(?:ignore|nocheck|expect-error)/.test(text) || /\bas any\b|: any\b/.test(code)
    );
    assert.deepEqual(silenced.map(({ path }) => path), []);
    const isLonger = (most: number) => ({ text }: Source) => text.split("\n").length - 1 > most;
    assert.deepEqual(all.filter(isLonger(400)).map(({ path }) => path), []);
    // What comes to a node comes as a part of its own.
    const nodes = all.filter(({ path }) => /^lib\/(?:bitcoin|chia)\/node\.ts$/.test(path));
    assert.deepEqual(nodes.filter(isLonger(250)).map(({ path }) => path), []);
  });
});
