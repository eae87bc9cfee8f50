/**
 * The compiled program as a container runs it: uid 65534 or one that the system does not know, no home, few file
 * descriptors, a current folder of hostile files, and every file system read-only but the data folder.
 */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { makeHostile } from "../support/hostile-folder.ts";
import { binaryMissing, Gemel, suite, temporaryFolder } from "./binary.ts";

const NOBODY = 65534;
/** A uid that no list of users has. */
const STRANGER = 54321;

/**
 * Makes every mount read-only in a namespace of its own, the data folder ($0) excepted, proves it, and becomes nobody.
 * What cannot be remounted (other namespaces' mounts below /proc or /sys) is no place that the program could write to.
 */
const CONTAINER = `
mount --make-rprivate / && mount --bind "$0" "$0" || exit 121
for point in $(cut -d' ' -f5 /proc/self/mountinfo); do
  [ "$point" = "$0" ] || mount -o remount,bind,ro "$point" 2> /dev/null || true
done
touch /tmp/gemel-must-not-be 2> /dev/null && exit 122
unset HOME
ulimit -n 256
uid=$1
shift
exec setpriv --reuid "$uid" --regid "$uid" --clear-groups --no-new-privs -- "$@"
`;

function missing(): string | undefined {
  const program = binaryMissing();
  if (program !== undefined) return program;
  const reason = process.getuid?.() !== 0
    ? "only root can make everything read-only and become uid 65534"
    : spawnSync("unshare", ["-m", "true"]).status !== 0
    ? "mount namespaces are not allowed here (unshare -m)"
    : spawnSync("setpriv", ["--version"]).status !== 0
    ? "there is no setpriv"
    : undefined;
  if (reason !== undefined) process.stdout.write(`skipped: ${reason}\n`);
  return reason;
}

suite("gemel in an edge container", missing(), () => {
  const folder = temporaryFolder();
  after(() => folder.remove());
  chmodSync(folder.path, 0o755);
  const hostile = join(folder.path, "hostile");
  mkdirSync(hostile);
  const hasRun = makeHostile(hostile);

  for (const uid of [NOBODY, STRANGER]) {
    test(`runs as uid ${uid} with everything but its data folder read-only`, async () => {
      const dir = join(folder.path, `data-${uid}`);
      mkdirSync(dir, { mode: 0o700 });
      chownSync(dir, uid, uid);
      const options = { dir, cwd: hostile, through: ["unshare", "-m", "sh", "-c", CONTAINER, dir, `${uid}`] };
      const gemel = await Gemel.start(options);
      try {
        const status = readFileSync(`/proc/${gemel.process.pid}/status`, "utf8");
        assert.match(status, new RegExp(`^Uid:\t${uid}\t${uid}\t${uid}\t${uid}$`, "m"));
        const limits = readFileSync(`/proc/${gemel.process.pid}/limits`, "utf8");
        assert.match(limits, /^Max open files +256 +256 /m);
        const mounts = readFileSync(`/proc/${gemel.process.pid}/mountinfo`, "utf8").trim().split("\n");
        const root = mounts.filter((line) => line.split(" ")[4] === "/").at(-1);
        assert.match(root?.split(" ")[5] ?? "", /^ro/);
        assert.equal((await gemel.call("get_network_info")).network_name, "simulator0");
      } finally {
        assert.equal(await gemel.stop(), 143, gemel.process.stderr);
      }
      assert.ok(readdirSync(dir).includes("token"));
      assert.equal(statSync(join(dir, "token")).uid, uid);
      assert.equal(statSync(join(dir, "token")).mode & 0o777, 0o600);

      const again = await Gemel.start(options);
      assert.equal(await again.stop(), 143, "what it wrote itself it can open again");
      assert.equal(hasRun(), false);
    });
  }
});
