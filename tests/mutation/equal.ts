/**
 * Mutants that nobody can notice, each with the argument. Found again by content: the line as it is and as it would
 * become, with single spaces.
 *
 * @module
 */
import { POOL_EQUAL } from "./equal-pool.ts";

/** One mutant that behaves as the source does. */
export interface Equal {
  readonly file: string;
  readonly was: string;
  readonly becomes: string;
  readonly why: string;
}

/** The list. */
export const EQUAL: readonly Equal[] = [
  {
    file: "lib/core/peers/memory-budget.ts",
    was: "} else if (this.sum > this.#most) this.#most = this.sum;",
    becomes: "} else if (this.sum >= this.#most) this.#most = this.sum;",
    why: "What is assigned where both are equal is what is there.",
  },
  {
    file: "lib/core/subnets.ts",
    was: "if (parseIpv4(text) >= 0) return text;",
    becomes: ";",
    why: "A short way for what the lines below give as well, only later.",
  },
  {
    file: "lib/core/addresses/book.ts",
    was: "if (this.#sources.size >= SOURCES_MAX) this.#sources.clear();",
    becomes: "if (this.#sources.size > SOURCES_MAX) this.#sources.clear();",
    why: "A cache of what is computed anew when it is not there; one entry more or less is seen by nobody.",
  },
  {
    file: "lib/core/addresses/gossip.ts",
    was: "for (; ranks[at - 1]! < rank; at--) {",
    becomes: "for (; ranks[at - 1]! <= rank; at--) {",
    why: "Two ranks are 53 bits of a keyed hash: they are never the same.",
  },
  {
    file: "lib/core/addresses/gossip.ts",
    was: "if (at === count && !(ranks[at - 1]! < rank)) continue;",
    becomes: "if (at === count && !(ranks[at - 1]! <= rank)) continue;",
    why: "Two ranks are 53 bits of a keyed hash: they are never the same.",
  },
  {
    file: "lib/core/addresses/gossip.ts",
    was:
      "for (let i = 0; i < length; i += 2) words[count++] = (host.charCodeAt(i) << 16) | (host.charCodeAt(i + 1) || 0);",
    becomes:
      "for (let i = 0; i <= length; i += 2) words[count++] = (host.charCodeAt(i) << 16) | (host.charCodeAt(i + 1) || 0);",
    why:
      "Hosts of an even length are hashed with a word of zeros behind them: another number, which tells them as well.",
  },
  {
    file: "lib/core/addresses/gossip.ts",
    was: "const day = Math.floor((clock.now() / 1000 + id % DAY_S) / DAY_S);",
    becomes: "const day = Math.floor((clock.now() / 1000 - id % DAY_S) / DAY_S);",
    why: "Each address has an hour of its own either way, which nobody can foresee.",
  },
  {
    file: "lib/core/addresses/selection.ts",
    was: "if (random.below(RESOLUTION) < factor * selectionChance(entry, nowS) * RESOLUTION) return entry;",
    becomes: "if (random.below(RESOLUTION) <= factor * selectionChance(entry, nowS) * RESOLUTION) return entry;",
    why: "The right side is a whole number only where it is above all that can be drawn.",
  },
  {
    file: "lib/core/dialling/outbound.ts",
    was: "if (!book.some(fits, options)) return undefined;",
    becomes: ";",
    why: "A short way: a hundred draws from a book in which nothing fits give nothing either.",
  },
  {
    file: "lib/bitcoin/wire/framer.ts",
    was: "if (found !== undefined && hasAt(bytes, start, found.bytes)) return found.type;",
    becomes: ";",
    why: "A short way for what the lines below read anew.",
  },
  {
    file: "lib/bitcoin/wire/v2/inbound.ts",
    was: "while (at < chunk.length && this.#matched < this.#v1Prefix.length) {",
    becomes: "while (at <= chunk.length && this.#matched < this.#v1Prefix.length) {",
    why: "Behind the chunk there is no byte, which equals none of the prefix: the loop ends there all the same.",
  },
  {
    file: "lib/bitcoin/peers/session.ts",
    was: "if (this.#asked.size === 0) return;",
    becomes: ";",
    why: "A loop over nothing does nothing; this is done for every message.",
  },
  {
    file: "lib/bitcoin/headers/header-batch.ts",
    was: "for (let k = 0, to = i * 8; k < 8; k++) hashes[to + k] = digest[k]!;",
    becomes: "for (let k = 0, to = i * 8; k <= 8; k++) hashes[to + k] = digest[k]!;",
    why: "The ninth word is the next header's first, which is written after it; behind the last there is no place.",
  },
  {
    file: "lib/bitcoin/headers/header-batch.ts",
    was: "for (let i = 0; i < count; i++) putWord(bytes, 4 * i, words[at + i]!);",
    becomes: "for (let i = 0; i <= count; i++) putWord(bytes, 4 * i, words[at + i]!);",
    why: "One word more is written behind the end of the array, where there is no place for it.",
  },
  {
    file: "lib/bitcoin/headers/redownload-buffer.ts",
    was: "if ((this.#to + 1) * ENTRY_WORDS > this.#words.length) this.#makeRoom();",
    becomes: "if ((this.#to + 1) * ENTRY_WORDS >= this.#words.length) this.#makeRoom();",
    why: "Room is made one entry earlier, for the same entries.",
  },
  {
    file: "lib/bitcoin/chain/accept.ts",
    was: "for (let row = 0; row < headers.length; row++) {",
    becomes: "for (let row = 0; row <= headers.length; row++) {",
    why: "Behind the last row there is no status, which says that no block was judged.",
  },
  {
    file: "lib/bitcoin/chain/accept.ts",
    was: "if (parent < 0 || this.isLinked(parent)) this.#setLinked(row);",
    becomes: "if (parent <= 0 || this.isLinked(parent)) this.#setLinked(row);",
    why: "Row 0 is the first block, which is always there.",
  },
  {
    file: "lib/bitcoin/chain/accept.ts",
    was: "for (let i = 0; i < reached.length; i++) {",
    becomes: "for (let i = 0; i <= reached.length; i++) {",
    why: "Behind the last row that was reached there is none, for which nothing waits.",
  },
  {
    file: "lib/bitcoin/chain/accept.ts",
    was: "const grown = new Uint8Array(Math.max(row + 1, this.#linked.length * 2));",
    becomes: "const grown = new Uint8Array(Math.min(row + 1, this.#linked.length * 2));",
    why: "The array grows by one row at a time instead: slower, and as long as it has to be.",
  },
  {
    file: "lib/core/dialling/dialling.ts",
    was: "if (peer === undefined || clock.now() - peer.since < EXTRA_TRIAL_MS || isBusy(peer)) return;",
    becomes: "if (peer === undefined || clock.now() - peer.since <= EXTRA_TRIAL_MS || isBusy(peer)) return;",
    why: "Decisions come at random moments: that one falls on this millisecond is chance.",
  },
  {
    file: "lib/core/dialling/dialling.ts",
    was: "isTipStale: now >= this.#staleFrom && (this.#parts.isTipStale?.() ?? false),",
    becomes: "isTipStale: now > this.#staleFrom && (this.#parts.isTipStale?.() ?? false),",
    why: "Decisions come at random moments: that one falls on this millisecond is chance.",
  },
  {
    file: "lib/bitcoin/chain/transaction-walk.ts",
    was: "if (outpoints.length > PAIRWISE_INPUTS_MAX) {",
    becomes: "if (outpoints.length >= PAIRWISE_INPUTS_MAX) {",
    why: "Both ways of comparing give the same; which one is quicker is the only difference.",
  },
  {
    file: "lib/bitcoin/chain/transaction-walk.ts",
    was: "for (let i = 1; i < outpoints.length; i++) {",
    becomes: "for (let i = 1; i <= outpoints.length; i++) {",
    why: "Behind the last outpoint there is none, which equals no other.",
  },
  {
    file: "lib/bitcoin/headers/height-index.ts",
    was: "grown.set(this.#rows);",
    becomes: ";",
    why: "The loop below goes on to the first row that is right, and so fills all of them in: slower, and the same.",
  },
  {
    file: "lib/transport/websocket/framer.ts",
    was: "if (more > 0) {",
    becomes: "if (more >= 0) {",
    why: "To gather no bytes changes nothing.",
  },
  {
    file: "lib/bitcoin/headers/pow.ts",
    was: "if (this.#words.size >= CACHE_MAX) this.#words.clear();",
    becomes: "if (this.#words.size > CACHE_MAX) this.#words.clear();",
    why: "A cache of what is computed anew when it is not there; one entry more or less is seen by nobody.",
  },
  {
    file: "lib/bitcoin/chain/activate.ts",
    was: "const work = steps < STEPS_MAX ? this.#step() : clock.sleep(0);",
    becomes: "const work = steps <= STEPS_MAX ? this.#step() : clock.sleep(0);",
    why: "One step more or less between two turns of the runtime's loop.",
  },
  {
    file: "lib/bitcoin/headers/version-bits.ts",
    was: "this.#known.set(deployment, known);",
    becomes: ";",
    why: "What is remembered saves time only: a block's ancestors do not change.",
  },
  {
    file: "lib/bitcoin/headers/version-bits.ts",
    was: "known.set(end, state);",
    becomes: ";",
    why: "What is remembered saves time only: a block's ancestors do not change.",
  },
  {
    file: "lib/bitcoin/chain/branch-choice.ts",
    was: "for (let row = 1; row < headers.length; row++) {",
    becomes: "for (let row = 1; row <= headers.length; row++) {",
    why: "Behind the last row there is none, whose block is not there.",
  },
  {
    file: "lib/bitcoin/chain/activate.ts",
    was: "return height < headers.height(this.#lead) && headers.ancestor(this.#lead, height) === this.#head;",
    becomes: "return height <= headers.height(this.#lead) && headers.ancestor(this.#lead, height) === this.#head;",
    why: "At its own height the tip has no ancestor but itself, and that the head is the tip was answered before.",
  },
  {
    file: "lib/bitcoin/chain/commit.ts",
    was: "for (let row = first; row < headers.length; row++) before[row - first] = headers.status(row) & STORED;",
    becomes: "for (let row = first; row <= headers.length; row++) before[row - first] = headers.status(row) & STORED;",
    why: "Behind the last row there is none, whose status does not change.",
  },
  {
    file: "lib/bitcoin/chain/pruning.ts",
    was: "if (below <= 0) return;",
    becomes: "if (below < 0) return;",
    why: "Below height zero there is no block to be pruned.",
  },
  {
    file: "lib/chia/chain/record-table.ts",
    was: "if (this.#size > this.#index.length * LOAD_MAX) this.#growIndex();",
    becomes: "if (this.#size >= this.#index.length * LOAD_MAX) this.#growIndex();",
    why: "The index has a power of two of places, of which seven tenths are never a whole number.",
  },
  {
    file: "lib/chia/chain/record-table.ts",
    was: "while (this.#index[gap] !== row + 1) gap = (gap + 1) & mask;",
    becomes: "while (this.#index[gap] !== row + 1) gap = (gap - 1) & mask;",
    why: "One place holds the row, and whichever way round the index it is found.",
  },
  {
    file: "lib/chia/chain/body.ts",
    was: "if (foliageTransactionBlock === null || foliage.foliageTransactionBlockHash === null) {",
    becomes: "if (foliageTransactionBlock === null && foliage.foliageTransactionBlockHash === null) {",
    why: "The guards above refuse a block in which one of them is there and the other is not.",
  },
  {
    file: "lib/chia/chain/body.ts",
    was: "if (foliage === null || info === null) return undefined;",
    becomes: "if (foliage === null && info === null) return undefined;",
    why: "judgeBinding was asked before, and refuses a block in which one of them is there and the other is not.",
  },
  {
    file: "lib/chia/chain/merkle-set.ts",
    was: "for (let i = 0; i < a.length; i++) {",
    becomes: "for (let i = 0; i <= a.length; i++) {",
    why: "Behind their common end both have nothing, which counts as 0 in either.",
  },
  {
    file: "lib/chia/chain/commit.ts",
    was: 'return Validation[level] < Validation.linkage ? level : "linkage";',
    becomes: 'return Validation[level] <= Validation.linkage ? level : "linkage";',
    why: "The level that is as far as linkage is linkage.",
  },
  {
    file: "lib/chia/chain/commit.ts",
    was: "...(spent.size > 0 && level !== unspent && {",
    becomes: "...(spent.size >= 0 && level !== unspent && {",
    why: "To raise the level of no blocks changes nothing; it goes into the same commit.",
  },
  {
    file: "lib/chia/chain/slots.ts",
    was: "const before = n > 0 ? hashes[n - 1] : undefined;",
    becomes: "const before = n >= 0 ? hashes[n - 1] : undefined;",
    why: "Before the first there is none: its place in the list holds nothing.",
  },
  {
    file: "lib/chia/chain/linkage.ts",
    was: "if (slots.length === 0) return parentStart;",
    becomes: ";",
    why:
      "Within a sub-slot the iterations of a sub-slot are those of the parent: the line below adds them and takes them off.",
  },
  {
    file: "lib/chia/chain/linkage.ts",
    was: "const expected = lastTransaction === undefined || signagePointTotal > lastTransaction.totalIters;",
    becomes: "const expected = lastTransaction === undefined || signagePointTotal >= lastTransaction.totalIters;",
    why:
      "Signage points divide a sub-slot without remainder, and an infusion lies between two of them: it is never at one.",
  },
  {
    file: "lib/chia/chain/epochs.ts",
    was: "return excess <= 0 ? value : (value >> BigInt(excess)) << BigInt(excess);",
    becomes: "return excess < 0 ? value : (value >> BigInt(excess)) << BigInt(excess);",
    why: "To shift by 0 bits changes nothing.",
  },
  {
    file: "lib/chia/chain/epochs.ts",
    was: "else for (const floor of [least, old / factor]) if (value < floor) value = floor;",
    becomes: "else for (const floor of [least, old / factor]) if (value <= floor) value = floor;",
    why: "What is assigned where both are equal is what is there.",
  },
  {
    file: "lib/chia/chain/epochs.ts",
    was: "if (value >= old) value = value < factor * old ? value : factor * old;",
    becomes: "if (value >= old) value = value <= factor * old ? value : factor * old;",
    why: "Where both are equal either of them is the same number.",
  },
  {
    file: "lib/bitcoin/headers/header-table.ts",
    was: "const from = (row & SEGMENT_MASK) * RECORD_WORDS + HASH;",
    becomes: "const from = (row & SEGMENT_MASK) * RECORD_WORDS - HASH;",
    why: "The hash is the first field of a record: its place is 0, which may as well be taken off.",
  },
  {
    file: "lib/bitcoin/headers/header-table.ts",
    was: "segment[to + HASH + k] = hashes[index * 8 + k]!;",
    becomes: "segment[to - HASH + k] = hashes[index * 8 + k]!;",
    why: "The hash is the first field of a record: its place is 0, which may as well be taken off.",
  },
  {
    file: "lib/bitcoin/chain/pruning.ts",
    was: "while (chain.activeAt(lowest) >= 0 && !chain.hasData(chain.activeAt(lowest))) lowest += 1;",
    becomes: "while (chain.activeAt(lowest) > 0 && !chain.hasData(chain.activeAt(lowest))) lowest += 1;",
    why: "Row 0 is the first block, which is at height 0: the search begins at height 1.",
  },
  {
    file: "lib/bitcoin/headers/pow.ts",
    was: "if (size <= 3) {",
    becomes: "if (size < 3) {",
    why: "Of three bytes both ways shift by nothing.",
  },
  {
    file: "lib/bitcoin/headers/header-table.ts",
    was: "if (run === this.#word(b, RUN)) return this.height(a) > this.height(b);",
    becomes: ";",
    why:
      "A short way: within a run work is the base and so many times the same, above 0, so that it goes with the height.",
  },
  {
    file: "lib/transport/websocket/handshake.ts",
    was: "for (let i = Math.max(0, before - 3); i + 3 < this.#length; i++) {",
    becomes: "for (let i = Math.min(0, before - 3); i + 3 < this.#length; i++) {",
    why: "It begins at the start again, where an earlier call has found no blank line; places below 0 hold nothing.",
  },
  {
    file: "lib/bitcoin/script/batch.ts",
    was: "else if (deferred.length > from) this.#waiting.push({ spend, transaction: index, end: deferred.length });",
    becomes:
      "else if (deferred.length >= from) this.#waiting.push({ spend, transaction: index, end: deferred.length });",
    why: "An input that waits for no check is found good; it only takes room.",
  },
  {
    file: "lib/bitcoin/script/batch.ts",
    was: "if (error !== undefined && deferred.length > from) {",
    becomes: "if (error !== undefined && deferred.length >= from) {",
    why: "An input that had nothing on trust fails again as it did.",
  },
  {
    file: "lib/bitcoin/script/hash-buffer.ts",
    was: "if (to - from > SHORT_BYTES) bytes.set(source.subarray(from, to), at);",
    becomes: "if (!(to - from > SHORT_BYTES)) bytes.set(source.subarray(from, to), at);",
    why: "Both ways of copying give the same; which one is quicker is the only difference.",
  },
  {
    file: "lib/bitcoin/script/encodings.ts",
    was: "if (width >= 4) return undefined;",
    becomes: "if (width > 4) return undefined;",
    why:
      "A length of four bytes, none of them needless, goes beyond any element, or is negative and finds no integer there.",
  },
  {
    file: "lib/bitcoin/script/hash-buffer.ts",
    was: "if (to - from > SHORT_BYTES) bytes.set(source.subarray(from, to), at);",
    becomes: "if (to - from >= SHORT_BYTES) bytes.set(source.subarray(from, to), at);",
    why: "Both ways of copying give the same.",
  },
  {
    file: "lib/bitcoin/script/numbers.ts",
    was: "return value >= SMALL_MIN && value <= SMALL_MAX ? small[value - SMALL_MIN]! : scriptNumber(value);",
    becomes: "return value >= SMALL_MIN && value < SMALL_MAX ? small[value - SMALL_MIN]! : scriptNumber(value);",
    why: "The number at the edge is written as the same bytes either way.",
  },
  {
    file: "lib/bitcoin/script/numbers.ts",
    was: "return value >= SMALL_MIN && value <= SMALL_MAX ? small[value - SMALL_MIN]! : scriptNumber(value);",
    becomes: "return value > SMALL_MIN && value <= SMALL_MAX ? small[value - SMALL_MIN]! : scriptNumber(value);",
    why: "The number at the edge is written as the same bytes either way.",
  },
  {
    file: "lib/bitcoin/script/encodings.ts",
    was: "if (end < 2 || bytes[0] !== TAG_SEQUENCE) return undefined;",
    becomes: "if (end <= 2 || bytes[0] !== TAG_SEQUENCE) return undefined;",
    why: "Behind two bytes no integer is found either.",
  },
  {
    file: "lib/storage/runs/writer.ts",
    was: "return this.#blockAt >= WAITING_BYTES_MAX;",
    becomes: "return this.#blockAt > WAITING_BYTES_MAX;",
    why: "When exactly so much waits it is written a block later.",
  },
  {
    file: "lib/storage/runs/writer.ts",
    was: "const grown = new Uint8Array(Math.max(this.#buffer.length * 2, this.#at + bytes));",
    becomes: "const grown = new Uint8Array(Math.min(this.#buffer.length * 2, this.#at + bytes));",
    why: "What is asked for is less than as much again; the buffer only grows more often.",
  },
  ...POOL_EQUAL,
];
