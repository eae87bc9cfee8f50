/** A node with mainnet's rules finds addresses by real DNS questions, to a stub server on loopback that lies as well. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bitcoinAddressRules } from "../../lib/bitcoin/addresses/rules.ts";
import { AddressBook } from "../../lib/core/addresses/book.ts";
import { Dialling } from "../../lib/core/dialling/dialling.ts";
import { NodeError } from "../../lib/core/errors.ts";
import type { Peer } from "../../lib/core/peers/peer.ts";
import { clock, random } from "../../lib/platform/node/clock.ts";
import { nameServerResolver } from "../../lib/platform/node/resolver.ts";
import { startDnsServer, withAddresses } from "../support/dns-server.ts";

const WAIT_MS = 10_000;

test("of eight seeds, those that answer fill the book, and no lie gets in", async () => {
  const greedy = Array.from({ length: 1_000 }, (_, i) => `${11 + i % 60}.${i & 255}.${i >> 2}.1`);
  const zones = {
    "x9.good.example": { a: ["8.8.4.4", "9.9.4.4"], aaaa: ["2a00::1"] },
    "x9.private.example": { a: ["10.0.0.1", "127.0.0.1", "192.168.1.1", "100.64.0.1"], aaaa: ["::1", "fe80::1"] },
    "x9.slow.example": { a: ["8.1.4.4"], delayMs: 300 },
    "x9.empty.example": {},
    "x9.broken.example": { rcode: 2 },
    "x9.greedy.example": { a: greedy, truncateTo: 20 },
    "x9.forged.example": { a: ["8.2.4.4"], lies: [withAddresses("A", ["6.6.6.6"])].map((lie) => wrongId(lie)) },
  };
  const server = await startDnsServer(zones);
  const stop = new AbortController();
  const rules = bitcoinAddressRules();
  const book = new AddressBook({ rules, clock, random });
  const dialling = new Dialling<Peer>({
    ...{ book, rules, clock, random },
    dnsSeeds: [...Object.keys(zones), "x9.missing.example"],
    defaultPort: 8333,
    connect: [],
    resolve: nameServerResolver({ server: server.address, timeoutMs: 1_000, signal: stop.signal }),
    slots: { full: 8, blockRelay: 0 },
    retryMs: 600_000,
    feelerMeanMs: Infinity,
    extraMeanMs: Infinity,
    isBanned: () => false,
    peers: () => [],
    dial: () => Promise.reject(new NodeError("connection_refused", "network", "nobody is dialled in a test")),
    isSame: () => false,
    notice: () => {},
  });
  const running = dialling.run(stop.signal);
  try {
    const has = (host: string) => book.find({ host, port: 8333 }) !== undefined;
    const end = clock.monotonic() + WAIT_MS;
    const fromGreedy = () => greedy.filter(has).length;
    while (!["8.8.4.4", "9.9.4.4", "2a00::1", "8.1.4.4", "8.2.4.4"].every(has) || fromGreedy() === 0) {
      assert.ok(clock.monotonic() < end, `within ${WAIT_MS} ms there are ${book.size.total} addresses`);
      await clock.sleep(10);
    }
    assert.ok(fromGreedy() <= 32, `${fromGreedy()} of one seed`);
    assert.equal(book.size.total, 5 + fromGreedy(), "and nothing else");
    assert.deepEqual([...new Set(server.questions.map(({ type }) => type))].sort(), ["A", "AAAA"]);
  } finally {
    stop.abort();
    await running;
    await server.close();
  }
});

type Lie = ReturnType<typeof withAddresses>;

/** The same lie under another number, as one who cannot see the question must guess it. */
function wrongId(lie: Lie): Lie {
  return (packet) => ({ ...lie(packet), id: (packet.id ?? 0) ^ 0x0101 });
}
