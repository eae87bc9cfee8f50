/**
 * All messages, by number and by name.
 *
 * @module
 */
import * as farmer from "./farmer.ts";
import * as fullNode from "./full-node.ts";
import * as fullNodeData from "./full-node-data.ts";
import * as harvester from "./harvester.ts";
import * as introducer from "./introducer.ts";
import * as plotSync from "./plot-sync.ts";
import * as shared from "./shared.ts";
import * as solver from "./solver.ts";
import * as timelord from "./timelord.ts";
import * as wallet from "./wallet.ts";
import * as walletChain from "./wallet-chain.ts";
import * as walletCoins from "./wallet-coins.ts";
import type { Message } from "./message.ts";

/** Every message of the protocol, in order of their numbers. */
export const messages: readonly Message[] = [
  ...Object.values(farmer),
  ...Object.values(fullNode),
  ...Object.values(fullNodeData),
  ...Object.values(harvester),
  ...Object.values(introducer),
  ...Object.values(plotSync),
  ...Object.values(shared),
  ...Object.values(solver),
  ...Object.values(timelord),
  ...Object.values(wallet),
  ...Object.values(walletChain),
  ...Object.values(walletCoins),
].sort((a, b) => a.id - b.id);

const byId: (Message | undefined)[] = [];
const byName = new Map<string, Message>();
for (const message of messages) {
  if (byId[message.id] !== undefined || byName.has(message.name)) throw new TypeError(`two messages ${message.name}`);
  byId[message.id] = message;
  byName.set(message.name, message);
}

/** The message with this number, if there is one. */
export function messageById(id: number): Message | undefined {
  return byId[id];
}

/** The message with the reference's name, such as `request_block`, if there is one. */
export function messageByName(name: string): Message | undefined {
  return byName.get(name);
}
