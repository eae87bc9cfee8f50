/**
 * What validation has done, as metrics tell it.
 *
 * @module
 */
import type { ValidationFigures } from "../../bitcoin/chain/figures.ts";
import type { Figure } from "../chain-handle.ts";

/** The figures; none where no coins are kept. */
export function figuresOf(figures: ValidationFigures | undefined): readonly Figure[] {
  if (figures === undefined) return [];
  const counter = (name: string, value: number, help: string): Figure => ({ name, help, kind: "counter", value });
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
