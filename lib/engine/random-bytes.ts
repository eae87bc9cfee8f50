/**
 * Where this thread's arithmetic has its random bytes from. It stands by itself, so that naming the source loads no arithmetic.
 *
 * @module
 */

let source: ((length: number) => Uint8Array) | undefined;

/**
 * Gives this thread's arithmetic its random bytes, which strangers may not foresee. They are the coefficients of sums and change
 * no verdict, so that simulated worlds may have the machine's.
 */
export function useRandomBytes(bytes: (length: number) => Uint8Array): void {
  source = bytes;
}

/** Fills an array with them. @throws TypeError before {@link useRandomBytes} */
export function fillRandom(bytes: Uint8Array): void {
  if (source === undefined) throw new TypeError("useRandomBytes() comes before the first sum of signatures");
  bytes.set(source(bytes.length));
}
