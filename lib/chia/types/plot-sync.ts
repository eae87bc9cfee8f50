/**
 * How a harvester keeps the farmer's list of plots up to date.
 *
 * @module
 */
import { bool, i16, type Infer, list, option, str, struct, u32, u64, u8 } from "../streamable/mod.ts";
import { Plot, Plot2 } from "./harvester.ts";

/**
 * Numbers one message of one synchronisation.
 * Wire (Streamable): 24 bytes.
 */
export const PlotSyncIdentifier = struct("PlotSyncIdentifier", {
  timestamp: u64,
  syncId: u64,
  messageId: u64,
});
/** The value of the struct of this name. */
export type PlotSyncIdentifier = Infer<typeof PlotSyncIdentifier>;

/**
 * Begins a synchronisation. `harvestingMode` is 1 for CPU, 2 for GPU.
 * Wire (Streamable): 38 bytes.
 */
export const PlotSyncStart = struct("PlotSyncStart", {
  identifier: PlotSyncIdentifier,
  initial: bool,
  lastSyncId: u64,
  plotFileCount: u32,
  harvestingMode: u8,
});
/** The value of the struct of this name. */
export type PlotSyncStart = Infer<typeof PlotSyncStart>;

/** Files of which the message type tells the state. */
export const PlotSyncPathList = struct("PlotSyncPathList", {
  identifier: PlotSyncIdentifier,
  data: list(str),
  final: bool,
});
/** The value of the struct of this name. */
export type PlotSyncPathList = Infer<typeof PlotSyncPathList>;

/** New plots. */
export const PlotSyncPlotList = struct("PlotSyncPlotList", {
  identifier: PlotSyncIdentifier,
  data: list(Plot),
  final: bool,
});
/** The value of the struct of this name. */
export type PlotSyncPlotList = Infer<typeof PlotSyncPlotList>;

/** New plots, with the fields of the new format. */
export const PlotSyncPlotList2 = struct("PlotSyncPlotList2", {
  identifier: PlotSyncIdentifier,
  data: list(Plot2),
  final: bool,
});
/** The value of the struct of this name. */
export type PlotSyncPlotList2 = Infer<typeof PlotSyncPlotList2>;

/**
 * Ends a synchronisation; `duration` in milliseconds.
 * Wire (Streamable): 32 bytes.
 */
export const PlotSyncDone = struct("PlotSyncDone", {
  identifier: PlotSyncIdentifier,
  duration: u64,
});
/** The value of the struct of this name. */
export type PlotSyncDone = Infer<typeof PlotSyncDone>;

/** Why a synchronisation failed. */
export const PlotSyncError = struct("PlotSyncError", {
  code: i16,
  message: str,
  expectedIdentifier: option(PlotSyncIdentifier),
});
/** The value of the struct of this name. */
export type PlotSyncError = Infer<typeof PlotSyncError>;

/** The farmer's answer to each step. */
export const PlotSyncResponse = struct("PlotSyncResponse", {
  identifier: PlotSyncIdentifier,
  messageType: i16,
  error: option(PlotSyncError),
});
/** The value of the struct of this name. */
export type PlotSyncResponse = Infer<typeof PlotSyncResponse>;
