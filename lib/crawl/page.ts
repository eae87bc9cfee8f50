/**
 * A crawl as one HTML page: figures, plots and a table, with nothing to load and nothing that runs.
 *
 * @module
 */
import { addressText } from "../core/address-text.ts";
import { bars, escapeHtml, histogram } from "./plots.ts";
import type { CrawlReport, ReportNode } from "./report.ts";

/** Rows of the table; the other formats have them all. */
const ROWS_MAX = 2_000;

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2733; --paper: #fff; --soft: #6b7785; --bar: #2f6f9f; --line: #dde3e9; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e3e8ee; --paper: #14181d; --soft: #93a0ad; --bar: #62a4d4; --line: #2a323b; }
}
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem; }
h1 { font-size: 1.4rem; margin: 0; } p { color: var(--soft); margin: .3rem 0 1.5rem; }
.plots { display: flex; flex-wrap: wrap; gap: 2rem; } figure { margin: 0; } figcaption { font-weight: 600; }
svg { max-width: 100%; height: auto; } svg rect { fill: var(--bar); } svg text { fill: var(--ink); font-size: 11px; }
dl { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; } dt { color: var(--soft); } dd { margin: 0; font-size: 1.3rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; margin-top: 1.5rem; font-size: 13px; }
td, th { border-bottom: 1px solid var(--line); padding: .2rem .7rem .2rem 0; text-align: left; white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
`;

/** The page. */
export function toHtml(report: CrawlReport): string {
  const { totals, nodes } = report;
  const reached = nodes.filter(({ reachable }) => reachable);
  const figures: readonly (readonly [string, string | number])[] = [
    ["reachable", report.reachable],
    ["visited", report.visited],
    ["heard of", report.known],
    ["median height", totals.height?.median ?? "–"],
    ["median latency", totals.latency_ms === null ? "–" : `${totals.latency_ms.p50} ms`],
  ];
  const title = `${report.chain} ${report.network}: ${report.reachable} reachable nodes`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p>Crawled from ${escapeHtml(report.started)} to ${escapeHtml(report.ended)}; ended because ${reason(report)}.</p>
<dl>${figures.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(String(value))}</dd></div>`).join("")}</dl>
<div class="plots">
${bars("User agents", totals.user_agents)}
${bars("Protocol versions", totals.protocol_versions)}
${bars("Services", totals.services)}
${bars("Failures", totals.errors)}
${histogram("Heights", reached.flatMap(({ height }) => height ?? []), "")}
${histogram("Latency", reached.flatMap(({ latency_ms }) => latency_ms ?? []), "ms")}
</div>
<div class="scroll">${tableOf([...reached, ...nodes.filter(({ reachable }) => !reachable)])}</div>
</body>
</html>
`;
}

function reason({ end }: CrawlReport): string {
  const reasons = {
    exhausted: "nobody was left to visit",
    limit: "the limit of visits was reached",
    stopped: "it was stopped: this is a part",
  };
  return reasons[end];
}

function tableOf(nodes: readonly ReportNode[]): string {
  const rows = nodes.slice(0, ROWS_MAX).map((node) =>
    "<tr>" + [
      [addressText(node)],
      [node.user_agent ?? node.error?.code ?? ""],
      [node.protocol_version ?? ""],
      [node.service_names.join(" ")],
      [node.height ?? "", "n"],
      [node.latency_ms ?? "", "n"],
      [node.told, "n"],
      [node.last_seen ?? "never"],
    ].map(([text, kind]) => `<td${kind === undefined ? "" : ` class="${kind}"`}>${escapeHtml(String(text))}</td>`)
      .join("") +
    "</tr>"
  );
  const more = nodes.length > ROWS_MAX ? `<p>${nodes.length - ROWS_MAX} more are not shown here.</p>` : "";
  return "<table><thead><tr><th>Address</th><th>User agent or failure</th><th>Protocol</th><th>Services</th>" +
    '<th class="n">Height</th><th class="n">Latency ms</th><th class="n">Told</th><th>Last reached</th></tr></thead>' +
    `<tbody>${rows.join("\n")}</tbody></table>${more}`;
}
