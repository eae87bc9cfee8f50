/** The npm package `siphash` ships no types that both runtimes read; `siphash.ts` says what it uses of it. */
declare module "siphash" {
  const SipHash: unknown;
  export default SipHash;
}
