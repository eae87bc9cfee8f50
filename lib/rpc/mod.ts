/**
 * RPC over HTTP: chia-blockchain's full-node routes, Bitcoin's JSON-RPC, this node's own routes, and the event log.
 *
 * @module
 */
export { type RpcApp, rpcApp, type RpcOptions, type RpcUpgrade } from "./app.ts";
export { type BasicSecrets, type Cookie, COOKIE_USER, makeCookie, parseRpcAuth, type RpcAuth } from "./basic-auth.ts";
export { type AuthOptions, type ClientIdentity, WRONG_SECRET_DELAY_MS } from "./auth.ts";
export { CHIA_ROUTE_NAMES } from "./chia/mod.ts";
export { type FetchText, type HttpAnswer, type HttpRequest, RpcClient, RpcFailure } from "./client.ts";
export type { EngineState, LogControl, RpcContext } from "./context.ts";
export { CLOSE_SLOW, eventsOverSocket } from "./v1/event-streams.ts";
export { RPC_LIMITS, type RpcLimits } from "./limits.ts";
export type { ChainHandle, ChainProgress, ChainStatus } from "./chain-handle.ts";
export { loadOrCreateToken, type SecretFiles } from "./token.ts";
export { chiaHandle } from "./chia/handle.ts";
export { bitcoinHandle } from "./bitcoin/handle.ts";
export { argumentFromWord } from "./bitcoin/methods.ts";
export type { BitcoinMiner } from "./bitcoin/miner.ts";
