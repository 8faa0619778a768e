//! Whether threads that work on documents of one vault get in each other's way.

use std::hint::black_box;
use std::time::Duration;

use shokyo::{Vault, VaultOptions};

use crate::documents::{ring_seal_open, seal_read_erase_one};
use crate::measure::{Contender, race};
use crate::report::{Bars, Limit, section, table};

const BUDGET: Duration = Duration::from_secs(4);
/// One chunk.
const SIZE: usize = 16 * 1024;
/// Documents for each thread: enough that starting a thread does not count.
const DOCUMENTS: usize = 200;
/// How much longer each may take when every processor works, beyond what the processors cost each other.
const LIMIT: f64 = 1.25;

/// The same work for each thread: alone, and on every processor at once.
pub fn run(bars: &mut Bars) -> Result<(), shokyo::Error> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    section(
        "one vault, a thread on every processor",
        "each thread seals, reads and erases 200 documents of 16 KiB. ring alone shows what processors cost each other anyway.",
    );
    let bar = "contention_thread_on_every_processor";
    if threads < 2 {
        bars.absent(bar, LIMIT, "there is one processor");
        return Ok(());
    }
    let mut options = VaultOptions::new();
    options.windows = options.windows.max(threads);
    options.rooms = options.rooms.max(threads);
    let vault = Vault::open(options)?;
    let plain = vec![0x5Au8; SIZE];
    let ring = || {
        let mut own = black_box(&plain).clone();
        (0..DOCUMENTS).for_each(|_| ring_seal_open(&black_box([3; 32]), &mut own));
    };
    let shokyo = || (0..DOCUMENTS).for_each(|_| seal_read_erase_one(&vault, &plain));
    let times = race(
        vec![
            Contender::new("ring, one thread", || at_once(1, &ring)),
            Contender::new("ring, a thread on every processor", || at_once(threads, &ring)),
            Contender::new("shokyo, one thread", || at_once(1, &shokyo)),
            Contender::new("shokyo, a thread on every processor", || at_once(threads, &shokyo)),
        ],
        BUDGET,
    );
    table(&format!("{threads} threads"), &times, 2);
    let (ring, shokyo) = (times[1].ratio_to(&times[0]), times[3].ratio_to(&times[2]));
    println!("  all at once ÷ one alone: ring {ring:.3}, shokyo {shokyo:.3}");
    bars.judge(bar, shokyo / ring, Limit::AtMost(LIMIT), "all at once ÷ one alone, ÷ the same of ring");
    println!();
    Ok(())
}

/// The work on this many threads, until the last has ended.
fn at_once(threads: usize, work: &(dyn Fn() + Sync)) {
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
}
