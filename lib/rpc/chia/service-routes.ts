/**
 * The routes that every service of the reference has: connections, version, log level, stop.
 *
 * @see chia-blockchain 2.7.5 `chia/rpc/rpc_server.py`
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { PeerView } from "../../chia/service.ts";
import type { Json, JsonObject } from "../../codec/json.ts";
import type { LogLevel } from "../../config.ts";
import { addressText } from "../../core/address-text.ts";
import { messageOf } from "../../core/errors.ts";
import { RpcError } from "../errors.ts";
import { item, optional, pythonRepr, toBytes, toUint } from "./arguments.ts";
import type { ChiaRoutes, ChiaRpcContext } from "./route.ts";

/** Python's levels in its order, and ours for each. */
const LEVELS: Readonly<Record<string, LogLevel>> = {
  CRITICAL: "fatal",
  FATAL: "fatal",
  ERROR: "error",
  WARN: "warning",
  WARNING: "warning",
  INFO: "info",
  DEBUG: "debug",
  NOTSET: "debug",
};
const PYTHON_NAMES = {
  fatal: "CRITICAL",
  error: "ERROR",
  warning: "WARNING",
  info: "INFO",
  debug: "DEBUG",
} as const satisfies Record<LogLevel, string>;

function levelAnswer({ log }: ChiaRpcContext): JsonObject {
  return { success: true, level: PYTHON_NAMES[log.level()], available_levels: Object.keys(LEVELS) };
}

function setLevel(context: ChiaRpcContext, wanted: Json): JsonObject {
  const level = typeof wanted === "string" && Object.hasOwn(LEVELS, wanted) ? LEVELS[wanted]! : undefined;
  context.log.set(level ?? "warning");
  const errors = level !== undefined ? [] : [
    `Invalid log level ${pythonRepr(wanted)} for chia_full_node. Defaulting to: WARNING. ` +
    `Error: Unknown level: ${pythonRepr(wanted)}`,
  ];
  return { ...levelAnswer(context), success: errors.length === 0, errors };
}

/** One connection as `get_connections` prints it. */
export function connectionJson(peer: PeerView): JsonObject {
  return {
    type: peer.type,
    local_port: peer.localPort,
    peer_host: peer.host,
    peer_port: peer.port,
    peer_server_port: peer.serverPort,
    node_id: "0x" + toHex(peer.nodeId),
    creation_time: peer.creationTime,
    bytes_read: peer.bytesRead,
    bytes_written: peer.bytesWritten,
    last_message_time: peer.lastMessageTime,
    peak_height: peer.peakHeight ?? null,
    peak_weight: peer.peakWeight ?? null,
    peak_hash: peer.peakHash === undefined ? null : "0x" + toHex(peer.peakHash),
  };
}

/** The routes about the service itself. */
export const nodeRoutes = {
  get_connections(request, { chia }) {
    let peers = chia.peers();
    const wanted = optional(request, "node_type");
    if (wanted !== undefined) {
      const type = Number(wanted);
      // An enum of Python takes whole numbers from 1 to 8, however written (1.0, True), and no text.
      if (typeof wanted === "string" || typeof wanted === "object" || !Number.isInteger(type) || type < 1 || type > 8) {
        throw new RpcError("UNKNOWN", `${pythonRepr(wanted)} is not a valid NodeType`);
      }
      peers = peers.filter((peer) => peer.type === type);
    }
    return Promise.resolve({ connections: peers.map(connectionJson) });
  },

  async open_connection(request, { chia }) {
    const host = item(request, "host");
    const port = toUint(item(request, "port"), 16);
    if (typeof host !== "string") throw new RpcError("UNKNOWN", "host must be a text");
    try {
      await chia.connect(host, port);
      return { success: true };
    } catch (cause) {
      return { success: false, error: `could not connect to ${addressText({ host, port })}: ${messageOf(cause)}` };
    }
  },

  async close_connection(request, { chia }) {
    const nodeId = toBytes(item(request, "node_id"));
    if (!await chia.disconnect(nodeId)) {
      throw new RpcError("UNKNOWN", `Connection with node_id ${toHex(nodeId)} does not exist`);
    }
    return {};
  },

  stop_node(_request, context) {
    context.stop();
    return Promise.resolve({});
  },

  get_version: (_request, { version }) => Promise.resolve({ version }),
  healthz: () => Promise.resolve({ success: true }),
  get_log_level: (_request, context) => Promise.resolve(levelAnswer(context)),
  set_log_level: (request, context) => Promise.resolve(setLevel(context, item(request, "level"))),
  reset_log_level: (_request, context) => Promise.resolve(setLevel(context, PYTHON_NAMES[context.log.configured])),
} as const satisfies ChiaRoutes;
