/**
 * How quick are our curves? Runs `bench/secp256k1.ts`, then `bench/bls12-381.ts`; see there.
 *
 * Run: `bun bench/curves.ts` or `deno run -A bench/curves.ts`
 * (`--v8-flags=--experimental-wasm-wide-arithmetic` for Deno's wide instructions).
 */
await import("./secp256k1.ts");
await import("./bls12-381.ts");

export {};
