// What bitcoinjs-lib does with a block: its own decoder and every txid. Run by bench/bitcoin-blocks.ts, on the runtime
// that it runs on itself, in a folder where the package is installed.
//
// Usage: bitcoinjs_blocks.mjs FILE...: prints a JSON object of the median MB/s by file name.
import { readFileSync } from "node:fs";
import process from "node:process";
import { Block } from "bitcoinjs-lib";

const rates = {};
for (const name of process.argv.slice(2)) {
  const raw = readFileSync(name);
  const work = () => {
    for (const transaction of Block.fromBuffer(raw).transactions) transaction.getHash();
  };
  for (const start = performance.now(); performance.now() - start < 400;) work();
  const rounds = [];
  for (let round = 0; round < 9; round++) {
    let count = 0;
    const start = performance.now();
    do {
      work();
      count++;
    } while (performance.now() - start < 150);
    rounds.push(raw.length * count / 1e3 / (performance.now() - start));
  }
  rates[name] = rounds.sort((a, b) => a - b)[4];
}
process.stdout.write(JSON.stringify(rates) + "\n");
