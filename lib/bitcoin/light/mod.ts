/**
 * The light client: block filters instead of blocks (BIP157, BIP158).
 *
 * @module
 */
export { LightClient, type LightClientParts } from "./light-client.ts";
export type { LightProgress, LightService, Match, NewMatch, Spend, Watched } from "./service.ts";
export type { LightStep, LightStore } from "./store.ts";
export { MemoryLightStore } from "./store/memory.ts";
export { SqlLightStore } from "./store/sql.ts";
export { WATCHED_MAX } from "./watch-list.ts";
