/** Two nodes over real sockets: transactions of real blocks, mined anew, go from one to the other as compact blocks. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { checkBlock } from "../../lib/bitcoin/chain/block-checks.ts";
import { type BlockValidator, structureValidator } from "../../lib/bitcoin/chain/validator.ts";
import { blockTemplate, coinbaseOf } from "../../lib/bitcoin/mining.ts";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { BitcoinNode } from "../../lib/bitcoin/node.ts";
import { MemoryBitcoinStore } from "../../lib/bitcoin/store/memory.ts";
import { Block, headerToBytes, merkleRoot, type Transaction } from "../../lib/bitcoin/types/mod.ts";
import { AddressBook } from "../../lib/core/addresses/book.ts";
import { PermissionList } from "../../lib/core/peers/permissions.ts";
import { UploadTarget } from "../../lib/core/peers/upload-target.ts";
import { clock, dialer, listen, random } from "../../lib/platform/node/mod.ts";
import { MemoryEventLog } from "../../lib/storage/event-log.ts";
import { MemoryFolder } from "../contract/memory-folder.ts";
import { RULES } from "../scenario/bitcoin-world.ts";
import { ListedPool } from "../unit/bitcoin-compact/listed-pool.ts";
import { bitcoinBytes, bitcoinDataMissing } from "../vectors/bitcoin-data.ts";

const FILES = ["bcoin-block928816.raw", "bcoin-block928831.raw", "rust-mainnet-c835b2ad.raw", "mainnet-413567.raw"]
  .map((name) => `blocks/${name}`);

/** What real transactions ask of height and time does not hold here: blocks are judged by what they say by themselves. */
const validator: BlockValidator = {
  ...structureValidator,
  check: (block, { network }) => checkBlock(block, network) ?? { ok: true },
};

async function open(host: string, mempool: ListedPool, connect: readonly { host: string; port: number }[] = []) {
  const permissions = new PermissionList([]);
  const node = await BitcoinNode.open({
    network: regtest,
    store: new MemoryBitcoinStore({ events: new MemoryEventLog() }),
    ...{ rules: RULES, blockParts: mempool, connect, clock },
    book: new AddressBook({ rules: RULES, clock, random }),
    validator,
    mode: "full",
    protocol: { random, dialer, v2: true, inboundMax: 8 },
    userAgent: "/gemel:test/",
    files: new MemoryFolder().named("/data"),
    assumedCoins: undefined,
    coins: { random, bytesMax: 1 << 20 },
    loopbackExempt: true,
    resolve: (name) => Promise.resolve([name]),
    listen: { addresses: [{ host, port: 0 }], open: listen },
    whitelist: permissions,
    permissions,
    upload: new UploadTarget({ clock, sent: () => 0 }),
    outbound: 0,
    record: () => {},
    notice: () => {},
  });
  await node.start();
  return node;
}

async function until(condition: () => boolean): Promise<void> {
  const end = clock.monotonic() + 20_000;
  while (!condition()) {
    assert.ok(clock.monotonic() < end, "in time");
    await clock.sleep(5);
  }
}

/** A block of these transactions on a node's tip. */
function mineOn({ service }: BitcoinNode, transactions: readonly Transaction[]): Block {
  const template = blockTemplate(service.headers, service.tip, Math.floor(clock.now() / 1000));
  const all = [coinbaseOf(template, Uint8Array.of(0x51), transactions), ...transactions];
  const { version, previousBlockHash: prevBlockHash, time, bits } = template;
  const root = merkleRoot(all.map(({ txid }) => txid)).root;
  for (let nonce = 0;; nonce++) {
    const header = { version, prevBlockHash, merkleRoot: root, time, bits, nonce };
    if (HeaderBatch.fromBytes(headerToBytes(header)).firstWithoutWork(regtest.pow) < 0) return Block.of(header, all);
  }
}

/** What share of each block's bytes did not go over the line, when the receiver has these of its transactions. */
async function saved(has: (transaction: Transaction, i: number) => boolean): Promise<readonly number[]> {
  const mempool = new ListedPool();
  const giver = await open("127.0.0.2", new ListedPool());
  const taker = await open("127.0.0.3", mempool, [giver.peerNetwork.listenAddress!]);
  const shares: number[] = [];
  try {
    await until(() => giver.service.peers().length === 1 && taker.service.peers().length === 1);
    const pass = async (block: Block) => {
      const { kind } = await giver.service.submitBlock(block.raw);
      assert.equal(kind, "accepted");
      await until(() => taker.service.tip === taker.service.headers.find(block.hash));
      assert.deepEqual(await taker.service.block(taker.service.tip), block.raw);
    };
    // With the first the initial download is over; from the second on the giver is to send blocks unasked.
    for (const _ of [1, 2]) await pass(mineOn(giver, []));
    await until(() => taker.service.peers()[0]!.compactBlocksTo);
    await until(() => giver.service.peers()[0]!.compactBlocksFrom);
    for (const file of FILES) {
      const transactions = Block.decode(bitcoinBytes(file)).transactions.slice(1).map((each) => each.detach());
      mempool.add(...transactions.filter(has));
      const { traffic } = taker.service;
      const before = traffic.received.bytes + traffic.sent.bytes;
      const block = mineOn(giver, transactions);
      await pass(block);
      shares.push(1 - (traffic.received.bytes + traffic.sent.bytes - before) / block.raw.length);
    }
    const { rebuilt, fallbacks, givenUp } = taker.service.compactBlocks;
    assert.deepEqual([rebuilt, fallbacks, givenUp], [FILES.length + 1, 0, 0]);
    assert.equal(giver.service.compactBlocks.announced, FILES.length);
  } finally {
    await taker.stop();
    await giver.stop();
  }
  return shares;
}

describe("real blocks between two nodes over real sockets", { skip: bitcoinDataMissing(FILES[0]!) }, () => {
  const shown = (shares: readonly number[]) => shares.map((share) => `${(100 * share).toFixed(1)} %`).join(", ");

  test("cost a tenth of their bytes at most with equal mempools", { timeout: 60_000 }, async () => {
    const shares = await saved(() => true);
    assert.ok(shares.every((share) => share > 0.9), shown(shares));
    // deno-lint-ignore no-console
    console.log(`saved with equal mempools: ${shown(shares)}`);
  });

  test("cost a fifth at most when one of twenty transactions is missing", { timeout: 60_000 }, async () => {
    const shares = await saved((_, i) => i % 20 !== 7);
    assert.ok(shares.every((share) => share > 0.8), shown(shares));
    // deno-lint-ignore no-console
    console.log(`saved with 5 % missing: ${shown(shares)}`);
  });
});
