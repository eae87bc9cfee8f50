/**
 * The platform on Bun: `node:` modules where they are as good, Bun's own where those are faster.
 *
 * @module
 */
export { clock, random } from "../node/clock.ts";
export { collectMemory } from "./memory.ts";
export { turn } from "./turn.ts";
export { openFileFolder } from "../node/append-file.ts";
export { descriptorLimit } from "../node/descriptors.ts";
export { dialer } from "../node/dialer.ts";
export { exists, gunzip, gzip, listDir, makeDir, readFile, removeFile, writeFileAtomic } from "../node/files.ts";
export { lockDir } from "../node/folder-lock.ts";
export { serveHttp, serveHttps } from "../node/https.ts";
export { listen } from "../node/listener.ts";
export { namedFiles } from "../node/named-files.ts";
export {
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
} from "../node/process.ts";
export { sha256 } from "./sha256.ts";
export { openDatabase } from "./sqlite.ts";
export { openThread, parallelism, serveThread } from "../node/threads.ts";
export { postHttp } from "../node/post-http.ts";
export { openUdp } from "../node/udp.ts";
export { nameServerResolver } from "../node/resolver.ts";
export { secureDuplex } from "../node/secure.ts";
export { openServer } from "../node/server.ts";
