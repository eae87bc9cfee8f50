/**
 * The messages of the handshake, and what is agreed on in it.
 *
 * @module
 */
import { bool, i32, i64, struct, tail, u32, u64, varBytes, varString } from "../codec/mod.ts";
import { NetAddress } from "../types/net-address.ts";
import { message } from "./message.ts";

/** The longest user agent that is read (Core's MAX_SUBVERSION_LENGTH). */
export const USER_AGENT_BYTES_MAX = 256;

const EMPTY = struct("empty", {});

/**
 * The first message of either side. All from `addrFrom` on may be missing from the end, `null` then; a missing `relay`
 * means true. `timestamp` in seconds since 1970, `services` as in {@link ServiceFlag}.
 */
export const Version = message({
  type: "version",
  summary: "Opens the handshake: protocol version, services, nonce against connections to oneself.",
  source: "Bitcoin Core net_processing.cpp; BIP14, BIP37 (relay)",
  phase: "handshake",
  body: struct("version", {
    version: i32,
    services: u64,
    timestamp: i64,
    addrRecv: NetAddress,
    addrFrom: tail(NetAddress),
    nonce: tail(u64),
    userAgent: tail(varString(USER_AGENT_BYTES_MAX)),
    startHeight: tail(i32),
    relay: tail(bool),
  }),
});

/** Accepts the other side's version. */
export const Verack = message({
  type: "verack",
  summary: "Accepts the version; ends the negotiation of features.",
  source: "Bitcoin Core net_processing.cpp",
  phase: "handshake",
  body: EMPTY,
});

/** Transactions are announced by wtxid. */
export const WtxidRelay = message({
  type: "wtxidrelay",
  summary: "Announces transactions by wtxid when both sides say it.",
  source: "BIP339",
  phase: "negotiation",
  sinceVersion: 70016,
  body: EMPTY,
});

/** `addrv2` is understood. */
export const SendAddrV2 = message({
  type: "sendaddrv2",
  summary: "Asks for addrv2 in place of addr.",
  source: "BIP155",
  phase: "negotiation",
  sinceVersion: 70016,
  body: EMPTY,
});

/** Offers reconciliation of transactions; decoded, and ignored. */
export const SendTxRcncl = message({
  type: "sendtxrcncl",
  summary: "Offers reconciliation of transaction announcements; nothing here does it.",
  source: "BIP330",
  phase: "negotiation",
  sinceVersion: 70016,
  sent: false,
  body: struct("sendtxrcncl", { version: u32, salt: u64 }),
});

/** Announces an optional feature. The one message whose faults disconnect and which nothing may follow. */
export const Feature = message({
  type: "feature",
  shortId: 37,
  summary: "Announces a feature by its id; unknown ids are ignored.",
  source: "BIP434",
  phase: "negotiation",
  sinceVersion: 70017,
  malformed: "disconnect",
  excess: "disconnect",
  strictEnd: true,
  body: struct("feature", { featureId: varString(80, 4), data: varBytes(512) }),
});
