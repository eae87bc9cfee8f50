/** The npm package `siphash` ships no types. */
declare module "siphash" {
  const SipHash: {
    /** SipHash-2-4. The key is four 32-bit words, low word first; the result is the 64-bit hash in two halves. */
    hash(key: ArrayLike<number>, message: Uint8Array): { readonly h: number; readonly l: number };
  };
  export default SipHash;
}
