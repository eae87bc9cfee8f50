/**
 * Methods about who may not connect.
 *
 * @see Bitcoin Core `rpc/net.cpp` (setban, listbanned, clearbanned)
 * @module
 */
import type { BitcoinService } from "../../bitcoin/service.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import { helpText, type Method, optional, required } from "./method.ts";
import { parseSubnet } from "./network-json.ts";

/** A ban that names no time holds for a day. */
const BAN_SECONDS = 86_400;

/** The methods. */
export const banMethods: readonly Method[] = [
  {
    name: "setban",
    category: "Network",
    summary: "Bans an address or a subnet, or lifts a ban. Peers that are connected from there are disconnected.",
    params: [
      required("subnet", "string", "An address, a subnet as 203.0.113.0/24, or a name of Tor or I2P"),
      required("command", "string", "add or remove"),
      optional("bantime", "number", "Seconds for which the ban holds, or the time at which it ends", "86400"),
      optional("absolute", "boolean", "Whether bantime is a time (seconds since 1970)", "false"),
    ],
    result: "null",
    examples: ["setban 192.0.2.6 add 86400", "setban 192.0.2.0/24 remove"],
    call(args, { context: { bitcoin } }) {
      const command = args.text(1);
      if (command !== "add" && command !== "remove") throw new JsonRpcError(RpcCode.misc, helpText(this));
      const subnet = parseSubnet(args.text(0));
      if (subnet === undefined) throw new JsonRpcError(RpcCode.invalidIpOrSubnet, "Error: Invalid IP/Subnet");
      if (command === "remove") {
        if (bitcoin.unban(subnet)) return null;
        throw new JsonRpcError(
          RpcCode.invalidIpOrSubnet,
          "Error: Unban failed. Requested address/subnet was not previously manually banned.",
        );
      }
      const isAbsolute = args.boolean(3, false);
      const seconds = args.wide(2, 0);
      const now = bitcoin.now();
      if (isAbsolute && seconds * 1000 < now) {
        throw invalidParameter("Error: Absolute timestamp is in the past");
      }
      const until = isAbsolute ? seconds * 1000 : now + (seconds > 0 ? seconds : BAN_SECONDS) * 1000;
      // An address within a banned subnet is banned already; a subnet within another is one of its own.
      if (args.text(0).includes("/") ? isBanned(bitcoin, subnet) : bitcoin.isBanned(subnet.replace(/\/\d+$/, ""))) {
        throw new JsonRpcError(RpcCode.nodeAlreadyAdded, "Error: IP/Subnet already banned");
      }
      bitcoin.ban(subnet, until, "by hand");
      if (!isBanned(bitcoin, subnet)) {
        throw new JsonRpcError(RpcCode.misc, `Error: ${subnet} is exempt from bans on this node`);
      }
      return null;
    },
  },
  {
    name: "listbanned",
    category: "Network",
    summary: "The bans that hold.",
    params: [],
    result: "[{address, ban_created, banned_until, ban_duration, time_remaining}, ...]    (array) in seconds",
    examples: ["listbanned"],
    call(_args, { context: { bitcoin } }) {
      const seconds = (ms: number) => Math.floor(ms / 1000);
      // A host that is only discouraged is not banned here either.
      return bitcoin.bans().filter(({ effect }) => effect === "ban").map(({ subnet, since, until }) => ({
        address: subnet,
        ban_created: seconds(since),
        banned_until: seconds(until),
        ban_duration: seconds(until) - seconds(since),
        time_remaining: seconds(until) - seconds(bitcoin.now()),
      }));
    },
  },
  {
    name: "clearbanned",
    category: "Network",
    summary: "Lifts all bans.",
    params: [],
    result: "null",
    examples: ["clearbanned"],
    call(_args, { context: { bitcoin } }) {
      bitcoin.clearBans();
      return null;
    },
  },
];

function isBanned(bitcoin: BitcoinService, subnet: string): boolean {
  return bitcoin.bans().some((ban) => ban.subnet === subnet && ban.effect === "ban");
}
