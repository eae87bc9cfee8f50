/**
 * Messages that tell of other peers.
 *
 * @module
 */
import { struct, vector } from "../codec/mod.ts";
import { NetAddressV2, TimedNetAddress } from "../types/net-address.ts";
import { type AnyMessage, type Message, message } from "./message.ts";

/** Addresses in one message (Core's MAX_ADDR_TO_SEND). */
export const ADDRESSES_MAX = 1_000;

/** Asks for addresses. Answered once a connection, and only by who was dialled. */
export const GetAddr: Message<"getaddr", Readonly<Record<never, never>>> = message({
  type: "getaddr",
  summary: "Asks for addresses of peers.",
  source: "Bitcoin Core net_processing.cpp",
  replies: (): readonly AnyMessage[] => [Addr, AddrV2],
  body: struct("getaddr", {}),
});

/** Addresses of IPv4 and IPv6. */
export const Addr = message({
  type: "addr",
  shortId: 1,
  summary: "Addresses of peers, as IPv6.",
  source: "Bitcoin Core net_processing.cpp",
  excess: "discourage",
  body: struct("addr", { addresses: vector(TimedNetAddress, ADDRESSES_MAX) }),
});

/**
 * Addresses of any network. Entries of unknown networks are decoded too: who uses the list passes over what
 * `isKnownNetwork` does not know.
 */
export const AddrV2 = message({
  type: "addrv2",
  shortId: 28,
  summary: "Addresses of peers, on any network.",
  source: "BIP155",
  sinceVersion: 70016,
  excess: "discourage",
  body: struct("addrv2", { addresses: vector(NetAddressV2, ADDRESSES_MAX) }),
});
