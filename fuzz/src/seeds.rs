//! Writes the seeds: what an honest run looks like, for the decoders in bytes, for the machines as scripts.

use std::fs;
use std::path::Path;

use shokyo::handover::{Frame, Record};

use crate::script::Script;
use crate::steps::run;
use crate::world::{World, Writer};

/// Scripts for the machines: policy, length, then steps (see `steps`).
const SCRIPTS: [&[u8]; 8] = [
    // To the end.
    &[0, 3, 0, 47, 0, 47, 0, 47],
    // With attachments, in several chunks.
    &[4, 5, 0, 47, 0, 47, 0, 47, 0, 47],
    // Two transactions at once.
    &[0, 4, 0, 9, 17, 0, 47, 0, 47, 0, 47, 0, 47],
    // The network loses and repeats.
    &[0, 3, 0, 9, 4, 0, 12, 0, 20, 5, 0, 0, 47, 8, 3, 8, 9, 0, 47],
    // Lines go and come back.
    &[0, 5, 0, 25, 14, 4, 14, 3, 15, 4, 15, 3, 12, 0, 47, 14, 0, 15, 0, 0, 47],
    // Records fail.
    &[0, 2, 0, 5, 11, 0, 17, 0, 20, 11, 0, 0, 47],
    // A jam while printing.
    &[0, 1, 0, 40, 16, 0, 0, 9, 0, 16, 0, 6, 0, 47],
    // Another's row; then frames that are signed anew.
    &[0, 1, 0, 14, 18, 2, 0, 0, 40, 21, 3, 5, 0, 20, 1, 21, 5, 1, 2, 22, 7, 3, 4, 1, 0, 47],
];

/// Scripts for the rules of a customer.
const CUSTOMERS: [&[u8]; 3] = [
    &[0, 0, 99, 21, 23, 0, 11, 12, 7, 13, 9, 2, 14, 3],
    &[1, 0, 99, 21, 1, 23, 11, 12, 7, 13, 4, 9, 14, 18],
    &[0, 0, 9, 21, 23, 0, 11, 12, 152, 255, 255, 7],
];

/// Writes them below the folder in `SHOKYO_SEEDS` and ends the process, if there is one.
pub fn write_if_asked() {
    if let Some(folder) = std::env::var_os("SHOKYO_SEEDS") {
        write(Path::new(&folder));
        std::process::exit(0);
    }
}

fn write(folder: &Path) {
    for (name, script) in crate::c_calls::seeds() {
        put(folder, "c_calls", name, &script);
    }
    let mut world = World::new(&mut Script(&[4, 5]), false);
    run(&mut world, 400);
    let mut kinds = Vec::new();
    for hop in &world.tape {
        let Ok(frame) = Frame::decode(&hop.bytes) else { continue };
        if kinds.contains(&frame.kind) {
            continue;
        }
        kinds.push(frame.kind);
        put(folder, "frame_decode", frame.kind.name(), &hop.bytes);
        put(folder, "body_decode", frame.kind.name(), &[&[frame.kind as u8], frame.body].concat());
    }
    let receipts = [Writer::Issuer, Writer::Relay(0), Writer::Kiosk(0)].map(|writer| {
        let records = &world.records[&writer];
        records.iter().find_map(|record| match record {
            Record::OwnReceipt { receipt, .. } => Some(receipt.clone()),
            _ => None,
        })
    });
    for (number, receipt) in receipts.iter().flatten().enumerate() {
        put(folder, "receipt_verify", &number.to_string(), receipt);
    }
    for target in ["issuer", "relay", "kiosk", "world"] {
        for (number, script) in SCRIPTS.iter().enumerate() {
            put(folder, target, &number.to_string(), script);
        }
    }
    for (name, bytes) in crate::readers::seeds() {
        put(folder, "readers", name, &bytes);
    }
    for (number, script) in CUSTOMERS.iter().enumerate() {
        put(folder, "customer", &number.to_string(), script);
    }
    world.end();
}

fn put(folder: &Path, target: &str, name: &str, bytes: &[u8]) {
    let folder = folder.join(target);
    fs::create_dir_all(&folder).expect("a folder for seeds");
    fs::write(folder.join(name.to_lowercase()), bytes).expect("a seed");
}
