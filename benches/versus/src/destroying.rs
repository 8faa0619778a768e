//! The keys of 100,000 live documents, destroyed at once and read back.

use std::time::Instant;

use shokyo::{Error, Vault, VaultOptions};

use crate::documents::BINDING;
use crate::report::{Bars, Limit, duration, section};

const DOCUMENTS: usize = 100_000;
const ROUNDS: usize = 9;
const BAR: &str = "erase_all_100000_keys_ms";

pub fn run(bars: &mut Bars) -> Result<(), Error> {
    section("destroy the keys of 100,000 live documents, and read them back", "one call: vault.erase_all()");
    let mut options = VaultOptions::small();
    options.chunk_size = 64;
    let vault = match Vault::open(options) {
        Ok(vault) => vault,
        Err(error @ Error::LockedMemoryExhausted { .. }) => {
            bars.absent(BAR, 1.0, &error.to_string());
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let documents = (0..DOCUMENTS).map(|_| vault.seal(BINDING, &[7; 16])).collect::<Result<Vec<_>, _>>()?;
        let started = Instant::now();
        let done = vault.erase_all();
        times.push(started.elapsed().as_nanos() as f64);
        assert_eq!((done.destroyed, done.verified), (DOCUMENTS as u64, DOCUMENTS as u64), "{done:?}");
        assert_eq!(documents[DOCUMENTS / 2].read_at(0, |_| ()), Err(Error::Erased));
    }
    times.sort_by(f64::total_cmp);
    let (least, median, most) = (times[0], times[ROUNDS / 2], times[ROUNDS - 1]);
    println!("  least {}, median {}, most {}", duration(least), duration(median), duration(most));
    bars.judge(BAR, median / 1e6, Limit::AtMost(1.0), "milliseconds");
    Ok(())
}
