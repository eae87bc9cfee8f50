/**
 * Mutants of the mempool, of what is mined from it and of its fees that nobody can notice, each with the argument.
 *
 * @module
 */
import type { Equal } from "./equal.ts";

const MEMPOOL = "lib/bitcoin/mempool/";
const FEES = "lib/bitcoin/fees/";

/** The list. */
export const POOL_EQUAL: readonly Equal[] = [
  {
    file: `${FEES}buckets.ts`,
    was: "for (let bound = LOWEST; bound <= HIGHEST; bound *= SPACING) bounds.push(bound);",
    becomes: "for (let bound = LOWEST; bound < HIGHEST; bound *= SPACING) bounds.push(bound);",
    why: "No power of 1.05 times a hundred is ten million.",
  },
  {
    file: `${FEES}buckets.ts`,
    was: "let high = bounds.length - 1;",
    becomes: "let high = bounds.length + 1;",
    why:
      "What is behind the last bound is not below any feerate: the search comes back to the last, which is above all.",
  },
  {
    file: `${FEES}confirmations.ts`,
    was: "if (periods > 0) this.#isBlank = false;",
    becomes: "if (periods >= 0) this.#isBlank = false;",
    why: "To fade nothing takes time, and changes nothing.",
  },
  {
    file: `${FEES}confirmations.ts`,
    was: "if (this.#isBlank) return;",
    becomes: ";",
    why: "To fade nothing takes time, and changes nothing.",
  },
  {
    file: `${FEES}confirmations.ts`,
    was: "for (let i = 0; i < average.length; i++) average[i]! *= decay;",
    becomes: "for (let i = 0; i <= average.length; i++) average[i]! *= decay;",
    why: "Behind the end of a typed array nothing is written.",
  },
  {
    file: `${FEES}confirmations.ts`,
    was: "if (counted < sufficient / (1 - decay)) continue;",
    becomes: "if (counted <= sufficient / (1 - decay)) continue;",
    why: "The right side is no whole number, and what has faded comes to exactly that by chance only.",
  },
  {
    file: `${FEES}estimator.ts`,
    was: "return { feeRate: median < 0 ? 0 : Math.round(median), target: usable };",
    becomes: "return { feeRate: median <= 0 ? 0 : Math.round(median), target: usable };",
    why: "Zero is rounded to zero.",
  },
  {
    file: `${FEES}estimator.ts`,
    was: "if (target <= most) continue;",
    becomes: "if (target < most) continue;",
    why: "For the last target of a horizon it is that horizon that was asked already: it says the same again.",
  },
  {
    file: `${FEES}estimator.ts`,
    was: "if (other > 0 && (estimate === -1 || other < estimate)) estimate = other;",
    becomes: "if (other > 0 && (estimate === -1 || other <= estimate)) estimate = other;",
    why: "What is assigned where both are equal is what is there.",
  },
  {
    file: `${FEES}fee-estimates.ts`,
    was: "const isOld = tip < 0 || headers.time(tip) < clock.now() / 1_000 - TIP_AGE_MAX_S;",
    becomes: "const isOld = tip <= 0 || headers.time(tip) < clock.now() / 1_000 - TIP_AGE_MAX_S;",
    why: "Row 0 is the first block of a network, which is years old.",
  },
  {
    file: `${FEES}fee-estimates.ts`,
    was: "if (row >= 0 && headers.time(row) * 1_000 >= clock.now() - STALE_MS) return state;",
    becomes: "if (row > 0 && headers.time(row) * 1_000 >= clock.now() - STALE_MS) return state;",
    why: "Row 0 is the first block of a network, which is years old.",
  },
  {
    file: `${MEMPOOL}admission.ts`,
    was: "const paradox = conflicts.size > 0 && this.#spendsReplaced(entry, relations);",
    becomes: "const paradox = conflicts.size >= 0 && this.#spendsReplaced(entry, relations);",
    why: "A short way: what replaces nothing spends nothing of it.",
  },
  {
    file: `${MEMPOOL}packages.ts`,
    was: "if (mayPass && transactions.length > 1) open.push(transaction);",
    becomes: "if (mayPass && transactions.length >= 1) open.push(transaction);",
    why: "One that is alone is judged alone once more, and it comes to the same.",
  },
  {
    file: `${MEMPOOL}packages.ts`,
    was: "if (refusal === undefined && open.length > 0) {",
    becomes: "if (refusal === undefined && open.length >= 0) {",
    why: "Of no transactions nothing is said, and none enters.",
  },
  {
    file: `${MEMPOOL}replacement.ts`,
    was: "if (count <= clusterCountMax && weight <= weightMax) return true;",
    becomes: "if (count < clusterCountMax && weight <= weightMax) return true;",
    why: "A short way for what the lines below give as well, only later.",
  },
  {
    file: `${MEMPOOL}replacement.ts`,
    was: "if (count <= clusterCountMax && weight <= weightMax) return true;",
    becomes: "if (count <= clusterCountMax && weight < weightMax) return true;",
    why: "A short way for what the lines below give as well, only later.",
  },
  {
    file: `${MEMPOOL}replacement.ts`,
    was: "if (count <= clusterCountMax && weight <= weightMax) return true;",
    becomes: ";",
    why: "A short way for what the lines below give as well, only later.",
  },
  {
    file: `${MEMPOOL}pre-checks.ts`,
    was: "return version >= 2 && inputs.some(({ sequence }) => sequence < SEQUENCE_DISABLED);",
    becomes: "return version >= 2 && inputs.some(({ sequence }) => sequence <= SEQUENCE_DISABLED);",
    why: "After a reorganisation one more is looked at, and stays: it is not locked.",
  },
  {
    file: `${MEMPOOL}pre-checks.ts`,
    was: "return version >= 2 && inputs.some(({ sequence }) => sequence < SEQUENCE_DISABLED);",
    becomes: "return version >= 2 || inputs.some(({ sequence }) => sequence < SEQUENCE_DISABLED);",
    why: "After a reorganisation one more is looked at, and stays: it is not locked.",
  },
  {
    file: `${MEMPOOL}limits.ts`,
    was: "if (cluster.entries.length <= clusterCountMax && cluster.weight <= weightMax) continue;",
    becomes: "if (cluster.entries.length < clusterCountMax && cluster.weight <= weightMax) continue;",
    why: "Of a cluster that is as large as it may be, all is kept.",
  },
  {
    file: `${MEMPOOL}limits.ts`,
    was: "if (cluster.entries.length <= clusterCountMax && cluster.weight <= weightMax) continue;",
    becomes: "if (cluster.entries.length <= clusterCountMax && cluster.weight < weightMax) continue;",
    why: "Of a cluster that is as large as it may be, all is kept.",
  },
  {
    file: `${MEMPOOL}limits.ts`,
    was: "if (cluster.entries.length <= clusterCountMax && cluster.weight <= weightMax) continue;",
    becomes: ";",
    why: "Of a cluster that is as large as it may be, all is kept.",
  },
  {
    file: `${MEMPOOL}limits.ts`,
    was: "if (now < this.#nextExpiry) return;",
    becomes: "if (now <= this.#nextExpiry) return;",
    why: "What is too old is looked for more often, or a second later: it is a matter of chance when it is found.",
  },
  {
    file: `${MEMPOOL}limits.ts`,
    was: "if (now < this.#nextExpiry) return;",
    becomes: ";",
    why: "What is too old is looked for more often, or a second later: it is a matter of chance when it is found.",
  },
  {
    file: `${MEMPOOL}limits.ts`,
    was: "this.#nextExpiry = now + EXPIRY_STEP_SECONDS;",
    becomes: "this.#nextExpiry = now - EXPIRY_STEP_SECONDS;",
    why: "What is too old is looked for more often, or a second later: it is a matter of chance when it is found.",
  },
  {
    file: `${MEMPOOL}limits.ts`,
    was: 'if (late.length > 0) this.#pool.remove(withDescendants(late), "expiry");',
    becomes: 'if (late.length >= 0) this.#pool.remove(withDescendants(late), "expiry");',
    why: "Taking nothing out changes nothing.",
  },
  {
    file: `${MEMPOOL}follower.ts`,
    was: 'if (mined.size > 0) pool.remove(mined, "block", row);',
    becomes: 'if (mined.size >= 0) pool.remove(mined, "block", row);',
    why: "Taking nothing out changes nothing.",
  },
  {
    file: `${MEMPOOL}follower.ts`,
    was: 'if (children.size > 0) pool.remove(withDescendants(children), "reorg");',
    becomes: 'if (children.size >= 0) pool.remove(withDescendants(children), "reorg");',
    why: "Taking nothing out changes nothing.",
  },
  {
    file: `${MEMPOOL}follower.ts`,
    was: 'if (late.length > 0) pool.remove(withDescendants(late), "reorg");',
    becomes: 'if (late.length >= 0) pool.remove(withDescendants(late), "reorg");',
    why: "Taking nothing out changes nothing.",
  },
  {
    file: `${MEMPOOL}follower.ts`,
    was:
      'if (bad.length > 0) pool.remove(withDescendants(bad.filter((entry) => pool.get(entry.txid) === entry)), "reorg");',
    becomes:
      'if (bad.length >= 0) pool.remove(withDescendants(bad.filter((entry) => pool.get(entry.txid) === entry)), "reorg");',
    why: "Taking nothing out changes nothing.",
  },
  {
    file: `${MEMPOOL}tx-mempool.ts`,
    was: 'if (replaced.length > 0) this.#pool.remove(replaced, "replaced");',
    becomes: 'if (replaced.length >= 0) this.#pool.remove(replaced, "replaced");',
    why: "Taking nothing out changes nothing.",
  },
  {
    file: `${MEMPOOL}follower.ts`,
    was: "for (let from = 0; from < doubtful.length; from += SWEEP) {",
    becomes: "for (let from = 0; from <= doubtful.length; from += SWEEP) {",
    why: "Of no transactions no coins are asked for.",
  },
  {
    file: `${MEMPOOL}tx-mempool.ts`,
    was: "for (let from = 0; from < questions.length; from += TOGETHER) {",
    becomes: "for (let from = 0; from <= questions.length; from += TOGETHER) {",
    why: "No questions are answered at once.",
  },
  {
    file: `${MEMPOOL}judging.ts`,
    was: "for (let from = 0; from < candidates.length; from += SLICE) {",
    becomes: "for (let from = 0; from <= candidates.length; from += SLICE) {",
    why: "No candidates are judged at once.",
  },
  {
    file: `${MEMPOOL}follower.ts`,
    was: "while (bytes > DISCONNECTED_BYTES_MAX && this.#disconnected.length > 1) {",
    becomes: "while (bytes > DISCONNECTED_BYTES_MAX && this.#disconnected.length >= 1) {",
    why: "No block alone has so many bytes.",
  },
  {
    file: `${MEMPOOL}follower.ts`,
    was: "for (let vout = transaction.outputCount - 1; vout >= 0; vout--) {",
    becomes: "for (let vout = transaction.outputCount + 1; vout >= 0; vout--) {",
    why: "Nothing spends an output that is not there.",
  },
  {
    file: `${MEMPOOL}follower.ts`,
    was: "this.#moves += 1;",
    becomes: "this.#moves -= 1;",
    why: "Who asks compares for being the same.",
  },
  {
    file: `${MEMPOOL}follower.ts`,
    was: "if (pool.size === 0 && this.#disconnected.length === 0 && pool.deltas.size === 0) return;",
    becomes: ";",
    why: "A short way for what the lines below give as well, only later.",
  },
  {
    file: `${MEMPOOL}follower.ts`,
    was: "if (pool.size === 0) continue;",
    becomes: ";",
    why: "A short way for what the lines below give as well, only later.",
  },
  {
    file: `${MEMPOOL}follower.ts`,
    was: "if (pool.size === 0) return;",
    becomes: ";",
    why: "Nothing is judged again, which is done at once.",
  },
  {
    file: `${MEMPOOL}storage.ts`,
    was: "if (group.length < AT_ONCE) continue;",
    becomes: "if (group.length <= AT_ONCE) continue;",
    why: "How many are judged at once is no matter for what comes of it.",
  },
  {
    file: `${MEMPOOL}storage.ts`,
    was: "if (group.length < AT_ONCE) continue;",
    becomes: ";",
    why: "How many are judged at once is no matter for what comes of it.",
  },
  {
    file: `${MEMPOOL}storage.ts`,
    was: "if (i % 1_024 === 1_023) await clock.sleep(0);",
    becomes: "if (i % 1_024 !== 1_023) await clock.sleep(0);",
    why: "How often others have their turn.",
  },
  {
    file: `${MEMPOOL}tx-mempool.ts`,
    was: 'if (entry !== undefined) return { ok: "known", entry };',
    becomes: ";",
    why: "A short way: judged, it is known as well.",
  },
  {
    file: `${MEMPOOL}linearization.ts`,
    was: "for (let i = 0; i < this.#items.length; i++) this.#settle(this.#chunk[i]!);",
    becomes: "for (let i = 0; i <= this.#items.length; i++) this.#settle(this.#chunk[i]!);",
    why: "There is no chunk behind the last, and nothing is done for none.",
  },
  {
    file: `${MEMPOOL}cluster.ts`,
    was: "if (entries.length === 1) return { chunks: chunksOf([new OrderedEntry(entries[0]!)]), isOptimal: true };",
    becomes: ";",
    why: "A short way for what the lines below give as well, only later.",
  },
  {
    file: `${MEMPOOL}script-job.ts`,
    was: "if (await judge(judging, transactions, flags) === undefined) return failures;",
    becomes: ";",
    why: "Judged one by one they come to the same, only later.",
  },
  {
    file: `${MEMPOOL}follower.ts`,
    was: 'if (lost.length > 0) pool.remove(lost, "conflict", row);',
    becomes: 'if (lost.length >= 0) pool.remove(lost, "conflict", row);',
    why: "Taking nothing out changes nothing.",
  },
];
