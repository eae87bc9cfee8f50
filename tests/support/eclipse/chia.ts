/** The reference's own address manager, in the Python environment that has it. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { chiaPython } from "../chia-python.ts";

const script = fileURLToPath(new URL("./chia_tables.py", import.meta.url));
/** One step of a trace: what was told, or who has answered. */
export type Step =
  | readonly ["learn", host: string, port: number, timeS: number, source: string]
  | readonly ["good", host: string, port: number, testBeforeEvict: boolean];

/** The reference's tables after a trace. */
export interface ChiaTables {
  readonly slots: readonly (readonly [
    table: "new" | "tried",
    slot: number,
    host: string,
    lastTryS: number,
    attempts: number,
    timeS: number,
  ])[];
  readonly seconds: { readonly learn: number; readonly good: number; readonly select: number };
}

/** Runs a trace through chia-blockchain's AddressManager. */
export function chiaTables(
  trace: {
    readonly key: string;
    readonly now: number;
    readonly steps: readonly Step[];
    /** Taken off what is told, in seconds. */
    readonly penalty?: number;
    /** Draws that are made for the sake of timing them. */
    readonly select?: number;
  },
): Promise<ChiaTables> {
  return new Promise((resolve, reject) => {
    const child = spawn(chiaPython()!, [script], { stdio: ["pipe", "pipe", "inherit"] });
    const chunks: Uint8Array[] = [];
    child.stdout.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code !== 0) return reject(new Error(`chia_tables.py ended with ${code}`));
      const text = new TextDecoder().decode(Buffer.concat(chunks));
      resolve(JSON.parse(text) as ChiaTables);
    });
    child.stdin.end(JSON.stringify(trace));
  });
}
