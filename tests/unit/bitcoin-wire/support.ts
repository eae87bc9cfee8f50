/** Hashes by another library than the code under test uses them through. */
import { sha256 } from "@noble/hashes/sha2.js";
import { fromHex } from "../../../lib/codec/hex.ts";

/** Twice SHA-256 of hex. */
export const sha256dOf = (hex: string): Uint8Array => sha256(sha256(fromHex(hex)));

/** A node of a Merkle tree. */
export const merkleNode = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  sha256(sha256(Uint8Array.of(...left, ...right)));
