/**
 * What a thread runs: the second entry of the executable, beside the command line. `node.ts` starts it.
 *
 * @module
 */
import { random, serveThread, sha256 } from "#platform";
import { useSha256 } from "./codec/sha256.ts";
import { jobAnswerer, READY } from "./core/work/job-messages.ts";
import { useRandomBytes } from "./engine/random-bytes.ts";
import { JOBS } from "./jobs.ts";

useSha256(sha256);
useRandomBytes((length) => random.bytes(length));
serveThread(jobAnswerer(JOBS), READY);
