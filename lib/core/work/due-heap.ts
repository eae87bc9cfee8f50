/**
 * Things that are due one after another. Each knows its own place, so that it can be taken out at any time: nothing that is
 * no longer wanted stays until its time.
 *
 * @module
 */

/** Something that is due at a time. */
export interface Due {
  /** Milliseconds of one clock. Not changed while it is in a heap. */
  dueAt: number;
  /** Its place in the heap that it is in; −1 in none. The heap's own. */
  place: number;
}

/** A binary heap, the next thing first. A thing is in one heap at most. */
export class DueHeap<T extends Due> {
  readonly #things: T[] = [];

  get size(): number {
    return this.#things.length;
  }

  /** What is due next; undefined when there is nothing. */
  get next(): T | undefined {
    return this.#things[0];
  }

  /** Puts something in. */
  add(thing: T): void {
    this.#set(this.#things.length, thing);
    this.#rise(thing.place);
  }

  /** Takes something out; nothing happens when it is not in. */
  remove(thing: T): void {
    const { place } = thing;
    if (place < 0) return;
    thing.place = -1;
    const last = this.#things.pop()!;
    if (last === thing) return;
    this.#set(place, last);
    this.#rise(place);
    this.#sink(last.place);
  }

  #set(place: number, thing: T): void {
    this.#things[place] = thing;
    thing.place = place;
  }

  #rise(from: number): void {
    const thing = this.#things[from]!;
    let place = from;
    while (place > 0) {
      const above = this.#things[(place - 1) >> 1]!;
      if (above.dueAt <= thing.dueAt) break;
      const { place: higher } = above;
      this.#set(place, above);
      place = higher;
    }
    this.#set(place, thing);
  }

  #sink(from: number): void {
    const thing = this.#things[from]!;
    let place = from;
    for (;;) {
      const left = this.#things[2 * place + 1];
      const right = this.#things[2 * place + 2];
      const below = right !== undefined && right.dueAt < left!.dueAt ? right : left;
      if (below === undefined || below.dueAt >= thing.dueAt) break;
      const { place: lower } = below;
      this.#set(place, below);
      place = lower;
    }
    this.#set(place, thing);
  }
}
