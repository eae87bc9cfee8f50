import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { listenOn } from "../../../lib/core/listeners.ts";
import type { Listener, ListenOptions } from "../../../lib/core/ports.ts";

/** Opens ports in memory; those of `taken` are not free. */
function ports(taken: readonly number[] = []) {
  const opened = new Set<number>();
  const open = ({ host, port }: ListenOptions): Promise<Listener> => {
    if (taken.includes(port)) return Promise.reject(new Error(`port ${port} is taken`));
    opened.add(port);
    return Promise.resolve({ address: { host, port }, close: () => Promise.resolve(void opened.delete(port)) });
  };
  return { opened, open };
}

const heard = { onConnection: () => {}, onFailure: () => {} };
const at = (...numbers: number[]) => numbers.map((port) => ({ host: "10.0.0.1", port }));

describe("listenOn()", () => {
  test("opens all addresses, is called by the first one's, and closes all", async () => {
    const { opened, open } = ports();
    const listener = await listenOn({ addresses: at(1, 2, 3), open }, heard);
    assert.deepEqual([...opened], [1, 2, 3]);
    assert.equal(listener?.address.port, 1);
    await listener?.close();
    assert.equal(opened.size, 0);
  });

  test("leaves none open when one is taken", async () => {
    const { opened, open } = ports([3]);
    await assert.rejects(listenOn({ addresses: at(1, 2, 3), open }, heard), /taken/);
    assert.equal(opened.size, 0);
  });

  test("without addresses nothing listens", async () => {
    assert.equal(await listenOn({ addresses: [], open: ports().open }, heard), undefined);
  });
});
