/**
 * Errors that nobody foresaw: thrown in a callback of the runtime, or a rejection without a handler. The node goes on, as
 * what is stored is stored whole or not at all; the operator is told in the form in which the log is written.
 *
 * @module
 */

/** Where the runtime tells of them: `process`. */
export interface UnforeseenSource {
  on(event: "uncaughtException" | "unhandledRejection", listener: (thrown: unknown) => void): unknown;
  off(event: "uncaughtException" | "unhandledRejection", listener: (thrown: unknown) => void): unknown;
}

/** So many are told with where they arose; the same again and again would fill the disk. */
const TOLD_MAX = 100;

/** Tells each of them until the returned function is called. */
export function onUnforeseen(source: UnforeseenSource, tell: (text: string) => void): () => void {
  let count = 0;
  const listener = (thrown: unknown) => {
    count += 1;
    if (count > TOLD_MAX) return;
    const text = thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown);
    tell(`an error that was not foreseen, please report it: ${text}`);
    if (count === TOLD_MAX) tell("further errors that were not foreseen are not told");
  };
  for (const event of ["uncaughtException", "unhandledRejection"] as const) source.on(event, listener);
  return () => {
    for (const event of ["uncaughtException", "unhandledRejection"] as const) source.off(event, listener);
  };
}
