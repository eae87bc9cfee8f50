/**
 * Whole blocks.
 *
 * @module
 */
import { CodecError, within } from "../../codec/error.ts";
import type { Reader } from "../../codec/reader.ts";
import type { Writer } from "../../codec/writer.ts";
import { bytes, type Draft, type Infer, list, option, Program, struct, u32, u8 } from "../streamable/mod.ts";
import { Foliage, FoliageTransactionBlock, TransactionsInfo } from "./foliage.ts";
import { RewardChainBlock, RewardChainBlockUnfinished } from "./reward-chain.ts";
import { EndOfSubSlotBundle } from "./slots.ts";
import { VDFProof } from "./vdf.ts";

const refList = list(u32);

/** The four last fields of both block structs. `version` 0 has the generator as a program, 1 as plain bytes. */
const generatorFields = {
  transactionsGenerator: option(Program),
  transactionsGeneratorRefList: refList,
  transactionsGeneratorBuffer: option(bytes),
  version: u8,
};

interface GeneratorValue {
  readonly transactionsGenerator: Uint8Array | null;
  readonly transactionsGeneratorRefList: readonly number[];
  readonly transactionsGeneratorBuffer: Uint8Array | null;
  readonly version: number;
}

/**
 * Wire of the last fields: p, whose bit 0 tells that there is a generator and p >> 1 is the version. Version 0: the
 * generator as a Program, then the list of the heights that it refers to. Version 1: the generator with a u32 length,
 * and no list.
 */
const generatorLayout = {
  from: "transactionsGenerator" as const,
  minSize: 1,
  read(reader: Reader, into: Draft<GeneratorValue>): void {
    let field = "version";
    try {
      const prefix = reader.u8();
      const version = prefix >> 1;
      if (version > 1) throw new CodecError("version", `version ${version} is not known`, reader.offset - 1);
      const present = (prefix & 1) === 1;
      field = version === 0 ? "transactions_generator" : "transactions_generator_buffer";
      into.transactionsGenerator = present && version === 0 ? Program.read(reader) : null;
      const buffer = present && version === 1 ? bytes.read(reader) : null;
      field = "transactions_generator_ref_list";
      into.transactionsGeneratorRefList = version === 0 ? refList.read(reader) : [];
      into.transactionsGeneratorBuffer = buffer;
      into.version = version;
    } catch (thrown) {
      throw within(field, thrown);
    }
  },
  write(writer: Writer, value: GeneratorValue): void {
    const { version, transactionsGenerator: program, transactionsGeneratorBuffer: buffer } = value;
    if (version !== 0 && version !== 1) throw new CodecError("value", `version ${version} is not known`);
    if (version === 0) {
      writer.u8(program === null ? 0 : 1);
      if (program !== null) Program.write(writer, program);
      refList.write(writer, value.transactionsGeneratorRefList);
    } else {
      writer.u8(2 | (buffer === null ? 0 : 1));
      if (buffer !== null) bytes.write(writer, buffer);
    }
  },
};

/**
 * A block with everything: proofs of space and time, foliage and the generator of its transactions. Its header hash is
 * the hash of `foliage`. `transactionsInfo`, `foliageTransactionBlock` and a generator come only in transaction blocks.
 * Generator and reference list are told apart by `version`, whose only value in consensus today is 0.
 */
export const FullBlock = struct("FullBlock", {
  finishedSubSlots: list(EndOfSubSlotBundle),
  rewardChainBlock: RewardChainBlock,
  challengeChainSpProof: option(VDFProof),
  challengeChainIpProof: VDFProof,
  rewardChainSpProof: option(VDFProof),
  rewardChainIpProof: VDFProof,
  infusedChallengeChainIpProof: option(VDFProof),
  foliage: Foliage,
  foliageTransactionBlock: option(FoliageTransactionBlock),
  transactionsInfo: option(TransactionsInfo),
  ...generatorFields,
}, generatorLayout);
/** The value of the struct of this name. */
export type FullBlock = Infer<typeof FullBlock>;

/** A block before a timelord infused it: as {@link FullBlock} without what the infusion point adds. */
export const UnfinishedBlock = struct("UnfinishedBlock", {
  finishedSubSlots: list(EndOfSubSlotBundle),
  rewardChainBlock: RewardChainBlockUnfinished,
  challengeChainSpProof: option(VDFProof),
  rewardChainSpProof: option(VDFProof),
  foliage: Foliage,
  foliageTransactionBlock: option(FoliageTransactionBlock),
  transactionsInfo: option(TransactionsInfo),
  ...generatorFields,
}, generatorLayout);
/** The value of the struct of this name. */
export type UnfinishedBlock = Infer<typeof UnfinishedBlock>;
