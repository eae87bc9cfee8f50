/**
 * Time and chance of the runtime.
 *
 * @module
 */
import { clearImmediate, setImmediate } from "node:timers";
import type { Clock, Random } from "../../core/ports.ts";

/** The longest delay that `setTimeout` keeps; a longer one is waited for in pieces. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** The clock of the machine. */
export const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = clock.after(ms, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
  after: (ms, callback) => {
    if (ms <= 0) {
      // In the next turn of the loop: a timer would wait for a millisecond.
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    let timer: ReturnType<typeof setTimeout>;
    const arm = (left: number) => {
      const piece = Math.min(left, TIMER_MAX_MS);
      timer = setTimeout(() => left > piece ? arm(left - piece) : callback(), piece);
    };
    arm(ms);
    return () => clearTimeout(timer);
  },
};

/** One turn of the event loop: every promise that waits for no timer and no input has come to rest. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** The random source of the system. */
export const random: Random = {
  bytes: (length) => {
    const bytes = new Uint8Array(length);
    // Web Crypto gives at most 65,536 bytes a call.
    for (let at = 0; at < length; at += 65_536) {
      crypto.getRandomValues(bytes.subarray(at, Math.min(length, at + 65_536)));
    }
    return bytes;
  },
  below: (bound) => {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) throw new RangeError(`bound ${bound}`);
    // Values of the last, incomplete run of `bound` would make small results likelier, so they are drawn again.
    const fair = 2 ** 32 - (2 ** 32 % bound);
    const word = new Uint32Array(1);
    do crypto.getRandomValues(word); while (word[0]! >= fair);
    return word[0]! % bound;
  },
};
