/**
 * What a command may touch outside itself. The real one speaks to the process; tests give their own.
 *
 * @module
 */
import type { RpcClient } from "../mod.ts";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import process from "node:process";
import type { ClientOptions } from "./connection.ts";

/** The process as the commands see it. */
export interface CliIo {
  /** Data: the answer to what was asked. */
  out(text: string): void;
  /** Talk: progress, hints, errors. */
  err(text: string): void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeDir: string;
  /** Standard error is a terminal. */
  readonly isTerminal: boolean;
  /** Its width. */
  columns(): number;
  /** Text of a file; rejects when it cannot be read. */
  readText(path: string): Promise<string>;
  /** All of standard input. */
  readInput(): Promise<string>;
  /** Makes a client of a node's RPC. */
  connect(options: ClientOptions): Promise<RpcClient>;
  /** Calls back on SIGINT and SIGTERM until the returned function is called. */
  onSignal(handler: (signal: "SIGINT" | "SIGTERM") => void): () => void;
  /** Ends the process at once. */
  exit(code: number): never;
}

/** A closed pipe (`gemel … | head`) ends the command quietly. */
function quietPipe(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
  });
}

/** The real process. */
export function processIo(): CliIo {
  quietPipe(process.stdout);
  quietPipe(process.stderr);
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    environment: process.env,
    homeDir: homedir(),
    isTerminal: process.stderr.isTTY === true,
    columns: () => process.stderr.columns ?? 80,
    readText: (path) => readFile(path, "utf8"),
    readInput: async () => {
      const parts: Uint8Array[] = [];
      for await (const part of process.stdin) parts.push(part as Uint8Array);
      return new TextDecoder().decode(Buffer.concat(parts));
    },
    connect: async (options) => (await import("./connection.ts")).connectClient(options),
    onSignal: (handler) => {
      const interrupt = () => handler("SIGINT");
      const terminate = () => handler("SIGTERM");
      process.on("SIGINT", interrupt);
      process.on("SIGTERM", terminate);
      return () => {
        process.off("SIGINT", interrupt);
        process.off("SIGTERM", terminate);
      };
    },
    exit: (code) => process.exit(code),
  };
}
