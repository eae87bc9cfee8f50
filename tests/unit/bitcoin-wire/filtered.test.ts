/** Partial Merkle trees that lie, Bloom filters that match, and addresses as text. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import type { NodeError } from "../../../lib/core/errors.ts";
import {
  BloomFilter,
  BloomUpdate,
  buildPartialMerkleTree,
  extractMatches,
  fromIp16,
  hostText,
  isKnownNetwork,
  isSoundAddress,
  merkleRoot,
  NetworkId,
  parseHost,
  type PartialMerkleTree,
  serviceNames,
  toIp16,
  Transaction,
} from "../../../lib/bitcoin/types/mod.ts";

const leaves = (n: number) => Array.from({ length: n }, (_, i) => new Uint8Array(32).fill(i + 1));

describe("partial Merkle trees", () => {
  test("prove exactly the leaves they were built for, of any number", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }).chain((n) =>
          fc.tuple(fc.constant(n), fc.array(fc.nat(n - 1), { maxLength: 8 }))
        ),
        ([n, wanted]) => {
          const txids = leaves(n);
          const set = new Set(wanted);
          const tree = buildPartialMerkleTree(txids, (index) => set.has(index));
          const { root, matches } = extractMatches(tree);
          assert.deepEqual(root, merkleRoot(txids).root);
          assert.deepEqual(matches.map(({ index }) => index), [...set].sort((a, b) => a - b));
          for (const { index, txid } of matches) assert.deepEqual(txid, txids[index]);
        },
      ),
      { seed: 37, numRuns: 300 },
    );
  });

  const tree = buildPartialMerkleTree(leaves(7), (index) => index === 3);
  const bad = { name: "NodeError", code: "bad_merkle_tree", fault: "peer" };
  const lies: [what: string, tree: PartialMerkleTree][] = [
    ["no transactions", { ...tree, transactionCount: 0 }],
    ["more transactions than a block can hold", { ...tree, transactionCount: 16_667 }],
    ["2^32 − 1 transactions", { ...tree, transactionCount: 0xffff_ffff }],
    ["more hashes than transactions", { ...tree, hashes: leaves(8) }],
    ["fewer bits than hashes", { ...tree, flags: new Uint8Array() }],
    ["out of bits", { ...tree, flags: tree.flags.subarray(0, 0), hashes: [] }],
    ["out of hashes", { ...tree, hashes: tree.hashes.slice(0, -1) }],
    ["a hash left over", { ...tree, hashes: [...tree.hashes, leaves(1)[0]!] }],
    ["a byte of bits left over", { ...tree, flags: Uint8Array.of(...tree.flags, 0) }],
  ];
  for (const [what, lie] of lies) test(`${what}: refused`, () => assert.throws(() => extractMatches(lie), bad));

  test("two equal neighbours are refused: one of them was made up (CVE-2012-2459)", () => {
    const txids = leaves(6);
    const doubled = buildPartialMerkleTree([...txids, ...txids.slice(4)], (index) => index === 7);
    assert.throws(() => extractMatches(doubled), bad);
  });

  test("whatever arrives is judged, never thrown over", () => {
    const arbitrary = fc.record({
      transactionCount: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 0xffff_ffff })),
      hashes: fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 12 }),
      flags: fc.uint8Array({ maxLength: 5 }),
    });
    fc.assert(
      fc.property(arbitrary, (lie) => {
        try {
          assert.equal(extractMatches(lie).root.length, 32);
        } catch (thrown) {
          assert.equal((thrown as NodeError).code, "bad_merkle_tree");
        }
      }),
      { seed: 37, numRuns: 3_000 },
    );
  });
});

describe("BloomFilter.matches()", () => {
  const key = fromHex("02" + "11".repeat(32));
  const other = new Uint8Array(32).fill(5);
  const filterFor = (data: Uint8Array, flags: number) => {
    const filter = BloomFilter.sized({ elements: 10, falsePositives: 1e-9, tweak: 99, flags });
    filter.insert(data);
    return filter;
  };
  const output = (hex: string) => ({ value: 1n, scriptPubKey: fromHex(hex) });
  const input = { prevout: { txid: other, vout: 3 }, scriptSig: new Uint8Array(), sequence: 0, witness: [] };
  const payer = Transaction.of({
    version: 1,
    inputs: [input],
    outputs: [output("51"), output("21" + toHex(key) + "ac")],
    lockTime: 0,
  });
  const spender = Transaction.of({
    version: 1,
    inputs: [{ ...input, prevout: { txid: payer.txid, vout: 1 } }],
    outputs: [output("51")],
    lockTime: 0,
  });

  test("by txid, by a push of an output, by an outpoint, by a push of an input", () => {
    assert.ok(filterFor(payer.txid, BloomUpdate.NONE).matches(payer));
    assert.ok(filterFor(key, BloomUpdate.NONE).matches(payer));
    const outpoint = BloomFilter.sized({ elements: 1, falsePositives: 1e-9, tweak: 0, flags: 0 });
    outpoint.insertOutPoint(input.prevout);
    assert.ok(outpoint.matches(payer) && !outpoint.matches(spender));
    const signed = Transaction.of({
      ...payer,
      inputs: [{ ...input, scriptSig: fromHex("21" + toHex(key)) }],
      outputs: [],
      version: 1,
      lockTime: 0,
    });
    assert.ok(filterFor(key, BloomUpdate.NONE).matches(signed));
    assert.ok(!filterFor(other.map((b) => b + 1), BloomUpdate.NONE).matches(payer));
  });

  test("a match in an output lets its spender match, as the flags say", () => {
    const follows = (flags: number, tx: Transaction) => {
      const filter = filterFor(key, flags);
      assert.ok(filter.matches(tx));
      return filter.containsOutPoint({ txid: tx.txid, vout: 1 });
    };
    assert.equal(follows(BloomUpdate.NONE, payer), false);
    assert.equal(follows(BloomUpdate.ALL, payer), true);
    assert.equal(follows(BloomUpdate.P2PUBKEY_ONLY, payer), true);
    const hashed = Transaction.of({
      version: 1,
      inputs: [input],
      outputs: [output("51"), output("21" + toHex(key) + "75")],
      lockTime: 0,
    });
    assert.equal(follows(BloomUpdate.P2PUBKEY_ONLY, hashed), false);
    const filter = filterFor(key, BloomUpdate.ALL);
    assert.equal(filter.matches(spender), false);
    filter.matches(payer);
    assert.equal(filter.matches(spender), true);
  });

  test("stays within the protocol's bounds, and no bytes match everything", () => {
    const huge = BloomFilter.sized({ elements: 1e9, falsePositives: 1e-9, tweak: 0, flags: 0 }).parameters;
    assert.deepEqual([huge.filter.length, huge.hashCount], [36_000, 0]);
    const many = BloomFilter.sized({ elements: 1, falsePositives: 1e-300, tweak: 0, flags: 0 }).parameters;
    assert.equal(many.hashCount, 50);
    const empty = new BloomFilter({ filter: new Uint8Array(), hashCount: 50, tweak: 0, flags: 0 });
    empty.insert(key);
    assert.ok(empty.contains(other));
  });
});

describe("addresses of peers", () => {
  const onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";
  const texts: [text: string, network: number, bytes: number][] = [
    ["1.2.3.4", NetworkId.IPV4, 4],
    ["2001:db8::1", NetworkId.IPV6, 16],
    [onion, NetworkId.TORV3, 32],
    ["ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p", NetworkId.I2P, 32],
  ];
  for (const [text, network, bytes] of texts) {
    test(`${text} comes back`, () => {
      const parsed = parseHost(text)!;
      assert.equal(parsed.network, network);
      assert.equal(parsed.address.length, bytes);
      assert.equal(hostText(parsed.network, parsed.address), text);
      assert.ok(isKnownNetwork(network) && isSoundAddress(network, parsed.address));
    });
  }

  test("a mistyped onion name, a name to look up, and nonsense are no addresses", () => {
    const texts = [
      onion.replace("pg6", "pg7"),
      "x.onion",
      "a.b32.i2p",
      "example.org",
      "1.2.3",
      "0x7f.1",
      "::1%eth0",
      "::",
      "",
    ];
    for (const text of texts) assert.equal(parseHost(text), undefined, text);
  });

  test("IPv4 in the guise of IPv6 is IPv4; Tor v2 is nothing", () => {
    const mapped = fromHex("00".repeat(10) + "ffff" + "01020304");
    assert.deepEqual(fromIp16(mapped), { network: NetworkId.IPV4, address: fromHex("01020304") });
    assert.deepEqual(toIp16(fromIp16(mapped)!), mapped);
    assert.equal(isSoundAddress(NetworkId.IPV6, mapped), false);
    const onionCat = fromHex("fd87d87eeb43" + "11".repeat(10));
    assert.equal(fromIp16(onionCat), undefined);
    assert.equal(isSoundAddress(NetworkId.IPV6, onionCat), false);
    assert.equal(isSoundAddress(NetworkId.CJDNS, fromHex("fc" + "00".repeat(15))), true);
    assert.equal(isSoundAddress(NetworkId.CJDNS, fromHex("fd" + "00".repeat(15))), false);
    assert.equal(isSoundAddress(NetworkId.TORV2, new Uint8Array(10)), false);
    assert.equal(toIp16({ network: NetworkId.I2P, address: new Uint8Array(32) }), undefined);
  });

  test("serviceNames()", () => {
    assert.deepEqual(serviceNames(0b1100_0100_1001n), [
      "NETWORK",
      "WITNESS",
      "COMPACT_FILTERS",
      "NETWORK_LIMITED",
      "P2P_V2",
    ]);
    assert.deepEqual(serviceNames(1n << 24n), ["UNKNOWN[2^24]"]);
  });
});
