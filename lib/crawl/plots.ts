/**
 * Small plots as SVG text: bars with names, and histograms. They need no script and no file beside them.
 *
 * @module
 */
import type { Count } from "./report.ts";

/** Text as HTML and SVG may hold it. */
export function escapeHtml(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replaceAll(/[&<>"']/g, (character) => names[character]!);
}

const WIDTH = 460;
const ROW = 20;
const LABEL = 190;
/** Bars of one plot; what is rarer is one bar together. */
const BARS_MAX = 14;

/** Horizontal bars, a row each. */
export function bars(title: string, counts: readonly Count[]): string {
  const shown = counts.length <= BARS_MAX ? counts : [
    ...counts.slice(0, BARS_MAX - 1),
    { name: "others", nodes: counts.slice(BARS_MAX - 1).reduce((sum, { nodes }) => sum + nodes, 0) },
  ];
  const most = Math.max(1, ...shown.map(({ nodes }) => nodes));
  const rows = shown.map(({ name, nodes }, at) => {
    const width = Math.max(1, Math.round((WIDTH - LABEL - 60) * nodes / most));
    const label = name.length > 28 ? `${name.slice(0, 27)}…` : name;
    const y = at * ROW;
    return `<g><title>${escapeHtml(name)}: ${nodes}</title>` +
      `<text x="${LABEL - 8}" y="${y + 14}" text-anchor="end">${escapeHtml(label)}</text>` +
      `<rect x="${LABEL}" y="${y + 3}" width="${width}" height="${ROW - 6}"/>` +
      `<text x="${LABEL + width + 6}" y="${y + 14}">${nodes}</text></g>`;
  });
  return figure(title, rows.join(""), WIDTH, Math.max(1, shown.length) * ROW);
}

const BINS = 24;
const HEIGHT = 140;

/** How often values of a list lie in each of some equal ranges. */
export function histogram(title: string, values: readonly number[], unit: string): string {
  if (values.length === 0) return figure(title, `<text x="8" y="20">no data</text>`, WIDTH, 30);
  const least = values.reduce((a, b) => Math.min(a, b), Infinity);
  const most = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const span = most - least || 1;
  const bins = new Array<number>(BINS).fill(0);
  for (const value of values) bins[Math.min(BINS - 1, Math.floor((value - least) / span * BINS))]! += 1;
  const highest = Math.max(...bins);
  const width = WIDTH / BINS;
  const rects = bins.map((nodes, at) => {
    if (nodes === 0) return "";
    const height = Math.max(1, Math.round((HEIGHT - 16) * nodes / highest));
    const from = least + span * at / BINS;
    const range = `${number(from)} – ${number(from + span / BINS)} ${unit}`;
    return `<g><title>${escapeHtml(range)}: ${nodes}</title><rect x="${(at * width + 1).toFixed(1)}" ` +
      `y="${HEIGHT - height}" width="${(width - 2).toFixed(1)}" height="${height}"/></g>`;
  });
  const axis = `<text x="0" y="${HEIGHT + 15}">${number(least)} ${escapeHtml(unit)}</text>` +
    `<text x="${WIDTH}" y="${HEIGHT + 15}" text-anchor="end">${number(most)} ${escapeHtml(unit)}</text>` +
    `<text x="0" y="10">${highest}</text>`;
  return figure(title, rects.join("") + axis, WIDTH, HEIGHT + 20);
}

function number(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}

function figure(title: string, inside: string, width: number, height: number): string {
  return `<figure><figcaption>${
    escapeHtml(title)
  }</figcaption><svg viewBox="0 0 ${width} ${height}" width="${width}" ` +
    `height="${height}" role="img" aria-label="${escapeHtml(title)}">${inside}</svg></figure>`;
}
