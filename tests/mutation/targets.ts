/**
 * What is mutated, and which tests are to notice. Security and consensus: what stands between a stranger and the node.
 *
 * @module
 */

/** Sources that are mutated together, with the tests that fit them. */
export interface Target {
  /** By which the score is printed. */
  readonly name: string;
  /** Paths of files, or folders with all files in them. */
  readonly sources: readonly string[];
  /** Test files and folders. Those that import a source come first. */
  readonly tests: readonly string[];
}

const scenario = (...names: readonly string[]) => names.map((name) => `tests/scenario/${name}.test.ts`);
const BITCOIN_PEERS = scenario(
  "bitcoin-handshake",
  "bitcoin-gossip",
  "bitcoin-eviction",
  "bitcoin-core-ways",
  "bitcoin-faults",
  "bitcoin-unasked",
  "waiting-memory",
  "bitcoin-follow",
);
const CHIA_PEERS = scenario("connections", "liars", "unserved", "follow", "waiting-memory");

/** The table. */
export const TARGETS: readonly Target[] = [
  {
    name: "core/peers",
    sources: ["lib/core/peers", "lib/core/gather.ts", "lib/core/subnets.ts"],
    tests: [
      "tests/unit/core",
      "tests/unit/core-addresses/eviction.test.ts",
      "tests/unit/core-addresses/reputation.test.ts",
      "tests/unit/bitcoin-wire/framer.test.ts",
      "tests/unit/transport/framer.test.ts",
      "tests/laws/held-bytes.test.ts",
      ...scenario("connections", "bitcoin-eviction", "liars", "waiting-memory"),
    ],
  },
  {
    name: "core/addresses",
    sources: ["lib/core/addresses", "lib/core/dialling"],
    tests: ["tests/unit/core-addresses", "tests/unit/core", ...scenario("bitcoin-gossip", "bitcoin-discovery")],
  },
  {
    name: "core/work",
    sources: ["lib/core/work", "lib/core/sync"],
    tests: ["tests/unit/core", "tests/unit/platform/threads.test.ts", ...scenario("follow", "agreement")],
  },
  {
    name: "bitcoin/peers",
    sources: ["lib/bitcoin/peers", "lib/bitcoin/sync/incoming.ts"],
    tests: ["tests/unit/bitcoin-node", "tests/unit/bitcoin-session", ...BITCOIN_PEERS],
  },
  {
    name: "bitcoin/chain",
    sources: ["lib/bitcoin/chain"],
    tests: [
      "tests/unit/bitcoin-chain",
      "tests/vectors/bitcoin-block-checks.test.ts",
      ...scenario("bitcoin-faults", "bitcoin-reindex", "bitcoin-follow", "coins-deep", "coins-crash"),
    ],
  },
  {
    name: "bitcoin/mempool",
    sources: ["lib/bitcoin/mempool"],
    tests: ["tests/unit/bitcoin-mempool"],
  },
  {
    name: "bitcoin/compact",
    sources: ["lib/bitcoin/compact", "lib/bitcoin/sync/block-questions.ts"],
    tests: ["tests/unit/bitcoin-compact", "tests/unit/bitcoin-node", ...scenario("bitcoin-compact")],
  },
  {
    name: "bitcoin/mining",
    sources: ["lib/bitcoin/mining", "lib/bitcoin/block-assembler.ts"],
    tests: [
      "tests/unit/bitcoin-mining",
      "tests/unit/bitcoin-node/mining.test.ts",
      "tests/unit/rpc-bitcoin/mempool-blocks.test.ts",
      "tests/unit/rpc-bitcoin/block-template.test.ts",
    ],
  },
  {
    name: "bitcoin/fees",
    sources: ["lib/bitcoin/fees"],
    tests: ["tests/unit/bitcoin-fees", "tests/unit/rpc-bitcoin/fees.test.ts"],
  },
  {
    name: "bitcoin/relay",
    sources: ["lib/bitcoin/relay", "lib/core/rolling-filter.ts"],
    tests: [
      "tests/unit/bitcoin-relay",
      "tests/unit/core/rolling-filter.test.ts",
      ...scenario("bitcoin-relay"),
    ],
  },
  {
    name: "bitcoin/indexes",
    sources: ["lib/bitcoin/indexes", "lib/bitcoin/serving/filter-requests.ts"],
    tests: [
      "tests/unit/bitcoin-indexes",
      "tests/contract/filter-store.test.ts",
      ...scenario("bitcoin-filter-serving", "filters-crash"),
    ],
  },
  {
    name: "bitcoin/coins",
    sources: ["lib/bitcoin/coins", "lib/storage/runs", "lib/storage/byte-table.ts", "lib/bitcoin/store/coin-runs.ts"],
    tests: [
      "tests/unit/bitcoin-coins",
      "tests/unit/storage",
      "tests/contract/bitcoin-store.test.ts",
      "tests/vectors/bitcoin-coins.test.ts",
      ...scenario("coins-deep", "coins-crash"),
    ],
  },
  {
    name: "bitcoin/script",
    sources: ["lib/bitcoin/script"],
    tests: [
      "tests/unit/bitcoin-script",
      "tests/vectors/bitcoin-script-core.test.ts",
      "tests/vectors/bitcoin-script-witness.test.ts",
    ],
  },
  {
    name: "bitcoin/headers",
    sources: ["lib/bitcoin/headers"],
    tests: ["tests/unit/bitcoin-chain", "tests/vectors/bitcoin-headers.test.ts", ...scenario("bitcoin-presync")],
  },
  {
    name: "bitcoin/wire",
    sources: ["lib/bitcoin/wire/framer.ts", "lib/bitcoin/wire/v2/transport.ts", "lib/bitcoin/wire/v2/inbound.ts"],
    tests: [
      "tests/unit/bitcoin-wire",
      "tests/unit/bitcoin-v2",
      "tests/laws/held-bytes.test.ts",
      ...scenario("bitcoin-handshake"),
    ],
  },
  {
    name: "chia/chain",
    sources: ["lib/chia/chain"],
    tests: [
      "tests/unit/chia-chain",
      "tests/unit/chia-session/raw-blocks.test.ts",
      ...scenario("follow", "liars", "late-verdicts"),
    ],
  },
  {
    name: "chia/peers",
    sources: ["lib/chia/peers", "lib/chia/sync/requests.ts"],
    tests: ["tests/unit/chia-session", "tests/unit/core/limiter.test.ts", ...CHIA_PEERS],
  },
  {
    name: "transport/websocket",
    sources: ["lib/transport/websocket"],
    tests: ["tests/unit/transport", "tests/laws/held-bytes.test.ts"],
  },
  {
    name: "rpc",
    sources: ["lib/rpc/auth.ts", "lib/rpc/basic-auth.ts", "lib/rpc/limits.ts", "lib/rpc/token.ts", "lib/rpc/app.ts"],
    tests: ["tests/unit/rpc", "tests/unit/rpc-bitcoin", "tests/unit/bitcoin-light/routes.test.ts"],
  },
];
