/**
 * The small changes that a test is to notice, as data.
 *
 * @module
 */
import { closing } from "./source.ts";

/** A change of a source: `length` characters from `at` on become `text`. */
export interface Edit {
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

/** One kind of change. */
export interface Operator {
  readonly name: string;
  /** Every place where it fits. `code` is the source with all that is no code blanked out, of the same length. */
  readonly edits: (code: string) => Iterable<Edit>;
}

/** Replaces what the pattern's group `it` matches. */
function swap(pattern: RegExp, becomes: Readonly<Record<string, string>>): Operator["edits"] {
  return function* (code) {
    for (const match of code.matchAll(new RegExp(pattern, "gd"))) {
      const [at, end] = match.indices!.groups!.it!;
      const was = code.slice(at, end);
      const text = becomes[was];
      if (text !== undefined) yield { at, length: end - at, text };
    }
  };
}

/** `if (…)` and `while (…)`: where the condition begins and ends, and what stands behind it. */
function* conditions(code: string): Iterable<{ start: number; open: number; close: number }> {
  for (const { index, 0: { length } } of code.matchAll(/\b(?:if|while) \(/g)) {
    const open = index + length - 1;
    const close = closing(code, open);
    if (close > 0) yield { start: index, open, close };
  }
}

/** The end of the statement that begins at `at`, past its semicolon. */
function statementEnd(code: string, at: number): number {
  for (let depth = 0; at < code.length; at++) {
    if ("([{".includes(code[at]!)) depth++;
    else if (")]}".includes(code[at]!) && --depth < 0) return -1;
    else if (code[at] === ";" && depth === 0) return at + 1;
  }
  return -1;
}

/** All operators. */
export const OPERATORS: readonly Operator[] = [
  {
    name: "bound shifted",
    // Types have no spaces around their angle brackets.
    edits: swap(/ (?<it><=|>=|<|>) /, { "<": "<=", "<=": "<", ">": ">=", ">=": ">" }),
  },
  { name: "equality turned", edits: swap(/ (?<it>===|!==) /, { "===": "!==", "!==": "===" }) },
  { name: "and, or", edits: swap(/ (?<it>&&|\|\|) /, { "&&": "||", "||": "&&" }) },
  { name: "plus, minus", edits: swap(/[\w)\]] (?<it>[+-]) [\w(]/, { "+": "-", "-": "+" }) },
  { name: "sum turned", edits: swap(/ (?<it>\+=|-=) /, { "+=": "-=", "-=": "+=" }) },
  { name: "every, some", edits: swap(/\.(?<it>every|some)\(/, { every: "some", some: "every" }) },
  { name: "least, most", edits: swap(/\bMath\.(?<it>min|max)\(/, { min: "max", max: "min" }) },
  { name: "true, false", edits: swap(/\b(?:return|=|=>) (?<it>true|false)\b/, { true: "false", false: "true" }) },
  {
    name: "condition turned",
    *edits(code) {
      for (const { open, close } of conditions(code)) {
        const inner = code.slice(open + 1, close);
        // A single comparison is turned by its own operator already.
        if (/^[^&|]* (?:===|!==) [^&|]*$/.test(inner)) continue;
        yield { at: open + 1, length: 0, text: "!(" };
      }
    },
  },
  {
    name: "guard dropped",
    *edits(code) {
      for (const { start, close } of conditions(code)) {
        const body = /^\s*(?:return|throw|continue|break)\b/.exec(code.slice(close + 1));
        const isElse = /else $/.test(code.slice(Math.max(0, start - 5), start));
        if (body === null || isElse) continue;
        const end = statementEnd(code, close + 1);
        if (end < 0 || /^\s*else\b/.test(code.slice(end))) continue;
        yield { at: start, length: end - start, text: ";" };
      }
    },
  },
  {
    name: "throw dropped",
    *edits(code) {
      for (const { index } of code.matchAll(/^ *throw /gm)) {
        const at = index + code.slice(index).indexOf("throw");
        const end = statementEnd(code, at);
        if (end > 0) yield { at, length: end - at, text: ";" };
      }
    },
  },
  {
    name: "call dropped",
    *edits(code) {
      for (const match of code.matchAll(/^ +(?<it>(?:await |void )?(?:this\.)?[#\w][\w.#?!]*\()/gm)) {
        const [, call = ""] = match;
        if (
          /^(?:if|for|while|switch|return|super|function|catch|constructor|get|set|async|static|test|describe)\b/.test(
            call,
          )
        ) {
          continue;
        }
        const at = match.index + match[0].length - call.length;
        const close = closing(code, at + call.length - 1);
        // Whole statements only: neither a declaration nor a part of something.
        if (close < 0 || code[close + 1] !== ";") continue;
        const before = code.slice(0, at).trimEnd().at(-1) ?? "";
        if (!";{}\0".includes(before)) continue;
        yield { at, length: close + 2 - at, text: ";" };
      }
    },
  },
];

/** A change of one file, with the lines that it concerns before and after. */
export interface Mutant {
  readonly file: string;
  readonly operator: string;
  readonly line: number;
  readonly was: string;
  readonly becomes: string;
  /** The whole changed source. */
  readonly source: string;
}

/** The lines from the one of `from` to the one of `to`, as one with single spaces. */
function lines(text: string, from: number, to: number): string {
  const start = text.lastIndexOf("\n", from - 1) + 1;
  const end = text.indexOf("\n", to);
  return text.slice(start, end < 0 ? undefined : end).replaceAll(/\s+/g, " ").trim();
}

/** Every mutant of a source. */
export function mutantsOf(file: string, text: string, code: string): Mutant[] {
  return OPERATORS.flatMap(({ name, edits }) =>
    [...edits(code)].map(({ at, length, text: by }): Mutant => {
      // A turned condition is closed where it ends.
      const isTurned = by === "!(";
      const close = isTurned ? closing(code, at - 1) : at + length;
      const source = isTurned
        ? text.slice(0, at) + by + text.slice(at, close) + ")" + text.slice(close)
        : text.slice(0, at) + by + text.slice(at + length);
      return {
        file,
        operator: name,
        line: text.slice(0, at).split("\n").length,
        was: lines(text, at, close),
        becomes: lines(source, at, close + source.length - text.length),
        source,
      };
    })
  );
}
