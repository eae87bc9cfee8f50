/**
 * Proofs of space.
 *
 * @module
 */
import { CodecError, within } from "../../codec/error.ts";
import { array, bytes, bytes32, g1, HashWriter, type Infer, option, struct, u16, u64, u8 } from "../streamable/mod.ts";

/**
 * A proof that a plot answers a challenge. Version 0 is the classic plot format with its `size` (k); version 1 the new
 * one with `plotIndex`, `metaGroup` and `strength`. Fields that a version does not have are 0.
 *
 * Wire (Streamable): challenge 32 ‖ pool public key opt 48 ‖ p ‖ [contract puzzle hash 32 if bit 0 of p] ‖ plot public
 * key 48 ‖ fields of version p >> 1 ‖ proof (u32 length). Version 1 must have exactly one of the two pool fields.
 *
 * The hash of a version 1 proof covers the proof's quality string instead of the proof, so it throws {@link CodecError}
 * `hash` here.
 */
export const ProofOfSpace = struct("ProofOfSpace", {
  challenge: bytes32,
  poolPublicKey: option(g1),
  poolContractPuzzleHash: option(bytes32),
  plotPublicKey: g1,
  version: u8,
  plotIndex: u16,
  metaGroup: u8,
  strength: u8,
  size: u8,
  proof: bytes,
}, {
  from: "poolContractPuzzleHash",
  minSize: 1 + 48 + 1 + 4,
  read(reader, into) {
    let field = "version";
    try {
      const prefix = reader.u8();
      const version = prefix >> 1;
      if (version > 1) throw new CodecError("version", `version ${version} is not known`, reader.offset - 1);
      const pools = (prefix & 1) + (into.poolPublicKey === null ? 0 : 1);
      if (version === 1 && pools !== 1) {
        throw new CodecError("version", "version 1 needs one pool key or contract", reader.offset - 1);
      }
      field = "pool_contract_puzzle_hash";
      into.poolContractPuzzleHash = prefix & 1 ? bytes32.read(reader) : null;
      field = "plot_public_key";
      into.plotPublicKey = g1.read(reader);
      field = version === 0 ? "size" : "plot_index";
      into.version = version;
      into.plotIndex = version === 0 ? 0 : reader.u16();
      into.metaGroup = version === 0 ? 0 : reader.u8();
      into.strength = version === 0 ? 0 : reader.u8();
      into.size = version === 0 ? reader.u8() : 0;
      field = "proof";
      into.proof = bytes.read(reader);
    } catch (thrown) {
      throw within(field, thrown);
    }
  },
  write(writer, value) {
    const { poolContractPuzzleHash: contract, version } = value;
    if (version !== 0 && version !== 1) throw new CodecError("value", `version ${version} is not known`);
    if (version === 1) {
      if (writer instanceof HashWriter) {
        throw new CodecError(
          "hash",
          "a version 2 plot's proof is hashed by its quality string, which is not known here",
        );
      }
      if ((value.poolPublicKey === null) === (contract === null)) {
        throw new CodecError("value", "version 1 needs one pool key or contract");
      }
    }
    writer.u8(version << 1 | (contract === null ? 0 : 1));
    if (contract !== null) bytes32.write(writer, contract);
    g1.write(writer, value.plotPublicKey);
    if (version === 0) {
      u8.write(writer, value.size);
    } else {
      u16.write(writer, value.plotIndex);
      u8.write(writer, value.metaGroup);
      u8.write(writer, value.strength);
    }
    bytes.write(writer, value.proof);
  },
});
/** The value of the struct of this name. */
export type ProofOfSpace = Infer<typeof ProofOfSpace>;

/** A proof of a new-format plot before a solver completed it. Wire (Streamable): 16 × u64 without a count. */
export const PartialProof = struct("PartialProof", { fragments: array(u64, 16) });
/** The value of the struct of this name. */
export type PartialProof = Infer<typeof PartialProof>;
