/**
 * The jobs that threads know. A new one is one more entry here.
 *
 * @module
 */
import { scriptVerdict } from "./bitcoin/chain/script-job.ts";
import { signatureVerdicts } from "./bitcoin/chain/signature-job.ts";
import { poolScripts } from "./bitcoin/mempool/script-job.ts";
import { messageProduct } from "./chia/chain/signature-job.ts";
import { timeProofVerdicts } from "./chia/chain/time-proof-job.ts";
import type { AnyJob } from "./core/work/job-messages.ts";
import { decodedBlock } from "./rpc/bitcoin/block-job.ts";

/** All jobs, by name in any order. */
export const JOBS: readonly AnyJob[] = [
  decodedBlock,
  messageProduct,
  poolScripts,
  scriptVerdict,
  signatureVerdicts,
  timeProofVerdicts,
];
