/**
 * A folder such as somebody else may have written: files that the runtime inside the program would read, were it told
 * nothing else, and run the code that they name.
 *
 * @module
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Every file that {@link makeHostile} writes; none of them may be opened. */
export const HOSTILE_FILES = [
  ".env",
  ".env.local",
  ".env.production",
  ".env.development",
  "bunfig.toml",
  ".bunfig.toml",
  "tsconfig.json",
  "package.json",
  "evil.ts",
] as const;

/** Writes the files into a folder; the returned function tells whether their code ran. */
export function makeHostile(folder: string): () => boolean {
  const trace = join(folder, "evil-ran");
  const bunfig = `preload = ["./evil.ts"]\n[run]\nsilent = true\n`;
  const env = [
    "GEMEL_RUN_RPC=0.0.0.0:7777",
    "GEMEL_RUN_NETWORK=nowhere",
    "NODE_TLS_REJECT_UNAUTHORIZED=0",
    `BUN_OPTIONS=--preload=${join(folder, "evil.ts")}`,
    "HOME=/nonexistent",
    "",
  ].join("\n");
  const contents: Record<(typeof HOSTILE_FILES)[number], string> = {
    ".env": env,
    ".env.local": env,
    ".env.production": env,
    ".env.development": env,
    "bunfig.toml": bunfig,
    ".bunfig.toml": bunfig,
    "tsconfig.json": '{"compilerOptions": {"paths": {"*": ["./evil.ts"]}}}\n',
    "package.json": '{"name": "evil", "main": "./evil.ts", "imports": {"#platform": "./evil.ts"}}\n',
    "evil.ts": `import { writeFileSync } from "node:fs";\nwriteFileSync(${JSON.stringify(trace)}, "");\n`,
  };
  for (const [name, content] of Object.entries(contents)) writeFileSync(join(folder, name), content);
  return () => existsSync(trace);
}
