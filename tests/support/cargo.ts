/** Small Rust programs that ask a crate: built with `cargo`, where that is there, into the user's cache folder. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** What is built. */
export interface RustProgram {
  readonly name: string;
  /** Its one file. */
  readonly source: URL;
  /** Crates by name, each with its exact version. */
  readonly crates: Readonly<Record<string, string>>;
}

/** The path of the program, or why it cannot be built. The first build fetches the crates. */
export function rustProgram(
  { name, source, crates }: RustProgram,
): { readonly path: string } | { readonly missing: string } {
  const dependencies = Object.entries(crates).map(([crate, version]) => `${crate} = "=${version}"\n`).join("");
  const manifest =
    `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\n${dependencies}`;
  const hash = createHash("sha256").update(manifest).update(readFileSync(source)).digest("hex").slice(0, 16);
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "gemel-rust", `${name}-${hash}`);
  const [path, built] = [join(folder, name), join(folder, "target", "release", name)];
  if (existsSync(path)) return { path };
  if (spawnSync("cargo", ["--version"]).status !== 0) return { missing: "there is no cargo here" };
  mkdirSync(join(folder, "src"), { recursive: true });
  writeFileSync(join(folder, "Cargo.toml"), manifest);
  copyFileSync(fileURLToPath(source), join(folder, "src", "main.rs"));
  const { status, stderr } = spawnSync("cargo", ["build", "--release", "--quiet"], { cwd: folder, encoding: "utf8" });
  if (status !== 0) return { missing: `cargo failed: ${stderr.trim().split("\n").at(-1)}` };
  renameSync(built, path);
  return { path };
}
