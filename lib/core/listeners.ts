/**
 * Several ports as one.
 *
 * @module
 */
import type { Listener, ListenOptions, PeerAddress } from "./ports.ts";

/** Where a node accepts peers, and what opens a port. */
export interface Listening {
  /** At least one. */
  readonly addresses: readonly PeerAddress[];
  readonly open: (options: ListenOptions) => Promise<Listener>;
}

/** Opens every address, or none. The address of the whole is the first one's. @throws NodeError as `open` does */
export async function listenOn(
  { addresses, open }: Listening,
  options: Omit<ListenOptions, "host" | "port">,
): Promise<Listener | undefined> {
  const listeners: Listener[] = [];
  const close = async () => void await Promise.all(listeners.map((listener) => listener.close()));
  try {
    for (const address of addresses) listeners.push(await open({ ...options, ...address }));
  } catch (error) {
    await close();
    throw error;
  }
  const [first] = listeners;
  return first && { address: first.address, close };
}
