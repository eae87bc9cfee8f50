// What libsecp256k1 does with the signatures of bench/curves.ts, through its Rust crate. Copied into a crate of its own and
// built by that benchmark.
//
// Usage: libsecp256k1 FILE: each row of 258 bytes is digest 32, ECDSA signature 64, key 33, BIP340 signature 64, x-only key
// 32, and 33 unused. For each line of standard input, `ecdsa` or `schnorr`, verifies all and prints nanoseconds for each.
use secp256k1::{ecdsa, schnorr, Message, PublicKey, Secp256k1, XOnlyPublicKey};
use std::io::BufRead;
use std::time::Instant;

const ROW: usize = 258;

fn main() {
    let path = std::env::args().nth(1).unwrap();
    let data = std::fs::read(path).unwrap();
    let secp = Secp256k1::verification_only();
    for line in std::io::stdin().lock().lines() {
        let is_ecdsa = line.unwrap() == "ecdsa";
        let began = Instant::now();
        let mut good = 0usize;
        for row in data.chunks_exact(ROW) {
            let message = Message::from_digest(row[0..32].try_into().unwrap());
            if is_ecdsa {
                let mut signature = ecdsa::Signature::from_compact(&row[32..96]).unwrap();
                // Consensus takes a high s.
                signature.normalize_s();
                let key = PublicKey::from_slice(&row[96..129]).unwrap();
                good += secp.verify_ecdsa(&message, &signature, &key).is_ok() as usize;
            } else {
                let signature = schnorr::Signature::from_slice(&row[129..193]).unwrap();
                let key = XOnlyPublicKey::from_slice(&row[193..225]).unwrap();
                good += secp.verify_schnorr(&signature, &message, &key).is_ok() as usize;
            }
        }
        let rows = data.len() / ROW;
        assert_eq!(good, rows);
        println!("{:.1}", began.elapsed().as_nanos() as f64 / rows as f64);
    }
}
