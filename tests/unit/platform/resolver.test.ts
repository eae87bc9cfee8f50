/** Host names by a given DNS server: a stub on loopback that answers as it likes. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Packet } from "dns-packet";
import fc from "fast-check";
import { NodeError } from "../../../lib/core/errors.ts";
import { nameServerResolver } from "../../../lib/platform/node/resolver.ts";
import { startDnsServer, type StubZone, withAddresses } from "../../support/dns-server.ts";

const TIMEOUT_MS = 5_000;
/** For what never comes. */
const SHORT_MS = 200;
const NAME = "x9.seed.example";

async function withZone(
  zone: StubZone,
  check: (parts: {
    readonly resolve: (name: string) => Promise<string[]>;
    readonly questions: readonly { readonly type: string; readonly by: string; readonly edns: boolean }[];
    readonly stop: AbortController;
  }) => Promise<void>,
  timeoutMs = TIMEOUT_MS,
): Promise<void> {
  const server = await startDnsServer({ [NAME]: zone });
  const stop = new AbortController();
  const resolve = nameServerResolver({ server: server.address, timeoutMs, signal: stop.signal });
  try {
    await check({ resolve, questions: server.questions, stop });
  } finally {
    await server.close();
  }
}

const notFound = (why: RegExp) => (error: unknown) => {
  assert.ok(error instanceof NodeError, String(error));
  assert.deepEqual([error.code, error.fault], ["name_not_found", "network"]);
  assert.match(error.message, why);
  return true;
};

describe("nameServerResolver()", () => {
  test("asks for both families, and gives IPv4 first, each address once", async () => {
    const zone = { a: ["1.2.3.4", "5.6.7.8", "1.2.3.4"], aaaa: ["2001:db9::1"] };
    await withZone(zone, async ({ resolve, questions }) => {
      assert.deepEqual(await resolve(NAME), ["1.2.3.4", "5.6.7.8", "2001:db9::1"]);
      assert.deepEqual(questions.map(({ type }) => type).sort(), ["A", "AAAA"]);
      assert.deepEqual(await resolve(`${NAME.toUpperCase()}.`), ["1.2.3.4", "5.6.7.8", "2001:db9::1"]);
    });
  });

  test("one family is enough", async () => {
    await withZone({ a: ["1.2.3.4"] }, async ({ resolve }) => assert.deepEqual(await resolve(NAME), ["1.2.3.4"]));
    await withZone({ aaaa: ["2a00::1"] }, async ({ resolve }) => assert.deepEqual(await resolve(NAME), ["2a00::1"]));
  });

  test("an IP literal and the local name are answers already", async () => {
    await withZone({}, async ({ resolve, questions }) => {
      assert.deepEqual(await resolve("9.8.7.6"), ["9.8.7.6"]);
      assert.deepEqual(await resolve("2a00::1"), ["2a00::1"]);
      assert.deepEqual(await resolve("localhost"), ["127.0.0.1", "::1"]);
      assert.equal(questions.length, 0);
    });
  });

  test("no addresses, no such name, failure and refusal, each by its reason", async () => {
    await withZone({}, async ({ resolve }) => {
      await assert.rejects(resolve(NAME), notFound(/no addresses/));
      await assert.rejects(resolve("other.example"), notFound(/no such name/));
    });
    await withZone({ rcode: 2 }, ({ resolve }) => assert.rejects(resolve(NAME), notFound(/SERVFAIL/)));
    await withZone({ rcode: 5 }, ({ resolve }) => assert.rejects(resolve(NAME), notFound(/REFUSED/)));
  });

  test("what is no name is not asked for", async () => {
    await withZone({}, async ({ resolve, questions }) => {
      for (
        const name of [
          "",
          "a b",
          "é.example",
          "x".repeat(64) + ".example",
          "a..example",
          `${"a.".repeat(127)}a`,
          `${"a".repeat(55)}d.onion`,
        ]
      ) {
        await assert.rejects(resolve(name), notFound(/./), name);
      }
      assert.equal(questions.length, 0);
    });
  });

  test("follows an alias, not one that leads in circles", async () => {
    await withZone({ a: ["1.2.3.4"], alias: "pool.example" }, async ({ resolve }) => {
      assert.deepEqual(await resolve(NAME), ["1.2.3.4"]);
    });
    const circle = (packet: Packet): Packet => ({
      ...packet,
      answers: [
        { type: "CNAME", name: NAME, data: "b.example" },
        { type: "CNAME", name: "b.example", data: NAME },
        { type: "A", name: "c.example", data: "1.2.3.4" },
      ],
    });
    await withZone({ lies: [circle], liesOnly: true }, async ({ resolve }) => {
      await assert.rejects(resolve(NAME), notFound(/no addresses/));
    });
  });

  test("a late answer counts, a silent server is asked twice and the second time without EDNS", async () => {
    await withZone({ a: ["1.2.3.4"], delayMs: 60 }, async ({ resolve, questions }) => {
      assert.deepEqual(await resolve(NAME), ["1.2.3.4"]);
      assert.equal(questions.length, 2);
    });
    await withZone({ a: ["1.2.3.4"], silent: 1 }, async ({ resolve, questions }) => {
      assert.deepEqual(await resolve(NAME), ["1.2.3.4"]);
      assert.deepEqual(questions.map(({ edns }) => edns), [true, true, false, false]);
    }, SHORT_MS);
    await withZone({ silent: true }, async ({ resolve, questions }) => {
      await assert.rejects(resolve(NAME), notFound(/does not answer/));
      assert.equal(questions.length, 4);
    }, SHORT_MS);
  });

  test("a lookup ends with its owner", async () => {
    await withZone({ silent: true }, async ({ resolve, questions, stop }) => {
      const failed = assert.rejects(resolve(NAME), notFound(/was ended/));
      while (questions.length < 2) await new Promise((wake) => setTimeout(wake, 2));
      stop.abort();
      await failed;
      await assert.rejects(resolve(NAME), notFound(/was ended/));
      assert.equal(questions.length, 2, "and nobody is asked any more");
    });
  });

  test("a cut reply is asked for again over TCP; where there is none, its part counts", async () => {
    const a = Array.from({ length: 1_000 }, (_, i) => `5.${i >> 8}.${i & 255}.1`);
    await withZone({ a, truncateTo: 20 }, async ({ resolve, questions }) => {
      assert.deepEqual(await resolve(NAME), a);
      assert.deepEqual(questions.map(({ by }) => by).sort(), ["tcp", "tcp", "udp", "udp"]);
    });
    await withZone({ a, truncateTo: 20, noTcp: true }, async ({ resolve }) => {
      assert.deepEqual(await resolve(NAME), a.slice(0, 20));
    });
    const many = Array.from({ length: 4_000 }, (_, i) => `5.${i >> 8}.${i & 255}.1`);
    await withZone({ a: many, truncateTo: 3 }, async ({ resolve }) => {
      assert.deepEqual(await resolve(NAME), many.slice(0, 3), "more than 32 KiB are no answer");
    });
  });

  const liar = withAddresses("A", ["6.6.6.6"]);
  const lies: readonly (readonly [string, (packet: Packet) => Packet | Uint8Array])[] = [
    ["another id", (packet) => liar({ ...packet, id: (packet.id ?? 0) ^ 1 })],
    ["another question", (packet) => liar({ ...packet, questions: [{ type: "A", name: "other.example" }] })],
    ["another type of question", (packet) => liar({ ...packet, questions: [{ type: "TXT", name: NAME }] })],
    [
      "two questions",
      (packet) => liar({ ...packet, questions: [...packet.questions ?? [], { type: "A", name: NAME }] }),
    ],
    ["a query", (packet) => liar({ ...packet, type: "query" })],
    ["a few bytes", () => Uint8Array.of(1, 2, 3)],
    [
      "the right id and rubbish",
      ({ id = 0 }) => Uint8Array.of(id >> 8, id & 255, ...Array.from({ length: 40 }, () => 255)),
    ],
  ];
  for (const [name, lie] of lies) {
    test(`a reply with ${name} is passed over, and the right one behind it counts`, async () => {
      await withZone({ a: ["1.2.3.4"], lies: [lie, lie] }, async ({ resolve }) => {
        assert.deepEqual(await resolve(NAME), ["1.2.3.4"]);
      });
    });
  }

  test("alone they are no answer, and records of another name count for nothing", async () => {
    const [, lie] = lies[0]!;
    await withZone({ a: ["1.2.3.4"], lies: [lie], liesOnly: true }, async ({ resolve }) => {
      await assert.rejects(resolve(NAME), notFound(/does not answer/));
    }, SHORT_MS);
    const other = (packet: Packet): Packet => ({
      ...packet,
      answers: [{ type: "A", name: "other.example", data: "6.6.6.6" }],
    });
    await withZone({ lies: [other], liesOnly: true }, async ({ resolve }) => {
      await assert.rejects(resolve(NAME), notFound(/no addresses/));
    });
  });

  test("whatever bytes come: addresses or an error, never more", async () => {
    let bytes: Uint8Array = new Uint8Array(0);
    const server = await startDnsServer({
      [NAME]: { lies: [({ id = 0 }) => Uint8Array.of(id >> 8, id & 255, ...bytes)] },
    });
    const resolve = nameServerResolver({ server: server.address, timeoutMs: TIMEOUT_MS });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 120 }), async (some) => {
        bytes = some;
        await assert.rejects(resolve(NAME), notFound(/./));
      }),
      { numRuns: 200 },
    );
    await server.close();
  });
});
