/**
 * Which characters of a TypeScript source are code: what stands in comments, strings, templates and regular expressions
 * is no place for a mutant.
 *
 * @module
 */

/** After these a `/` begins a regular expression, not a division. */
const BEFORE_REGEX = /(?:[(,=:[&|?{};+\-*%<>~^]|(?<![\w\])])!|\breturn|\btypeof|^)\s*$/;

/** The source with every character that is no code as `\0`; newlines stay. Of a template the parts in `${…}` are code. */
export function codeOf(text: string): string {
  const out = [...text];
  const blank = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (out[i] !== "\n") out[i] = "\0";
  };
  /** For each open `${`, how many braces are open in it. */
  const templates: number[] = [];
  let at = 0;
  const skipTemplate = (from: number) => {
    at = from;
    while (at < text.length && text[at] !== "`") {
      if (text[at] === "\\") at += 2;
      else if (text.startsWith("${", at)) {
        blank(from, at);
        at += 2;
        templates.push(0);
        return;
      } else at++;
    }
    at++;
    blank(from, at - 1);
  };
  while (at < text.length) {
    const from = at;
    const char = text[at]!;
    if (text.startsWith("//", at)) {
      while (at < text.length && text[at] !== "\n") at++;
      blank(from, at);
    } else if (text.startsWith("/*", at)) {
      at = text.indexOf("*/", at) + 2;
      blank(from, at);
    } else if (char === '"' || char === "'") {
      for (at++; text[at] !== char; at++) if (text[at] === "\\") at++;
      at++;
      blank(from + 1, at - 1);
    } else if (char === "`") {
      skipTemplate(at + 1);
    } else if (char === "/" && BEFORE_REGEX.test(text.slice(Math.max(0, at - 40), at))) {
      let inClass = false;
      for (at++; inClass || text[at] !== "/"; at++) {
        if (text[at] === "\\") at++;
        else if (text[at] === "[") inClass = true;
        else if (text[at] === "]") inClass = false;
      }
      at++;
      blank(from, at);
    } else if (char === "{" && templates.length > 0) {
      templates.push(templates.pop()! + 1);
      at++;
    } else if (char === "}" && templates.length > 0) {
      const depth = templates.pop()!;
      if (depth > 0) {
        templates.push(depth - 1);
        at++;
      } else skipTemplate(at + 1);
    } else at++;
  }
  return out.join("");
}

/** Where the bracket at `open` is closed; −1 when it is not. */
export function closing(code: string, open: number): number {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    if ("([{".includes(code[at]!)) depth++;
    else if (")]}".includes(code[at]!) && --depth === 0) return at;
  }
  return -1;
}
