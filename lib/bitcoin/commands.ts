/**
 * What of {@link BitcoinService} changes something.
 *
 * @module
 */
import type { BitcoinService } from "./service.ts";

/** What only the node that writes the chain can do, or one with peers. */
export const COMMANDS = [
  ...["decide", "submitBlock", "submitHeader", "setNetworkActive", "connect", "addConnection", "sendTo"],
  ...["fetchBlock", "pruneTo", "addNode", "removeNode", "disconnect", "ban", "unban", "clearBans", "pingAll"],
] as const satisfies readonly (keyof BitcoinService)[];
