//! The runs.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use stateright::{Checker, Model};

use super::world::{Bounds, Handover, Orders};

fn number(name: &str, otherwise: u8) -> u8 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn holds(bounds: Bounds) {
    let model = Handover::new(bounds);
    let universe = Arc::clone(&model.universe);
    let started = Instant::now();
    let teller = model.clone();
    let checker = model.checker().threads(2).timeout(std::time::Duration::from_secs(u64::from(number("MODEL_SECONDS", 90)))).spawn_dfs().join();
    let [stations, frames, steps] = universe.sizes();
    let _ = writeln!(
        std::io::stdout(),
        "{bounds:?}: states={} unique={} depth={} stations={stations} frames={frames} steps={steps} {:.1} s",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        started.elapsed().as_secs_f64()
    );
    for (name, path) in checker.discoveries() {
        let _ = writeln!(std::io::stdout(), "{name}: {}", teller.tell(&path.into_vec()).join("\n    "));
    }
    checker.assert_properties();
}

#[test]
fn one_session() {
    holds(Bounds {
        kiosks: number("MODEL_KIOSKS", 1),
        chunks: number("MODEL_CHUNKS", 1),
        attachments: number("MODEL_ATTACH", 0) > 0,
        orders: if number("MODEL_EVERY", 0) > 0 { Orders::Every } else { Orders::Delays },
        faults: number("MODEL_FAULTS", 0),
    });
}
