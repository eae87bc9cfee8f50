/**
 * What a part of a node keeps of each peer for itself.
 *
 * @module
 */

/**
 * The state that one part keeps of each peer, made when it is asked for first. Nobody else can reach it, and it goes with
 * the peer. A `WeakMap` that never misses.
 */
export class PerPeer<P extends object, S> {
  readonly #states = new WeakMap<P, S>();
  readonly #make: (peer: P) => S;

  /** @param make the state of a peer of which nothing is known yet */
  constructor(make: (peer: P) => S) {
    this.#make = make;
  }

  /** The state of a peer, to be changed in place. */
  of(peer: P): S {
    let state = this.#states.get(peer);
    if (state === undefined) this.#states.set(peer, state = this.#make(peer));
    return state;
  }
}
