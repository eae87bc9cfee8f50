/** What the two chains do when the upload target leaves nothing for old blocks. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PeerChainKnowledge } from "../../../lib/bitcoin/peers/knowledge.ts";
import {
  PeerRequests as BitcoinServing,
  type PeerRequestsParts as BitcoinParts,
} from "../../../lib/bitcoin/serving/requests.ts";
import { InventoryBatch, InvType } from "../../../lib/bitcoin/types/mod.ts";
import { GetData } from "../../../lib/bitcoin/wire/mod.ts";
import {
  PeerRequests as ChiaServing,
  type PeerRequestsParts as ChiaParts,
} from "../../../lib/chia/serving/requests.ts";
import { requestBlock, requestBlocks } from "../../../lib/chia/protocol/mod.ts";
import { NodeError } from "../../../lib/core/errors.ts";

/** A target that has `isReached` or has not. */
const target = (isReached: boolean) => ({ servesOld: () => !isReached });
const WEEK_S = 7 * 86_400;

/** Asks a Bitcoin node for the block of row `row`; blocks are a day apart, the tip is row 30. */
async function askBitcoin(row: number, isReached: boolean): Promise<string[]> {
  const sent: string[] = [];
  const headers = {
    find: () => row,
    isInvalid: () => false,
    height: (each: number) => each,
    time: (each: number) => each * 86_400,
    hasMoreWork: () => false,
    hash: () => new Uint8Array(32),
    best: 30,
  };
  const serving = new BitcoinServing({
    chain: {
      ...{ headers, tip: 30, hasData: () => true, isActive: () => true },
      blocks: { bytes: () => Promise.resolve(new Uint8Array(80)) },
    },
    isPruned: () => false,
    upload: target(isReached),
    compact: { recent: () => undefined },
  } as unknown as BitcoinParts);
  const session = { sendBytes: ({ type }: { type: string }) => Promise.resolve(void sent.push(type)) };
  const route = serving.handlers.find(({ key }) => key === GetData);
  const inventory = [{ type: InvType.WITNESS_BLOCK, hash: new Uint8Array(32) }];
  const body = InventoryBatch.fromPayload(GetData.encode({ inventory }));
  await route?.handle(
    { session, knowledge: new PeerChainKnowledge(), may: () => false } as never,
    { message: GetData, body } as never,
  );
  return sent;
}

/** Asks a Chia node for blocks from a height on; the peak is at 100,000. */
async function askChia(height: number, isReached: boolean, mayDownload = false): Promise<string[]> {
  const sent: string[] = [];
  const serving = new ChiaServing({
    chain: { peak: { height: 100_000 }, network: { constants: { MAX_BLOCK_COUNT_PER_REQUESTS: 32 } } },
    store: {
      hashAt: () => Promise.resolve(new Uint8Array(32)),
      block: () => Promise.resolve(new Uint8Array(9)),
      mainBlocks: () => Promise.resolve([new Uint8Array(9), new Uint8Array(9)]),
    },
    upload: target(isReached),
    tipTaken: () => {},
  } as unknown as ChiaParts);
  const send = ({ name }: { name: string }) => Promise.resolve(void sent.push(name));
  const peer = { session: { send, sendBytes: send }, may: () => mayDownload };
  const of = (message: typeof requestBlock | typeof requestBlocks) =>
    serving.handlers.find(({ key }) => key === message.id);
  const one = requestBlock.body.encode({ height, includeTransactionBlock: true });
  const two = requestBlocks.body.encode({ startHeight: height, endHeight: height + 1, includeTransactionBlock: true });
  await of(requestBlock)?.handle(peer as never, { message: requestBlock, data: one, id: 1 } as never);
  await of(requestBlocks)?.handle(peer as never, { message: requestBlocks, data: two, id: 2 } as never);
  return sent;
}

describe("an upload target that is reached", () => {
  test("Bitcoin: who asks for a block of more than a week ago is disconnected, as by Core; new ones are served", async () => {
    assert.deepEqual(await askBitcoin(10, false), ["block"]);
    await assert.rejects(askBitcoin(10, true), (error: NodeError) => error.code === "upload_target");
    assert.deepEqual(await askBitcoin(30 - WEEK_S / 86_400, true), ["block"]);
  });

  test("Chia: old blocks are refused, new ones are served", async () => {
    assert.deepEqual(await askChia(10, false), ["respond_block", "respond_blocks"]);
    assert.deepEqual(await askChia(10, true), ["reject_block", "reject_blocks"]);
    assert.deepEqual(await askChia(10, true, true), ["respond_block", "respond_blocks"], "with `download`");
    assert.deepEqual(await askChia(99_000, true), ["respond_block", "respond_blocks"]);
  });
});
