/**
 * Harvesters keep the farmer's list of plots.
 *
 * @module
 */
import {
  PlotSyncDone,
  PlotSyncPathList,
  PlotSyncPlotList,
  PlotSyncPlotList2,
  PlotSyncResponse,
  PlotSyncStart,
} from "../types/mod.ts";
import { NodeType } from "./enums.ts";
import { aggregated, message, MiB } from "./message.ts";

/** Begins a synchronisation. `harvestingMode` is 1 for CPU, 2 for GPU. */
export const plotSyncStart = message({
  id: 78,
  name: "plot_sync_start",
  body: PlotSyncStart,
  sentBy: [NodeType.HARVESTER],
  handledBy: [NodeType.FARMER],
  limits: { v1: aggregated(1000, 100 * MiB) },
});

/** New plots (before protocol 0.0.38). */
export const plotSyncLoaded = message({
  id: 79,
  name: "plot_sync_loaded",
  body: PlotSyncPlotList,
  sentBy: [NodeType.HARVESTER],
  handledBy: [NodeType.FARMER],
  limits: { v1: aggregated(1000, 100 * MiB) },
});

/** Plots that are gone. */
export const plotSyncRemoved = message({
  id: 80,
  name: "plot_sync_removed",
  body: PlotSyncPathList,
  sentBy: [NodeType.HARVESTER],
  handledBy: [NodeType.FARMER],
  limits: { v1: aggregated(1000, 100 * MiB) },
});

/** Files that are no valid plots. */
export const plotSyncInvalid = message({
  id: 81,
  name: "plot_sync_invalid",
  body: PlotSyncPathList,
  sentBy: [NodeType.HARVESTER],
  handledBy: [NodeType.FARMER],
  limits: { v1: aggregated(1000, 100 * MiB) },
});

/** Plots whose keys the harvester does not know. */
export const plotSyncKeysMissing = message({
  id: 82,
  name: "plot_sync_keys_missing",
  body: PlotSyncPathList,
  sentBy: [NodeType.HARVESTER],
  handledBy: [NodeType.FARMER],
  limits: { v1: aggregated(1000, 100 * MiB) },
});

/** Plots that exist twice. */
export const plotSyncDuplicates = message({
  id: 83,
  name: "plot_sync_duplicates",
  body: PlotSyncPathList,
  sentBy: [NodeType.HARVESTER],
  handledBy: [NodeType.FARMER],
  limits: { v1: aggregated(1000, 100 * MiB) },
});

/** Ends a synchronisation; `duration` in milliseconds. */
export const plotSyncDone = message({
  id: 84,
  name: "plot_sync_done",
  body: PlotSyncDone,
  sentBy: [NodeType.HARVESTER],
  handledBy: [NodeType.FARMER],
  limits: { v1: aggregated(1000, 100 * MiB) },
});

/** The farmer's answer to each step. */
export const plotSyncResponse = message({
  id: 85,
  name: "plot_sync_response",
  body: PlotSyncResponse,
  sentBy: [NodeType.FARMER],
  handledBy: [NodeType.HARVESTER],
  limits: { v1: aggregated(3000, 100 * MiB) },
});

/** New plots, with the fields of the new format. */
export const plotSyncLoaded2 = message({
  id: 112,
  name: "plot_sync_loaded2",
  body: PlotSyncPlotList2,
  sentBy: [NodeType.HARVESTER],
  handledBy: [NodeType.FARMER],
  limits: { v1: aggregated(1000, 100 * MiB) },
});
