/**
 * The documents that are made from the code: the table of settings in `docs/cli.md` and all of `docs/limits.md`. Run by
 * itself it writes them; a test compares them.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { CHAIN_SETTINGS } from "../../cli/chain-settings.ts";
import { NODE_SETTINGS } from "../../cli/node-settings.ts";
import type { ChainSetting, Setting } from "../../cli/setting.ts";

const root = new URL("../../", import.meta.url);
const BEGIN = "<!-- settings: made from the tables in cli/ -->";
const END = "<!-- /settings -->";

const cell = (text: string) => text.replaceAll("|", "\\|");

function settingRow(
  { key, value, standard, standardWords, document, help, only }: Setting & Pick<ChainSetting, "only">,
) {
  const isSwitch = value === undefined;
  const given = standard === undefined ? "" : isSwitch ? (standard === "true" ? "on" : "off") : `\`${standard}\``;
  const whose = only === undefined ? "" : `${only === "chia" ? "Chia" : "Bitcoin"}: `;
  return `| \`${key}\` | ${standardWords ?? given} | ${whose}${cell(document ?? help)} |`;
}

/** The settings as a table of Markdown. */
export function settingsTable(): string {
  const chains = NODE_SETTINGS.filter(({ key }) => key === "chain");
  const others = NODE_SETTINGS.filter(({ key }) => key !== "chain");
  const rows = [...chains, ...CHAIN_SETTINGS, ...others].map(settingRow);
  return ["| setting | default | |", "| --- | --- | --- |", ...rows].join("\n");
}

/** One bound of the code. */
interface Limit {
  readonly path: string;
  readonly name: string;
  readonly value: string;
  readonly text: string;
}

/** Names of constants that bound something: an amount, a size, a time, or how often. */
const BOUND = /_(?:MAX|MIN|MS|BYTES|SECONDS|MINUTES|HOURS|S|PER_[A-Z]+|AT_ONCE|EVERY|AFTER|COUNT|RATE|BLOCKS|POINTS)$/;

function limitsOf(path: string): Limit[] {
  const source = readFileSync(new URL(path, root), "utf8");
  const declaration =
    /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?(?:export )?const ([A-Z][A-Z0-9_]*)(?:: [a-z]+)? = ([^;{[]{1,80});/g;
  return [...source.matchAll(declaration)].flatMap(([, comment = "", name = "", value = ""]) => {
    const isNumber = /^[-\d._*+/ ()n]+$/.test(value) || /^(?:[-\d._*+/ ()n]|[A-Z][A-Z0-9_]+)+$/.test(value);
    if (!BOUND.test(name) || !isNumber) return [];
    const text = comment.replaceAll(/\n\s*\* ?/g, " ").replaceAll(/\{@link ([^}]+)\}/g, "`$1`").trim();
    return [{ path, name, value: value.replaceAll(/\s+/g, " ").trim(), text }];
  });
}

/** All bounds as a document: by file, as they are declared. */
export function limitsDocument(): string {
  const files = readdirSync(new URL("lib/", root), { recursive: true, encoding: "utf8" })
    .map((name) => `lib/${name.replaceAll("\\", "/")}`)
    // The bounds of simulated worlds concern nobody outside.
    .filter((path) => path.endsWith(".ts") && !path.startsWith("lib/sim/")).sort();
  const lines = [
    "# Limits",
    "",
    "Every bound of an amount, a size or a time, as the code declares it: what no peer and no caller can exceed, and how " +
    "long anything may take. The comment beside it says why. Made by `bun tests/support/documents.ts`; a test holds it " +
    "to the code.",
  ];
  for (const path of files) {
    const limits = limitsOf(path);
    if (limits.length === 0) continue;
    lines.push("", `## ${path}`, "", "| bound | value | |", "| --- | --- | --- |");
    for (const { name, value, text } of limits) lines.push(`| \`${name}\` | \`${value}\` | ${cell(text)} |`);
  }
  return lines.join("\n") + "\n";
}

/** A document's lines without what the formatter may change: how text wraps and how tables are aligned. */
export function linesOf(text: string): string[] {
  const rows = text.replaceAll(/ +/g, " ").replaceAll(/-{2,}/g, "-").split("\n");
  return rows.filter((row) => row !== "").join("\n").replaceAll(/(?<![|\n])\n(?![|#`-])/g, " ").split("\n");
}

/** The document of the command line, with the settings as they are now. */
export function cliDocument(): string {
  const text = readFileSync(new URL("docs/cli.md", root), "utf8");
  const [before = "", rest = ""] = text.split(BEGIN);
  const [, after = ""] = rest.split(END);
  return `${before}${BEGIN}\n\n${settingsTable()}\n\n${END}${after}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL("docs/cli.md", root), cliDocument());
  writeFileSync(new URL("docs/limits.md", root), limitsDocument());
}
