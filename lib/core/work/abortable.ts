/**
 * Waiting for work that may not notice that nobody wants it any more.
 *
 * @module
 */

/**
 * Settles as `work` does, or rejects with the signal's reason as soon as that aborts; what `work` gives later is dropped.
 * No listener is left on the signal.
 */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    work.catch(() => {});
    throw signal.reason;
  }
  const over = Promise.withResolvers<never>();
  const abort = () => over.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    // Whichever comes second is nobody's: the race has taken note of both.
    signal.removeEventListener("abort", abort);
  }
}
