// What Bitcoin Core's libbitcoinconsensus does with the inputs of a block, through its Rust crate. Built by
// bench/bitcoin-scripts.ts.
//
// Usage: consensus_scripts FILE: each transaction is length u32, bytes, count u32 of inputs, and for each value i64, length u32
// and script of what it spends. For each line of standard input, verifies all inputs and prints nanoseconds for each.
use bitcoinconsensus::{verify_with_flags, Utxo, VERIFY_ALL_PRE_TAPROOT, VERIFY_TAPROOT};
use std::io::BufRead;
use std::time::Instant;

struct Spend {
    transaction: Vec<u8>,
    values: Vec<i64>,
    scripts: Vec<Vec<u8>>,
    spends_taproot: bool,
}

fn read(data: &[u8]) -> Vec<Spend> {
    let mut at = 0;
    let mut take = |length: usize| {
        at += length;
        &data[at - length..at]
    };
    let mut spends = Vec::new();
    let mut left = data.len();
    while left > 0 {
        let length = u32::from_le_bytes(take(4).try_into().unwrap()) as usize;
        let transaction = take(length).to_vec();
        let count = u32::from_le_bytes(take(4).try_into().unwrap()) as usize;
        left -= 8 + length;
        let (mut values, mut scripts) = (Vec::new(), Vec::new());
        for _ in 0..count {
            values.push(i64::from_le_bytes(take(8).try_into().unwrap()));
            let length = u32::from_le_bytes(take(4).try_into().unwrap()) as usize;
            scripts.push(take(length).to_vec());
            left -= 12 + length;
        }
        let spends_taproot = scripts.iter().any(|script| script.len() == 34 && script[0] == 0x51);
        spends.push(Spend { transaction, values, scripts, spends_taproot });
    }
    spends
}

fn main() {
    let spends = read(&std::fs::read(std::env::args().nth(1).unwrap()).unwrap());
    for line in std::io::stdin().lock().lines() {
        line.unwrap();
        let began = Instant::now();
        let mut inputs = 0;
        for Spend { transaction, values, scripts, spends_taproot } in &spends {
            let spent: Vec<Utxo> = values
                .iter()
                .zip(scripts)
                .map(|(value, script)| Utxo {
                    script_pubkey: script.as_ptr(),
                    script_pubkey_len: script.len() as u32,
                    value: *value,
                })
                .collect();
            for (input, script) in scripts.iter().enumerate() {
                // It does less where it need not know what the other inputs spend.
                let (flags, spent) = match spends_taproot {
                    true => (VERIFY_ALL_PRE_TAPROOT | VERIFY_TAPROOT, Some(&spent[..])),
                    false => (VERIFY_ALL_PRE_TAPROOT, None),
                };
                verify_with_flags(script, values[input] as u64, transaction, spent, input, flags).unwrap();
                inputs += 1;
            }
        }
        println!("{:.1}", began.elapsed().as_nanos() as f64 / inputs as f64);
    }
}
