/**
 * Memory on Bun.
 *
 * @module
 */

/** See `Platform.collectMemory`. Buffers count little for the engine's own schedule, which comes late after a flood. */
export function collectMemory(): void {
  Bun.gc(true);
}
