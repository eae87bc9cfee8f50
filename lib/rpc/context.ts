/**
 * What the routes are given. Ports only: no route knows a socket, a file or a clock of its own.
 *
 * @module
 */
import type { BitcoinService } from "../bitcoin/service.ts";
import type { ChiaService } from "../chia/service.ts";
import type { LiveEvents } from "../core/events/live.ts";
import type { EventHints } from "../core/events/reader.ts";
import type { MemoryBudget } from "../core/peers/memory-budget.ts";
import type { Clock, Workers } from "../core/ports.ts";
import type { UploadTarget } from "../core/peers/upload-target.ts";
import type { LogLevel } from "../config.ts";
import type { EventGroups } from "../storage/event-groups.ts";
import type { EventLog, LiveNodeEvent } from "../storage/events.ts";
import type { WebhookState } from "../webhooks/webhook.ts";
import type { BitcoinMiner } from "./bitcoin/miner.ts";
import type { ChainHandle } from "./chain-handle.ts";

/** Reads and changes how much is logged while the node runs. */
export interface LogControl {
  level(): LogLevel;
  set(level: LogLevel): void;
  /** The level of the configuration. */
  readonly configured: LogLevel;
}

/** Which implementation of heavy arithmetic runs. */
export interface EngineState {
  /** By topic: `secp256k1`, `bls12-381`, `class-group`. */
  readonly topics: ReadonlyMap<string, string>;
  /** Quicker ones that could not be made, or whose known answers were wrong. */
  readonly passedOver: readonly string[];
}

/** The running node as RPC sees it. */
export interface RpcContext {
  /** Every chain that runs, in the order of the configuration. */
  readonly chains: readonly ChainHandle[];
  readonly chia?: ChiaService;
  readonly bitcoin?: BitcoinService;
  /** Makes Bitcoin blocks, where the node does. */
  readonly miner?: BitcoinMiner;
  /** What peers may hold together, and upload. */
  readonly memory: Pick<MemoryBudget, "used" | "bytesMax">;
  readonly upload: Pick<UploadTarget, "state">;
  /** Does what would keep others waiting. */
  readonly workers: Workers;
  /** Which heavy arithmetic there is; undefined in a node that has none, and before it was tried. */
  readonly engine?: () => EngineState | undefined;
  readonly events: EventLog;
  readonly hints: EventHints;
  /** Consumers that share the log. */
  readonly groups?: () => Promise<EventGroups>;
  /** Receivers that events are sent to. */
  readonly webhooks?: () => readonly WebhookState[];
  /** Events that are not kept. */
  readonly live?: LiveEvents<LiveNodeEvent>;
  readonly clock: Clock;
  readonly log: LogControl;
  /** Asks the node to stop; returns at once. */
  stop(): void;
  /** Version of this program. */
  readonly version: string;
}
