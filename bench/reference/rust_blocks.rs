// What rust-bitcoin does with a block: its own decoder and every txid. Copied into a crate of its own and built by
// bench/bitcoin-blocks.ts.
//
// Usage: rust_blocks FILE...: prints a JSON object of the median MB/s by file name.
use bitcoin::{consensus::deserialize, Block};
use std::time::Instant;

fn main() {
    let mut parts: Vec<String> = Vec::new();
    for name in std::env::args().skip(1) {
        let raw = std::fs::read(&name).unwrap();
        let work = || {
            let block: Block = deserialize(&raw).unwrap();
            for transaction in &block.txdata {
                std::hint::black_box(transaction.compute_txid());
            }
        };
        let began = Instant::now();
        while began.elapsed().as_millis() < 200 {
            work();
        }
        let mut rates: Vec<f64> = Vec::new();
        for _ in 0..9 {
            let (began, mut count) = (Instant::now(), 0usize);
            while began.elapsed().as_millis() < 150 {
                work();
                count += 1;
            }
            rates.push((raw.len() * count) as f64 / 1e6 / began.elapsed().as_secs_f64());
        }
        rates.sort_by(|a, b| a.total_cmp(b));
        parts.push(format!("{:?}: {:.1}", name, rates[4]));
    }
    println!("{{{}}}", parts.join(", "));
}
