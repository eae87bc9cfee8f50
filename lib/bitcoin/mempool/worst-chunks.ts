/**
 * Which chunk of all clusters has the lowest feerate: it goes first when the memory is used up.
 *
 * A heap of the last chunk of each cluster. A cluster that changed is put in again, and what is out of date is passed over. It
 * is made when it is first asked for: a pool that never fills up needs none.
 *
 * @module
 */
import type { Cluster, EntryChunk } from "./cluster.ts";

interface Place {
  readonly cluster: Cluster;
  readonly version: number;
  readonly rate: number;
}

/** Places that are out of date are thrown out when there are so many times as many as clusters. */
const SURPLUS = 3;
const PLACES_MIN = 1_024;

/** The worst chunk of all. */
export class WorstChunks {
  readonly #clusters: () => Set<Cluster>;
  /** A binary heap, the lowest rate first; undefined before the first question. */
  #heap: Place[] | undefined;
  /** Places at which the heap is made anew. */
  #placesMax = 0;

  /** @param clusters all clusters there are */
  constructor(clusters: () => Set<Cluster>) {
    this.#clusters = clusters;
  }

  /** A cluster is new, or its order may be another. */
  changed(cluster: Cluster): void {
    if (this.#heap === undefined) return;
    if (this.#heap.length >= this.#placesMax) this.#heap = undefined;
    else this.#push(placeOf(cluster));
  }

  /** The worst chunk; undefined when there is none. */
  peek(): EntryChunk | undefined {
    if (this.#heap === undefined) this.#make();
    const heap = this.#heap!;
    for (let first = heap[0]; first !== undefined; first = heap[0]) {
      if (first.version === first.cluster.version) return first.cluster.chunks.at(-1);
      this.#pop();
    }
    return undefined;
  }

  #make(): void {
    this.#heap = [];
    const clusters = this.#clusters();
    this.#placesMax = Math.max(PLACES_MIN, SURPLUS * clusters.size);
    for (const cluster of clusters) this.#push(placeOf(cluster));
  }

  #push(place: Place): void {
    const heap = this.#heap!;
    let at = heap.push(place) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (heap[above]!.rate <= place.rate) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = place;
  }

  #pop(): void {
    const heap = this.#heap!;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && heap[below + 1]!.rate < heap[below]!.rate) below += 1;
      if (heap[below]!.rate >= last.rate) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
  }
}

function placeOf(cluster: Cluster): Place {
  const { fee, weight } = cluster.chunks.at(-1)!;
  return { cluster, version: cluster.version, rate: fee / weight };
}
