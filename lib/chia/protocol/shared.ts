/**
 * Messages between any two nodes.
 *
 * @module
 */
import { ConfigureWindowSizes, Error, Handshake } from "../types/mod.ts";
import { aggregated, ANY_NODE, KiB, message, separate } from "./message.ts";

/** The first message in both directions. */
export const handshake = message({
  id: 1,
  name: "handshake",
  body: Handshake,
  sentBy: ANY_NODE,
  handledBy: [],
  limits: { v1: aggregated(5, 10 * KiB) },
});

/** How many requests of each type may be in flight (type, window); part of rate limits version 3. */
export const configureWindowSizes = message({
  id: 111,
  name: "configure_window_sizes",
  body: ConfigureWindowSizes,
  sentBy: ANY_NODE,
  handledBy: [],
  limits: { v1: aggregated(5, 1 * KiB, 1 * KiB) },
});

/** Tells why a request failed; accepted as the reply to any request. */
export const error = message({
  id: 255,
  name: "error",
  body: Error,
  sentBy: ANY_NODE,
  handledBy: [],
  limits: { v1: separate(50_000, 100) },
});

/** Defined but never sent; has no body. */
export const noneResponse = message({
  id: 91,
  name: "none_response",
  body: null,
  sentBy: [],
  handledBy: [],
  limits: { v1: separate(500, 100) },
});
