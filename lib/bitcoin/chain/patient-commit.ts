/**
 * Commits that the disk refuses for now: a step that was refused has changed nothing, so it is tried again until there is
 * room.
 *
 * @module
 */
import { messageOf, NodeError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import { DiskTrouble } from "./disk-trouble.ts";

/**
 * What may pass by itself: somebody makes room on the disk, ends the program that holds the database, or starts the server
 * that has it. A commit of which nobody knows whether it was made is not among them: it cannot be made twice.
 */
const PASSING: ReadonlySet<string> = new Set([
  ...["DISK_FULL", "FILE_FAILED", "DATABASE_UNAVAILABLE", "DATABASE_BUSY"],
  ...["DATABASE_AWAY", "DATABASE_CROWDED", "DATABASE_SLOW", "DATABASE_READ_ONLY"],
]);
const RETRY_MS = 10_000;

/** Hears when nothing can be stored any more, and when it can be again. */
export type StorageNotice = (level: "error" | "info", text: string) => void;

/** Tries commits, one after the other. */
export class PatientCommit {
  readonly #clock: Clock;
  readonly #notice: StorageNotice;
  readonly #trouble: DiskTrouble;
  /** How many have to know now whether all is stored: a failure is final then. */
  #hurrying = 0;
  #endRest = () => {};

  constructor(clock: Clock, notice: StorageNotice = () => {}, trouble: DiskTrouble = new DiskTrouble()) {
    this.#clock = clock;
    this.#notice = notice;
    this.#trouble = trouble;
  }

  /** Runs a step until it succeeds. Rejects with what does not pass by itself, and with anything while somebody hurries. */
  async run(step: () => Promise<void>): Promise<void> {
    for (let isTold = false;;) {
      try {
        await step();
        this.#trouble.passed(this);
        if (isTold) this.#notice("info", "blocks can be stored again");
        return;
      } catch (thrown) {
        const passes = thrown instanceof NodeError && PASSING.has(thrown.code) && this.#hurrying === 0;
        const what = passes ? `it is tried again every ${RETRY_MS / 1000} s` : "nothing is stored any more";
        const text = `${messageOf(thrown)}; ${what}`;
        if (!isTold || !passes) this.#notice("error", text);
        this.#trouble.refused(this, text, thrown);
        if (!passes) throw thrown;
        isTold = true;
        await this.#rest();
      }
    }
  }

  /** Waits for nothing until the returned function is called. */
  hurry(): () => void {
    this.#hurrying += 1;
    this.#endRest();
    return () => void (this.#hurrying -= 1);
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(RETRY_MS, resolve);
      this.#endRest = () => {
        cancel();
        resolve();
      };
    });
  }
}
