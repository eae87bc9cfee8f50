// What rust-bitcoin does with a headers message: its own decoder, double SHA-256 and target check, and the link to the
// header before. Copied into a crate of its own and built by bench/bitcoin-headers.ts.
//
// Usage: rust_headers FILE ROUNDS: FILE is the payload of a headers message. Prints the median headers per second.
use bitcoin::block::Header;
use bitcoin::consensus::{encode::VarInt, Decodable};
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let payload = std::fs::read(&arguments[1]).unwrap();
    let rounds: usize = arguments[2].parse().unwrap();
    let mut rates: Vec<f64> = Vec::new();
    for round in 0..rounds + 2 {
        const REPEATS: usize = 20;
        let mut count = 0usize;
        let began = Instant::now();
        for _ in 0..REPEATS {
            let mut reader = &payload[..];
            let length = VarInt::consensus_decode(&mut reader).unwrap().0 as usize;
            let mut previous = None;
            for _ in 0..length {
                let header = Header::consensus_decode(&mut reader).unwrap();
                VarInt::consensus_decode(&mut reader).unwrap();
                let hash = header.validate_pow(header.target()).unwrap();
                assert!(previous.is_none_or(|known| header.prev_blockhash == known));
                previous = Some(hash);
            }
            count += length;
        }
        if round >= 2 {
            rates.push(count as f64 / began.elapsed().as_secs_f64());
        }
    }
    rates.sort_by(|a, b| a.partial_cmp(b).unwrap());
    println!("{:.0}", rates[rates.len() / 2]);
}
