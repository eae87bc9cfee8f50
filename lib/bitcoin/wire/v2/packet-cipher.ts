/**
 * Packets of BIP324: what two keys agree on, and how contents are sealed with it.
 *
 * @see BIP324, "Overall packet encryption" and "Keys and session ID derivation"
 * @module
 */
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { LENGTH_BYTES, LengthCipher, PacketAead, TAG_BYTES } from "./ciphers.ts";
import { type EphemeralKey, sharedSecret } from "./elligator-swift.ts";

/** The byte before the contents of every packet. */
export const HEADER_BYTES = 1;
/** Bytes of a packet beside its contents. */
export const PACKET_OVERHEAD_BYTES = LENGTH_BYTES + HEADER_BYTES + TAG_BYTES;
/** The length of what ends a side's garbage. */
export const TERMINATOR_BYTES = 16;

/** The bit of the header byte that marks a decoy. The other bits mean nothing yet and are ignored. */
const IGNORE_BIT = 0x80;
const SALT_PREFIX = "bitcoin_v2_shared_secret";
const NOTHING = new Uint8Array();
const utf8 = new TextEncoder();

/** One packet after decryption. */
export interface OpenedPacket {
  /** True for a decoy, which is thrown away. */
  readonly ignore: boolean;
  readonly contents: Uint8Array;
}

/** The keys, the role (initiator or not) and the network. */
export interface PacketCipherOptions {
  readonly own: EphemeralKey;
  /** The other side's encoded key, 64 bytes. */
  readonly theirs: Uint8Array;
  /** True for the side that made the connection. */
  readonly initiator: boolean;
  /** The network's magic, 4 bytes in wire order. */
  readonly magic: Uint8Array;
}

/** Both directions of one connection's encryption. Packets must be sealed and opened in the order of the wire. */
export class PacketCipher {
  readonly sendTerminator: Uint8Array;
  readonly receiveTerminator: Uint8Array;
  /** 32 bytes, the same at both ends and only there: comparing them over another way shows a man in the middle. */
  readonly sessionId: Uint8Array;
  readonly #sendLength: LengthCipher;
  readonly #sendPacket: PacketAead;
  readonly #receiveLength: LengthCipher;
  readonly #receivePacket: PacketAead;

  constructor({ own, theirs, initiator, magic }: PacketCipherOptions) {
    const salt = new Uint8Array(SALT_PREFIX.length + magic.length);
    salt.set(utf8.encode(SALT_PREFIX));
    salt.set(magic, SALT_PREFIX.length);
    const secret = sharedSecret(own, theirs, initiator);
    const prk = extract(sha256, secret, salt);
    const derive = (info: string) => expand(sha256, prk, utf8.encode(info), 32);
    const [sender, receiver] = initiator ? ["initiator", "responder"] : ["responder", "initiator"];
    this.#sendLength = new LengthCipher(derive(`${sender}_L`));
    this.#sendPacket = new PacketAead(derive(`${sender}_P`));
    this.#receiveLength = new LengthCipher(derive(`${receiver}_L`));
    this.#receivePacket = new PacketAead(derive(`${receiver}_P`));
    const terminators = derive("garbage_terminators");
    const ofInitiator = terminators.subarray(0, TERMINATOR_BYTES);
    const ofResponder = terminators.subarray(TERMINATOR_BYTES);
    this.sendTerminator = initiator ? ofInitiator : ofResponder;
    this.receiveTerminator = initiator ? ofResponder : ofInitiator;
    this.sessionId = derive("session_id");
    secret.fill(0);
    prk.fill(0);
  }

  /**
   * The next packet to send. Its contents are `head` followed by `tail`, so that a payload need not be copied behind
   * its type first.
   */
  seal(head: Uint8Array, tail: Uint8Array = NOTHING, options: { aad?: Uint8Array; ignore?: boolean } = {}): Uint8Array {
    const length = head.length + tail.length;
    // One byte in front that is not sent puts what is encrypted at a multiple of four, which the cipher is quicker on.
    const packet = new Uint8Array(1 + PACKET_OVERHEAD_BYTES + length).subarray(1);
    packet[0] = length;
    packet[1] = length >>> 8;
    packet[2] = length >>> 16;
    this.#sendLength.apply(packet, 0);
    if (options.ignore === true) packet[LENGTH_BYTES] = IGNORE_BIT;
    packet.set(head, LENGTH_BYTES + HEADER_BYTES);
    packet.set(tail, LENGTH_BYTES + HEADER_BYTES + head.length);
    this.#sendPacket.seal(packet.subarray(LENGTH_BYTES), options.aad);
    return packet;
  }

  /**
   * The length of the contents of the next packet, from its first {@link LENGTH_BYTES} bytes, which are decrypted in
   * place. Nothing vouches for it yet.
   */
  openLength(field: Uint8Array): number {
    this.#receiveLength.apply(field, 0);
    return field[0]! | (field[1]! << 8) | (field[2]! << 16);
  }

  /**
   * Decrypts what follows the length: header, contents and tag. Undefined when it is not what the other side sealed.
   *
   * @param inPlace true when `body` may be overwritten; the contents then lie in it
   */
  open(body: Uint8Array, aad: Uint8Array | undefined, inPlace: boolean): OpenedPacket | undefined {
    const length = body.length - TAG_BYTES;
    const plain = inPlace ? body.subarray(0, length) : new Uint8Array(length);
    if (!this.#receivePacket.open(body, plain, aad)) return undefined;
    return { ignore: (plain[0]! & IGNORE_BIT) !== 0, contents: plain.subarray(HEADER_BYTES) };
  }
}
