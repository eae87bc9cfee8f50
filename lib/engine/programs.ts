/**
 * Where a topic's program comes from: it was emitted when the executable was compiled, or it is emitted now.
 *
 * @module
 */
import { prepared } from "#prepared";

/** What has a program. */
export type Topic = "secp256k1" | "bls12-381" | "class-group";

/** A module's bytes. What else a program has are addresses: numbers, or lists of them. */
export interface Program {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * The program of a topic.
 *
 * @param emit makes it where it is not prepared: what `compile/programs.ts` has for the topic
 */
export function programOf<P extends Program>(topic: Topic, wide: boolean, emit: (wide: boolean) => P): P {
  return prepared(topic, wide) as P | undefined ?? emit(wide);
}
