/**
 * A port that is closed for a while when the process has no descriptors left, and opened again. Accepting without any would
 * keep the processor busy with failures, of which the runtimes say nothing.
 *
 * @module
 */
import net from "node:net";
import type { Listener, PeerAddress } from "../../core/ports.ts";
import { listenFailure } from "./failures.ts";

const PAUSE_MS = 1_000;
const PAUSE_MS_MAX = 16_000;

/** What {@link openPort} takes. */
export interface PortOptions {
  readonly where: PeerAddress;
  /** Makes the server, each time that the port is opened. */
  readonly makeServer: () => net.Server;
  /** Whether connections may be accepted again. */
  readonly hasRoom: () => boolean;
  /** The port was closed for want of descriptors. */
  readonly onPause: (ms: number) => void;
}

/** An open port. */
export interface OpenPort extends Listener {
  /** Accepts nothing for a while. */
  pause(): void;
}

/** Opens a port. Rejects with `PORT_IN_USE`, `PORT_FORBIDDEN`, `ADDRESS_NOT_AVAILABLE` or `LISTEN_FAILED`. */
export async function openPort({ where, makeServer, hasRoom, onPause }: PortOptions): Promise<OpenPort> {
  let isClosed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pauseMs = PAUSE_MS;
  let openedAt = performance.now();
  const pause = () => {
    if (isClosed || timer !== undefined) return;
    if (server.listening) server.close();
    // One that had to be closed again at once stays closed longer.
    pauseMs = performance.now() - openedAt < 2 * pauseMs ? Math.min(PAUSE_MS_MAX, 2 * pauseMs) : PAUSE_MS;
    onPause(pauseMs);
    timer = setTimeout(() => void reopen(), pauseMs);
  };
  const reopen = async () => {
    timer = undefined;
    if (!isClosed && hasRoom()) {
      try {
        const opened = await listenWith(makeServer(), address, pause);
        // Closed while it was opened.
        if (isClosed) opened.close();
        server = opened;
        openedAt = performance.now();
        return;
      } catch {
        // The system has none left, or somebody else has the port: later.
      }
    }
    if (!isClosed) timer = setTimeout(() => void reopen(), pauseMs);
  };
  let server = await listenWith(makeServer(), where, pause);
  const bound = server.address() as net.AddressInfo;
  const address: PeerAddress = { host: bound.address, port: bound.port };
  return {
    address,
    pause,
    async close() {
      isClosed = true;
      clearTimeout(timer);
      if (server.listening) server.close();
      while (server.listening) await new Promise((resolve) => setTimeout(resolve, 1));
    },
  };
}

function listenWith(server: net.Server, where: PeerAddress, pause: () => void): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => reject(listenFailure(error, where));
    server.once("error", onError);
    try {
      server.listen({ host: where.host, port: where.port }, () => {
        server.off("error", onError);
        // An accept that fails must not end the process. Not every runtime tells.
        server.on("error", (error: Error & { readonly code?: string }) => {
          if (error.code === "EMFILE" || error.code === "ENFILE") pause();
        });
        resolve(server);
      });
    } catch (cause) {
      onError(cause as Error);
    }
  });
}
