/**
 * A node that only reads: what it takes over from the one that writes, how far it is behind, and that it cannot change
 * anything. It asks the database now and then, and goes on by itself when that was away.
 *
 * @module
 */
import { messageOf, NodeError } from "./errors.ts";
import type { Clock } from "./ports.ts";

/** What another process writes, and this one follows. */
export interface Followed {
  /** The number of the writer's last commit: a small question. */
  commits(): Promise<number>;
  /** Takes over what was committed; resolves with the number of the last commit that is in it. */
  follow(): Promise<number>;
}

/** How a node that only reads stands against the one that writes. */
export interface FollowingState {
  /** Who writes; undefined when nobody does. */
  readonly writer: string | undefined;
  /** Commits that are known of and not taken over. */
  readonly commitsBehind: number;
  /** Milliseconds since the database last answered. */
  readonly heardMs: number;
  /** Why it does not answer; undefined when it does. */
  readonly trouble: string | undefined;
}

/** What following needs. */
export interface FollowingParts {
  readonly clock: Clock;
  /** What is read, for people: `bitcoin regtest`. */
  readonly subject: string;
  /** Who writes; undefined when nobody does. */
  readonly writer: () => Promise<string | undefined>;
  /** Hears that nobody writes any more, or that what is read was begun anew. This node is to start again. */
  readonly startAgain: (why: NodeError) => void;
  /** Whether this node would write, if nobody else did. */
  readonly standsBy: boolean;
  /** How often the database is asked; 500 by default. */
  readonly everyMs?: number;
  readonly notice: (level: "info" | "warning", text: string) => void;
}

/** The code of what a node that only reads refuses. */
export const ONLY_READS = "ONLY_READS";

const EVERY_MS = 500;
/** An answer that is not older than this is one of now. */
const CURRENT_MS = 5_000;

/** Follows one chain. */
export class Following {
  readonly #parts: FollowingParts;
  #writer: string | undefined;
  #known = 0;
  #taken = 0;
  #heardAt: number;
  #trouble: string | undefined;

  /** @param writer who writes as this node begins */
  constructor(parts: FollowingParts, writer: string | undefined) {
    this.#parts = parts;
    this.#writer = writer;
    this.#heardAt = parts.clock.monotonic();
  }

  /** How this node stands. */
  get state(): FollowingState {
    return {
      writer: this.#writer,
      commitsBehind: Math.max(0, this.#known - this.#taken),
      heardMs: Math.max(0, this.#parts.clock.monotonic() - this.#heardAt),
      trouble: this.#trouble,
    };
  }

  /** Whether this node has what the writer has, and the writer lives. */
  get isCurrent(): boolean {
    const { writer, commitsBehind, heardMs } = this.state;
    return writer !== undefined && commitsBehind === 0 && heardMs <= CURRENT_MS;
  }

  /** What people should know of: one sentence each. */
  get warnings(): readonly string[] {
    const { writer, heardMs, trouble } = this.state;
    const seconds = Math.round(heardMs / 1000);
    if (trouble !== undefined) return [`nothing was heard of the database for ${seconds} s: ${trouble}`];
    return writer === undefined ? ["nobody writes to the database: no block comes"] : [];
  }

  /** A command that only the writer can carry out. @throws NodeError {@link ONLY_READS} */
  refuse(): never {
    const { subject } = this.#parts;
    const writer = this.#writer === undefined ? "nobody writes now" : `${this.#writer} writes; ask that node`;
    throw new NodeError(ONLY_READS, "self", `this node only reads ${subject}: ${writer}`);
  }

  /** @throws NodeError `WRITER_WANTED` when nobody writes any more and this node would */
  async stillStandsBy(): Promise<void> {
    const { standsBy, writer, subject } = this.#parts;
    this.#writer = await writer();
    if (standsBy && this.#writer === undefined) throw wanted(subject);
  }

  /** Follows until the signal aborts. Never rejects. */
  async run(followed: Followed, signal: AbortSignal): Promise<void> {
    const { clock, everyMs = EVERY_MS } = this.#parts;
    while (!signal.aborted) {
      await this.look(followed);
      await clock.sleep(everyMs, signal).catch(() => {});
    }
  }

  /** Looks once, and takes over what there is. Never rejects. */
  async look(followed: Followed): Promise<void> {
    const { clock, subject, standsBy, startAgain, writer, notice } = this.#parts;
    try {
      this.#known = await followed.commits();
      if (this.#known !== this.#taken) this.#taken = await followed.follow();
      this.#writer = await writer();
      this.#heardAt = clock.monotonic();
      if (this.#trouble !== undefined) notice("info", `the database of ${subject} answers again`);
      this.#trouble = undefined;
    } catch (thrown) {
      if (thrown instanceof NodeError && thrown.code === "STORE_REPLACED") return startAgain(thrown);
      const text = messageOf(thrown);
      if (text !== this.#trouble) notice("warning", `${subject}: ${text}; it is asked again`);
      this.#trouble = text;
      return;
    }
    if (standsBy && this.#writer === undefined) {
      startAgain(wanted(subject));
    }
  }
}

/** Makes commands of a service refuse: nothing of it can be changed here. */
export function refuseCommands<S extends object>(
  service: S,
  commands: readonly (keyof S)[],
  following: Following,
): void {
  for (const name of commands) {
    Object.defineProperty(service, name, { value: () => following.refuse(), configurable: true });
  }
}

const wanted = (subject: string) => new NodeError("WRITER_WANTED", "self", `nobody writes ${subject} any more`);
