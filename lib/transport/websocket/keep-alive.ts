/**
 * Pings, and the end of a connection on which nothing arrives.
 *
 * @module
 */
import type { Clock } from "../../core/ports.ts";

/** What keeping a connection alive needs of it. */
export interface KeepAliveParts {
  readonly clock: Clock;
  readonly pingIntervalMs?: number | undefined;
  readonly pongTimeoutMs?: number | undefined;
  readonly idleTimeoutMs?: number | undefined;
  /** Whether frames may still be sent. */
  readonly isOpen: () => boolean;
  /** Whether it is the application that does not read. */
  readonly isStalled: () => boolean;
  readonly bytesRead: () => number;
  /** Monotonic milliseconds of the last bytes. */
  readonly lastReadMs: () => number;
  readonly ping: () => void;
  readonly timedOut: (why: string) => void;
  /** A timer that ends with the connection. */
  readonly after: (ms: number, callback: () => void) => void;
}

/** Pings now and again, and ends what has been silent for too long. */
export function keepAlive(parts: KeepAliveParts): void {
  const { clock, pingIntervalMs, idleTimeoutMs, after, isStalled, timedOut } = parts;
  if (pingIntervalMs !== undefined) {
    const pongTimeoutMs = Math.min(parts.pongTimeoutMs ?? pingIntervalMs / 2, pingIntervalMs);
    const ping = () => {
      if (!parts.isOpen()) return;
      const before = parts.bytesRead();
      if (!isStalled()) parts.ping();
      after(pongTimeoutMs, () => {
        // Any byte is a sign of life: the pong may be behind a long message.
        if (parts.bytesRead() === before && !isStalled()) timedOut("no answer to a ping");
        else after(pingIntervalMs - pongTimeoutMs, ping);
      });
    };
    after(pingIntervalMs, ping);
  }
  if (idleTimeoutMs !== undefined) {
    const check = () => {
      const leftMs = isStalled() ? idleTimeoutMs : parts.lastReadMs() + idleTimeoutMs - clock.monotonic();
      if (leftMs <= 0) timedOut("nothing arrived for too long");
      else after(leftMs, check);
    };
    after(idleTimeoutMs, check);
  }
}
