/** chia_rs itself, in the Python environment that has chia-blockchain: cases by seed, with its verdicts. */
import { fileURLToPath } from "node:url";
import { ChiaScript } from "./chia-python.ts";

const SCRIPT = fileURLToPath(new URL("chia_bls_cases.py", import.meta.url));

/** A point, or messages with their signature; all in hexadecimal. */
export type BlsCase =
  | { readonly kind: "point"; readonly point: string; readonly valid: boolean }
  | {
    /** What was changed, or `good`. */
    readonly kind: string;
    readonly keys: readonly string[];
    readonly messages: readonly string[];
    readonly signature: string;
    readonly valid: boolean;
  };

/** A process that makes cases. */
export class ChiaBls {
  readonly #script = new ChiaScript(SCRIPT);

  async cases(seed: number, count: number): Promise<readonly BlsCase[]> {
    return await this.#script.ask(`${seed} ${count}`) as readonly BlsCase[];
  }

  close(): void {
    this.#script.close();
  }
}
