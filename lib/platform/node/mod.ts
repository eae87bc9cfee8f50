/**
 * The platform through `node:` modules: Deno, Node, and the parts of Bun that need nothing better.
 *
 * @module
 */
export { clock, random, turn } from "./clock.ts";
export { openFileFolder } from "./append-file.ts";
export { descriptorLimit } from "./descriptors.ts";
export { dialer } from "./dialer.ts";
export { exists, gunzip, gzip, listDir, makeDir, readFile, removeFile, writeFileAtomic } from "./files.ts";
export { lockDir } from "./folder-lock.ts";
export { serveHttp, serveHttps } from "./https.ts";
export { listen } from "./listener.ts";
export { namedFiles } from "./named-files.ts";
export {
  collectMemory,
  environment,
  exit,
  homeDir,
  memoryUsage,
  onSignal,
  processName,
  resolveHost,
  runtime,
  stderr,
  stdout,
} from "./process.ts";
export { sha256 } from "./sha256.ts";
export { openDatabase } from "./sqlite.ts";
export { openThread, parallelism, serveThread } from "./threads.ts";
export { postHttp } from "./post-http.ts";
export { openUdp } from "./udp.ts";
export { nameServerResolver } from "./resolver.ts";
export { secureDuplex } from "./secure.ts";
export { openServer } from "./server.ts";
