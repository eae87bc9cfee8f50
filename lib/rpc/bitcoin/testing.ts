/**
 * Methods for tests of a node. As in Core, `help` lists none of them, and tells of each when it is named.
 *
 * @see Bitcoin Core `rpc/net.cpp` (addconnection, addpeeraddress, sendmsgtopeer), `rpc/node.cpp` (setmocktime,
 *   mockscheduler, echo, echojson), `rpc/blockchain.cpp` (syncwithvalidationinterfacequeue)
 * @module
 */
import { fromHex } from "../../codec/hex.ts";
import { parsePlace } from "../../bitcoin/peers/added-nodes.ts";
import type { BitcoinService, MadeConnection } from "../../bitcoin/service.ts";
import { parseHost, ServiceFlag } from "../../bitcoin/types/mod.ts";
import type { MovableClock } from "../../core/movable-clock.ts";
import { isHex } from "./arguments.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import type { RpcJson } from "./json.ts";
import { type BitcoinRpcContext, helpText, type Method, optional, required } from "./method.ts";
import { addressBookOf } from "./network-json.ts";

/** The longest type of a message. */
const TYPE_CHARS_MAX = 12;
/** Seconds; what Core's nanoseconds can hold. */
const MOCK_TIME_MAX = 9_223_372_036;
const FORWARD_SECONDS_MAX = 3_600;
const ECHO_ARGUMENTS = 10;

const MADE: readonly MadeConnection[] = ["outbound-full-relay", "block-relay-only", "feeler"];

/** The clock of a network for tests. Throws −1 elsewhere. */
function movableClock({ time }: BitcoinService, method: string): MovableClock {
  if (time !== undefined) return time;
  throw new JsonRpcError(RpcCode.misc, `${method} is for regression testing (-regtest mode) only`);
}

function echoMethod(name: "echo" | "echojson"): Method {
  return {
    name,
    category: "Util",
    isHidden: true,
    summary: "Gives its arguments back. For tests.",
    params: Array.from({ length: ECHO_ARGUMENTS }, (_, i) => ({
      ...optional(`arg${i}`, name === "echo" ? "string" : "any", "Anything"),
      // A word of the command line is text for echo and JSON for echojson; over RPC both take anything.
      isUnchecked: true,
    })),
    result: "[...]    (array) the arguments",
    examples: [`${name} 1`],
    call: (args) => Array.from({ length: args.length }, (_, i) => args.at(i) as RpcJson),
  };
}

/** The methods. */
export const testingMethods: readonly Method[] = [
  echoMethod("echo"),
  echoMethod("echojson"),
  {
    name: "addconnection",
    category: "Network",
    isHidden: true,
    summary: "Opens a connection of a type that the node makes by itself (regtest only).",
    params: [
      required("address", "string", "The address, host:port"),
      required("connection_type", "string", "outbound-full-relay, block-relay-only or feeler; not addr-fetch"),
      required("v2transport", "boolean", "Whether the encrypted transport is tried"),
    ],
    result: "{address, connection_type}    (object)",
    examples: ["addconnection 192.0.2.6:18444 outbound-full-relay true"],
    call(args, { context: { bitcoin } }) {
      if (bitcoin.network.chain !== "regtest") {
        throw new JsonRpcError(RpcCode.misc, "addconnection is for regression testing (-regtest mode) only.");
      }
      const address = args.text(0);
      const given = args.text(1).trim();
      const type = MADE.find((each) => each === given);
      if (type === undefined) throw invalidParameter(helpText(this));
      const isV2 = args.boolean(2, true);
      if (isV2 && (bitcoin.services & ServiceFlag.P2P_V2) === 0n) {
        throw invalidParameter("Error: Adding v2transport connections requires -v2transport init flag to be set.");
      }
      const place = parsePlace(address, bitcoin.network.defaultPort);
      if (!bitcoin.addConnection(place, type, { v1Only: !isV2 })) {
        throw new JsonRpcError(
          RpcCode.nodeCapacityReached,
          "Error: Already at capacity for specified connection type.",
        );
      }
      return { address, connection_type: type };
    },
  },
  {
    name: "addpeeraddress",
    category: "Network",
    isHidden: true,
    summary: "Adds the address of a node to the address book. For tests.",
    params: [
      required("address", "string", "The IP address, or name of Tor or I2P"),
      required("port", "number", "The port"),
      optional("tried", "boolean", "Whether it goes to the tried table", "false"),
    ],
    result: '{error, success}    (object) error, when it was not added: "failed-adding-to-new" or "…-tried"',
    examples: ["addpeeraddress 1.2.3.4 8333 true"],
    call: (args, { context }) => addAddress(context, args.text(0), args.integer(1), args.boolean(2, false)),
  },
  {
    name: "sendmsgtopeer",
    category: "Network",
    isHidden: true,
    summary: "Sends a message of any type and bytes to a peer. For tests.",
    params: [
      required("peer_id", "number", "The peer"),
      required("msg_type", "string", "The type of the message"),
      required("msg", "hex", "Its payload"),
    ],
    result: "{}    (object)",
    examples: ["sendmsgtopeer 0 addr ffffff"],
    call(args, { context: { bitcoin } }) {
      const id = args.wide(0, -1);
      const type = args.text(1);
      if (type.length > TYPE_CHARS_MAX) {
        throw invalidParameter(`Error: msg_type too long, max length is ${TYPE_CHARS_MAX}`);
      }
      const text = args.text(2);
      if (text !== "" && !isHex(text)) throw invalidParameter("Error parsing input for msg");
      if (!bitcoin.sendTo(id, type, fromHex(text.toLowerCase()))) {
        throw new JsonRpcError(RpcCode.misc, "Error: Could not send message to peer");
      }
      return {};
    },
  },
  {
    name: "setmocktime",
    category: "Control",
    isHidden: true,
    summary: "Stops the Bitcoin side's clock at a time (regtest only).",
    params: [required("timestamp", "number", "Seconds since 1970; 0 to go back to the system's time")],
    result: "null",
    examples: ["setmocktime 1700000000"],
    call(args, { context: { bitcoin } }) {
      const clock = movableClock(bitcoin, "setmocktime");
      const seconds = args.wide(0, 0);
      if (seconds < 0 || seconds > MOCK_TIME_MAX) {
        throw invalidParameter(`Mocktime must be in the range [0, ${MOCK_TIME_MAX}], not ${seconds}.`);
      }
      clock.setTime(seconds === 0 ? undefined : seconds * 1000);
      return null;
    },
  },
  {
    name: "mockscheduler",
    category: "Control",
    isHidden: true,
    summary: "Brings what the Bitcoin side does by the clock forward (regtest only).",
    params: [required("delta_time", "number", "By how many seconds")],
    result: "null",
    examples: ["mockscheduler 60"],
    call(args, { context: { bitcoin } }) {
      const clock = movableClock(bitcoin, "mockscheduler");
      const seconds = args.wide(0, 0);
      if (seconds <= 0 || seconds > FORWARD_SECONDS_MAX) {
        throw new JsonRpcError(RpcCode.misc, "delta_time must be between 1 and 3600 seconds (1 hr)");
      }
      clock.forward(seconds * 1000);
      return null;
    },
  },
  {
    name: "syncwithvalidationinterfacequeue",
    category: "Blockchain",
    isHidden: true,
    summary: "Waits until everything that was taken in so far is stored and told.",
    params: [],
    result: "null",
    examples: ["syncwithvalidationinterfacequeue"],
    async call(_args, { context: { bitcoin } }) {
      await bitcoin.settled();
      return null;
    },
  },
];

/** Puts an address into the book as if it had told of itself. */
function addAddress(context: BitcoinRpcContext, host: string, port: number, tried: boolean): RpcJson {
  if (port < 0 || port > 0xffff) throw new JsonRpcError(RpcCode.misc, "JSON integer out of range");
  if (parseHost(host) === undefined) throw new JsonRpcError(RpcCode.invalidIpOrSubnet, "Invalid IP address");
  const book = addressBookOf(context);
  const address = { host, port };
  const timeS = Math.floor(context.bitcoin.now() / 1000);
  const services = ServiceFlag.NETWORK | ServiceFlag.WITNESS;
  const { added } = book.learn([{ ...address, services, timeS }], host, { unlimited: true });
  if (added === 0) return { error: "failed-adding-to-new", success: false };
  if (!tried) return { success: true };
  book.good(address);
  return book.find(address)?.isTried === true ? { success: true } : { error: "failed-adding-to-tried", success: false };
}
