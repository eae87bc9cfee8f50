/**
 * What validation and compact blocks have done, as metrics tell it.
 *
 * @module
 */
import type { CompactFigures } from "../../bitcoin/compact/statistics.ts";
import type { ValidationFigures } from "../../bitcoin/chain/figures.ts";
import type { Figure } from "../chain-handle.ts";

const counter = (name: string, value: number, help: string): Figure => ({ name, help, kind: "counter", value });

/** The figures of compact blocks. */
export function compactFiguresOf(figures: CompactFigures): readonly Figure[] {
  const { transactions } = figures;
  const of = (name: string, value: number, help: string) => counter(`compact_${name}_total`, value, help);
  return [
    of("blocks_received", figures.received, "compact blocks of which a block was to be put together"),
    of("blocks_rebuilt", figures.rebuilt, "blocks that were put together"),
    of("blocks_rebuilt_at_once", figures.rebuiltAtOnce, "of these, those for which nothing was asked"),
    of("round_trips", figures.roundTrips, "questions for transactions of compact blocks"),
    of("fallbacks", figures.fallbacks, "blocks that were asked for whole instead"),
    of("given_up", figures.givenUp, "compact blocks that were left, as another peer's was further"),
    of("transactions_prefilled", transactions.prefilled, "transactions that came in compact blocks"),
    of("transactions_from_mempool", transactions.pool, "transactions of blocks that the mempool had"),
    of("transactions_from_extra", transactions.extra, "transactions of blocks that were kept beside the mempool"),
    of("transactions_asked", transactions.asked, "transactions of blocks that were asked for"),
    of("block_bytes", figures.blockBytes, "bytes of the blocks that were put together"),
    of("wire_bytes", figures.wireBytes, "bytes that came and went for them"),
    of("blocks_announced", figures.announced, "compact blocks that peers were sent unasked"),
    of("blocks_answered", figures.answered, "compact blocks that peers asked for"),
  ];
}

/** The figures; none where no coins are kept. */
export function figuresOf(figures: ValidationFigures | undefined): readonly Figure[] {
  if (figures === undefined) return [];
  const gauge = (name: string, value: number, help: string): Figure => ({ name, help, kind: "gauge", value });
  return [
    counter("connected_blocks_total", figures.connectedBlocks, "blocks that were connected"),
    counter("verified_inputs_total", figures.verifiedInputs, "inputs whose scripts were verified"),
    counter("cached_inputs_total", figures.cachedInputs, "inputs whose scripts were known to be good"),
    gauge("coins_cache_bytes", figures.coinBytes, "memory that changed coins take up"),
    gauge("coins_cache_bytes_max", figures.coinBytesMax, "memory that they may take up"),
    counter("coins_asked_total", figures.coinsAsked, "coins that were asked for"),
    counter("coins_from_memory_total", figures.coinsFromMemory, "coins that were asked for and that memory knew"),
    counter("coins_flushes_total", figures.flushes, "times that changed coins were written"),
    counter("coins_flushed_total", figures.flushedCoins, "changed coins that were written"),
    counter("coins_flush_seconds_sum", figures.flushMs / 1000, "time that writing them took"),
  ];
}
