/**
 * What a node of either chain is told of the world that it lives in.
 *
 * @module
 */
import type { AddressBook } from "./addresses/book.ts";
import type { AddressRules } from "./addresses/rules.ts";
import type { Anchor } from "./dialling/anchors.ts";
import type { Listening } from "./listeners.ts";
import type { MovableClock } from "./movable-clock.ts";
import type { PermissionList } from "./peers/permissions.ts";
import type { Clock, PeerAddress } from "./ports.ts";
import type { Subnets } from "./subnets.ts";
import type { UploadTarget } from "./peers/upload-target.ts";

/** One line for the log. */
export type Notice = (level: "debug" | "info" | "warning" | "error", area: string, text: string) => void;

/** The peers that a node connects to, those that may connect to it, and where it reports. */
export interface NodeParts {
  readonly clock: Clock;
  /** The same clock, where it may be set. */
  readonly time?: MovableClock;
  readonly book: AddressBook;
  readonly rules: AddressRules;
  /** Hosts that are never banned; limits hold for them all the same. */
  readonly whitelist: Pick<Subnets, "has">;
  /** What hosts may do that others may not; nobody anything when absent. */
  readonly permissions?: PermissionList;
  /** Whether there may be connections from the start; so unless false. */
  readonly networkActive?: boolean;
  /** Whether loopback peers are free of limits and bans. */
  readonly loopbackExempt: boolean;
  /** Peers to keep a connection to, by name or address; when there are any, no others are dialled. */
  readonly connect: readonly PeerAddress[];
  /** Peers to keep a connection to beside those that are discovered. */
  readonly added?: readonly PeerAddress[];
  /** Peers of the last run, to be dialled first. */
  readonly anchors?: readonly Anchor[];
  /** DNS seeds in the place of the network's own. */
  readonly seeds?: readonly string[];
  /** Whether addresses that are built in may be used when nobody else is known; so unless false. */
  readonly usesFixedSeeds?: boolean;
  /** Nodes that are asked for addresses before any seed is, by visiting them. */
  readonly seedNodes?: readonly PeerAddress[];
  readonly visitNode?: (place: PeerAddress) => Promise<readonly PeerAddress[]>;
  /** Asks a seed by name for addresses, in the place of looking it up. */
  readonly visitSeed?: (name: string) => Promise<readonly PeerAddress[]>;
  /** Networks, by the names that the rules give them, of which addresses are dialled; all by default. */
  readonly networks?: readonly string[];
  /** The proxy that all connections go through, for RPC to tell. */
  readonly proxy?: PeerAddress;
  /** Looks a host name up. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** Where to accept peers; nowhere without addresses. */
  readonly listen: Listening;
  /** Our own address as others reach it, where the operator said it. */
  readonly externalHost?: string;
  /** How much may be uploaded; shared by all networks. */
  readonly upload: UploadTarget;
  /** Outgoing connections that are aimed at when peers are discovered. */
  readonly outbound: number;
  /** Inbound connections that may be shaking hands at once; 128 when absent. */
  readonly openingMax?: number;
  readonly notice: Notice;
}
