// Signatures by seed, good ones and changed ones, with libsecp256k1's verdict of each. Built by tests/support/secp256k1-cases.ts.
//
// For each line of standard input, `SEED COUNT`, writes COUNT rows: kind (0 ECDSA, 1 BIP340), bytes of the key, verdict, change,
// key 65, digest 32, signature 64.
use secp256k1::{ecdsa, schnorr, All, Keypair, Message, PublicKey, Secp256k1, SecretKey, XOnlyPublicKey};
use std::io::{BufRead, Write};

const N: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc,
    0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];
const P: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xfc, 0x2f,
];
const CHANGES: u64 = 14;

// splitmix64
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e3779b97f4a7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_exact_mut(8) {
            chunk.copy_from_slice(&self.next().to_be_bytes());
        }
        bytes
    }

    fn flip(&mut self, bytes: &mut [u8]) {
        let at = self.below(bytes.len());
        bytes[at] ^= 1 << self.below(8);
    }

    // A number at an edge: near 0, near the order, near the prime, near 2^256.
    fn edge(&mut self) -> [u8; 32] {
        let near = [[0; 32], N, P, [0xff; 32]][self.below(4)];
        let offset = self.below(5) as i32 - 2;
        let mut bytes = near;
        let mut carry = offset;
        for byte in bytes.iter_mut().rev() {
            let sum = *byte as i32 + carry;
            *byte = sum.rem_euclid(256) as u8;
            carry = sum.div_euclid(256);
        }
        bytes
    }
}

// n less a number below it.
fn negated(s: &[u8]) -> [u8; 32] {
    let mut result = [0; 32];
    let mut borrow = 0;
    for i in (0..32).rev() {
        let difference = N[i] as i32 - s[i] as i32 - borrow;
        borrow = (difference < 0) as i32;
        result[i] = difference.rem_euclid(256) as u8;
    }
    result
}

fn ecdsa_verdict(secp: &Secp256k1<All>, key: &[u8], digest: [u8; 32], signature: &[u8]) -> bool {
    let (Ok(key), Ok(mut signature)) = (PublicKey::from_slice(key), ecdsa::Signature::from_compact(signature)) else {
        return false;
    };
    // Consensus takes a high s.
    signature.normalize_s();
    secp.verify_ecdsa(&Message::from_digest(digest), &signature, &key).is_ok()
}

fn schnorr_verdict(secp: &Secp256k1<All>, key: &[u8], digest: [u8; 32], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (XOnlyPublicKey::from_slice(key), schnorr::Signature::from_slice(signature)) else {
        return false;
    };
    secp.verify_schnorr(&signature, &Message::from_digest(digest), &key).is_ok()
}

fn main() {
    let secp = Secp256k1::new();
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (seed, count) = line.split_once(' ').unwrap();
        let mut random = Random(seed.parse().unwrap());
        for _ in 0..count.parse::<usize>().unwrap() {
            let secret = loop {
                if let Ok(secret) = SecretKey::from_slice(&random.bytes()) {
                    break secret;
                }
            };
            let mut digest = random.bytes();
            let pair = Keypair::from_secret_key(&secp, &secret);
            let is_schnorr = random.below(2) == 1;
            let (mut key, mut signature) = if is_schnorr {
                let signature = secp.sign_schnorr_no_aux_rand(&Message::from_digest(digest), &pair);
                (pair.x_only_public_key().0.serialize().to_vec(), signature.as_ref().to_vec())
            } else {
                let signature = secp.sign_ecdsa(&Message::from_digest(digest), &secret).serialize_compact();
                let public = PublicKey::from_secret_key(&secp, &secret);
                let key = match random.below(4) {
                    0 => public.serialize_uncompressed().to_vec(),
                    _ => public.serialize().to_vec(),
                };
                (key, signature.to_vec())
            };
            // Half are good.
            let change = if random.below(2) == 0 { 0 } else { 1 + random.below(CHANGES as usize - 1) };
            match change {
                0 => {}
                1 => random.flip(&mut digest),
                2 => random.flip(&mut signature[..32]),
                3 => random.flip(&mut signature[32..]),
                4 => random.flip(&mut key),
                5 => signature[..32].copy_from_slice(&random.edge()),
                6 => signature[32..].copy_from_slice(&random.edge()),
                7 => {
                    let s = negated(&signature[32..]);
                    signature[32..].copy_from_slice(&s);
                }
                8 => {
                    let at = key.len() % 32;
                    key[at..at + 32].copy_from_slice(&random.edge());
                }
                9 => {
                    let at = key.len() % 32;
                    key[at..at + 32].copy_from_slice(&random.bytes());
                }
                // Hybrid keys, of either y.
                10 if key.len() == 65 => key[0] = 6 + random.below(2) as u8,
                11 => key[0] = random.below(9) as u8,
                12 => signature.rotate_left(32),
                _ => digest = random.edge(),
            }
            let judge = if is_schnorr { schnorr_verdict } else { ecdsa_verdict };
            let verdict = judge(&secp, &key, digest, &signature);
            let mut row = vec![is_schnorr as u8, key.len() as u8, verdict as u8, change as u8];
            key.resize(65, 0);
            row.extend_from_slice(&key);
            row.extend_from_slice(&digest);
            row.extend_from_slice(&signature);
            out.write_all(&row).unwrap();
        }
        out.flush().unwrap();
    }
}
