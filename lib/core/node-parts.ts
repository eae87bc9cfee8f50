/**
 * What a node of either chain is told of the world that it lives in.
 *
 * @module
 */
import type { AddressBook } from "./addresses.ts";
import type { AddressRules } from "./addresses/rules.ts";
import type { Clock, Listener, ListenOptions, PeerAddress } from "./ports.ts";

/** One line for the log. */
export type Notice = (level: "debug" | "info" | "warning" | "error", area: string, text: string) => void;

/** Whom a node connects to, who may connect to it, and to whom it reports. */
export interface NodeParts {
  readonly clock: Clock;
  readonly book: AddressBook;
  readonly rules: AddressRules;
  /** Whether loopback peers are free of limits and bans. */
  readonly loopbackExempt: boolean;
  /** Peers to keep a connection to, by name or address; when there are any, no others are dialled. */
  readonly connect: readonly PeerAddress[];
  /** Peers to keep a connection to beside those that are discovered. */
  readonly added?: readonly PeerAddress[];
  /** DNS seeds in the place of the network's own. */
  readonly seeds?: readonly string[];
  /** Networks, by the names that the rules give them, of which addresses are dialled; all by default. */
  readonly networks?: readonly string[];
  /** The proxy that all connections go through, for RPC to tell. */
  readonly proxy?: PeerAddress;
  /** Looks a host name up. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** Where to accept peers. */
  readonly listen?: { readonly address: PeerAddress; readonly open: (options: ListenOptions) => Promise<Listener> };
  /** Our own address as others reach it, where the operator said it. */
  readonly externalHost?: string;
  /** Outgoing connections that are aimed at when peers are discovered. */
  readonly outbound: number;
  readonly notice: Notice;
}
