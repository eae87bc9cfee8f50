/**
 * Liars that dial a node: they learn its tip, announce a heavier chain that they forged on it, and fetch the tip, as an
 * honest peer does that has not got it yet.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { clock, dialer, random } from "#platform";
import { HeaderBatch } from "../../lib/bitcoin/headers/header-batch.ts";
import { regtest } from "../../lib/bitcoin/networks/mod.ts";
import { type BlockHeader, headerHash, headerToBytes, InvType } from "../../lib/bitcoin/types/mod.ts";
import { GetData, headersPayload, packV1 } from "../../lib/bitcoin/wire/mod.ts";
import {
  newPeak,
  NodeType,
  rejectBlock,
  rejectBlocks,
  requestBlock,
  requestBlocks,
  respondBlock,
} from "../../lib/chia/protocol/mod.ts";
import { candidateOf } from "../../lib/chia/chain/raw-blocks.ts";
import { ChiaSession } from "../../lib/chia/peers/session.ts";
import type { Candidate } from "../../lib/chia/chain/verdict.ts";
import { FullBlock, type NewPeak, RewardChainBlock, RewardChainBlockUnfinished } from "../../lib/chia/types/mod.ts";
import { sha256 } from "../../lib/codec/sha256.ts";
import { connectWebSocket } from "../../lib/transport/websocket/mod.ts";
import { type Chance, introduce } from "./attackers-bytes.ts";
import { type Certificate, type Meter, type Target, Wire } from "./attackers-wire.ts";

const FORGED_BLOCKS = 3;
const PATIENCE_MS = 15_000;
/** Signage points at the end of a sub-slot whose blocks fall into the next one, on Chia's networks. */
const [SIGNAGE_POINTS, OVERFLOW_POINTS] = [64, 3];

/**
 * The next block after `tip`, of the same signage point and without a single proof: all hashes and sums are right, so
 * that it passes the level `linkage`. `difficulty`: what it adds to the weight.
 */
export function forgeOn(tip: Candidate, difficulty: bigint): Candidate {
  const { block } = tip;
  const before = block.rewardChainBlock;
  const isOverflow = before.signagePointIndex >= SIGNAGE_POINTS - OVERFLOW_POINTS;
  // The infused chain is there but for a block that comes before the first of its challenge.
  const hasNoInfused = before.infusedChallengeChainIpVdf === null && isOverflow;
  const rewardChainBlock: RewardChainBlock = {
    ...before,
    height: before.height + 1,
    weight: before.weight + difficulty,
    rewardChainIpVdf: {
      ...before.rewardChainIpVdf,
      challenge: RewardChainBlock.hash(before) as RewardChainBlock["rewardChainIpVdf"]["challenge"],
      numberOfIterations: 0n,
    },
    infusedChallengeChainIpVdf: hasNoInfused ? null : before.infusedChallengeChainIpVdf ?? before.challengeChainIpVdf,
    // The signage point is that of the tip: the last transaction block lies after it.
    isTransactionBlock: false,
  };
  const foliage: FullBlock["foliage"] = {
    ...block.foliage,
    prevBlockHash: tip.headerHash as FullBlock["foliage"]["prevBlockHash"],
    rewardBlockHash: RewardChainBlock.hash(rewardChainBlock) as FullBlock["foliage"]["rewardBlockHash"],
    foliageBlockData: {
      ...block.foliage.foliageBlockData,
      unfinishedRewardBlockHash: RewardChainBlockUnfinished.hash(
        rewardChainBlock,
      ) as FullBlock["foliage"]["rewardBlockHash"],
    },
    foliageTransactionBlockHash: null,
    foliageTransactionBlockSignature: null,
  };
  return candidateOf(FullBlock.encode({
    ...block,
    finishedSubSlots: [],
    rewardChainBlock,
    infusedChallengeChainIpProof: hasNoInfused
      ? null
      : block.infusedChallengeChainIpProof ?? block.challengeChainIpProof,
    foliage,
    foliageTransactionBlock: null,
    transactionsInfo: null,
    transactionsGenerator: null,
    transactionsGeneratorRefList: [],
    transactionsGeneratorBuffer: null,
    version: 0,
  }));
}

/**
 * One visit of a liar on Chia's side: with each tip that the node tells, it announces three blocks on top and serves them.
 * `spoils`: their weight is wrong.
 */
export async function lieOnChia(
  target: Target,
  from: string,
  meter: Meter,
  papers: Certificate,
  how: { readonly ms: number; readonly spoils?: boolean; readonly stop: AbortSignal },
): Promise<void> {
  meter.attempts++;
  const tls = { identity: { certificate: papers.cert, privateKey: papers.key }, authorities: papers.ca };
  const signal = AbortSignal.any([how.stop, AbortSignal.timeout(PATIENCE_MS + how.ms)]);
  const duplex = await dialer.dial(target, { localHost: from, timeoutMs: PATIENCE_MS, tls, signal });
  meter.connections++;
  try {
    const socket = connectWebSocket(duplex, { path: "/ws", clock, random, messageBytesMax: 1 << 26 });
    const session = await ChiaSession.open(socket, {
      role: "dialler",
      own: { networkId: "simulator0", nodeType: NodeType.FULL_NODE, softwareVersion: "2.7.5", serverPort: 8_444 },
      ownNodeId: sha256(new TextEncoder().encode(from)),
      peerNodeId: sha256(socket.peerCertificate ?? new Uint8Array()),
      clock,
      handshakeTimeoutMs: PATIENCE_MS,
      enforceRates: false,
      signal,
    });
    meter.handshakes++;
    const forged = new Map<number, Candidate>();
    const fetched = async (height: number) => {
      const asked = await session.request(requestBlock, { height, includeTransactionBlock: true }, PATIENCE_MS);
      return candidateOf(asked.data);
    };
    const timer = setTimeout(() => session.close(), how.ms);
    await session.run(async ({ message, id, data }) => {
      if (message.id === newPeak.id) {
        const { height } = newPeak.body.decode(data);
        const [parent, tip] = [await fetched(height - 1), await fetched(height)];
        const step = tip.block.rewardChainBlock.weight - parent.block.rewardChainBlock.weight;
        let last = tip;
        for (let i = 0; i < FORGED_BLOCKS; i++) {
          last = forgeOn(last, step + (how.spoils === true ? 7n : 0n));
          forged.set(last.block.rewardChainBlock.height, last);
        }
        const { height: top, weight } = last.block.rewardChainBlock;
        await session.send(newPeak, {
          headerHash: last.headerHash as NewPeak["headerHash"],
          height: top,
          weight,
          forkPointWithPreviousPeak: top - 1,
          unfinishedRewardBlockHash: new Uint8Array(32) as NewPeak["headerHash"],
        });
        meter.sent += FORGED_BLOCKS * last.raw.length;
      } else if (message.id === requestBlock.id) {
        const { height } = requestBlock.body.decode(data);
        const block = forged.get(height);
        if (block === undefined) await session.send(rejectBlock, { height }, id);
        else await session.sendBytes(respondBlock, block.raw, id);
      } else if (message.id === requestBlocks.id) {
        const { startHeight, endHeight } = requestBlocks.body.decode(data);
        await session.send(rejectBlocks, { startHeight, endHeight }, id);
      }
    });
    clearTimeout(timer);
  } finally {
    duplex.destroy();
  }
}

/** A header with the work of regtest on `parent`, for a body that there is not. */
export function forgedHeader(parent: Uint8Array, chance: Chance): BlockHeader {
  for (let nonce = 0;; nonce++) {
    const header = {
      version: 0x2000_0000,
      prevBlockHash: parent,
      merkleRoot: chance.bytes(32),
      // Later than what btcd mines in a row, and not too new.
      time: Math.floor(Date.now() / 1000) + 7_000,
      bits: 0x207f_ffff,
      nonce,
    } as BlockHeader;
    if (HeaderBatch.fromBytes(headerToBytes(header)).firstWithoutWork(regtest.pow) < 0) return header;
  }
}

const pack = (type: string, payload: Uint8Array) => packV1(regtest.magic, type, payload);

/** `headers` with these, as an announcement. */
export function headersMessage(headers: readonly BlockHeader[]): Uint8Array {
  return pack("headers", headersPayload(headers.length, (i) => headerToBytes(headers[i]!)));
}

/** `block` with this header and no transaction that belongs to it: the genesis one. */
export function forgedBlock(parent: Uint8Array, chance: Chance): Uint8Array {
  const body = regtest.genesis.blockBytes.subarray(80);
  return pack("block", Buffer.concat([headerToBytes(forgedHeader(parent, chance)), body]));
}

/** One visit of a liar on Bitcoin's side: it announces three headers on the tip that the node stands on, and asks for the tip. */
export async function lieOnBitcoin(
  target: Target,
  from: string,
  meter: Meter,
  chance: Chance,
  ms: number,
): Promise<void> {
  const wire = await Wire.open(target, from, meter);
  const timer = setTimeout(() => wire.close(), PATIENCE_MS + ms);
  try {
    const { promise: tip, resolve } = Promise.withResolvers<Uint8Array>();
    let heard = Buffer.alloc(0);
    wire.hear = (bytes) => {
      heard = Buffer.concat([heard, bytes]).subarray(-(1 << 20));
      // The first hash of the locator, after the name's field, length, checksum, version and count.
      const at = heard.indexOf("getheaders") + 12 + 4 + 4 + 4 + 1;
      if (at > 24 && heard.length >= at + 32) resolve(Uint8Array.from(heard.subarray(at, at + 32)));
    };
    await introduce(wire, "bitcoin", chance);
    meter.handshakes++;
    const hash = await Promise.race([tip, wire.end().then(() => undefined)]);
    if (hash === undefined) return;
    const headers: BlockHeader[] = [];
    for (let parent = hash, i = 0; i < FORGED_BLOCKS; i++) {
      headers.push(forgedHeader(parent, chance));
      parent = headerHash(headers.at(-1)!);
    }
    await wire.write(headersMessage(headers));
    await wire.write(pack("getdata", GetData.encode({ inventory: [{ type: InvType.WITNESS_BLOCK, hash }] })));
    await Promise.race([wire.end(), new Promise((done) => setTimeout(done, ms))]);
  } finally {
    clearTimeout(timer);
    wire.close();
  }
}
