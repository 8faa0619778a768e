//! Many worlds on all processors: each has a seed of its own, made from the run's, and nothing in common with the others.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::ledger::Check;
use crate::plan::Design;
use crate::rack::Rack;
use crate::random::Random;
use crate::world::{Report, World};

/// Applications in one world.
pub const IN_A_WORLD: usize = 50;

/// What came of many worlds.
#[derive(Default)]
pub struct Total {
    pub worlds: u64,
    pub findings: [u64; 7],
    pub counts: BTreeMap<&'static str, u64>,
    /// Of all events of all worlds, whatever order they ran in.
    pub digest: u64,
    /// The seeds of worlds with findings, and the first of their findings.
    pub failed: Vec<(u64, Vec<String>)>,
    pub taken: Duration,
}

impl Total {
    fn add(&mut self, seed: u64, report: Report) {
        self.worlds += 1;
        self.digest ^= report.digest.rotate_left((seed % 64) as u32);
        for (sum, findings) in self.findings.iter_mut().zip(report.findings) {
            *sum += findings;
        }
        for (what, count) in report.counts {
            *self.counts.entry(what).or_default() += count;
        }
        if report.findings.iter().any(|findings| *findings > 0) && self.failed.len() < 20 {
            self.failed.push((seed, report.texts));
        }
    }

    pub fn found(&self, check: Check) -> u64 {
        self.findings[check as usize]
    }

    pub fn counted(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|findings| *findings == 0)
    }

    pub fn print(&self) {
        let seconds = self.taken.as_secs_f64();
        let sessions = self.counted("applications");
        println!(
            "{sessions} sessions in {} worlds, {seconds:.1} s, {:.0} a second",
            self.worlds,
            sessions as f64 / seconds
        );
        println!("digest of all events {:016x}; peak memory {} MiB", self.digest, peak_memory_mib());
        for (what, count) in &self.counts {
            println!("  {count:>10}  {what}");
        }
        println!("what must be 0:");
        for (check, name) in Check::ALL {
            println!("  {:>10}  {name}", self.found(check));
        }
        for (seed, texts) in &self.failed {
            println!("world {seed:#018x}: {}", texts.join("; "));
            println!("  again, with a trace: cargo xtask soak --world {seed:#018x}");
        }
    }
}

/// The two kinds of rack: most worlds have small chunks, so that small documents have several.
pub struct Racks {
    small: Rack,
    ordinary: Option<Rack>,
}

impl Racks {
    pub fn new() -> Self {
        Self { small: Rack::new(1024), ordinary: None }
    }

    /// One world.
    pub fn world(&mut self, seed: u64, design: Design, trace: bool) -> Report {
        let rack = if seed.is_multiple_of(16) {
            self.ordinary.get_or_insert_with(|| Rack::new(16 * 1024))
        } else {
            &self.small
        };
        World::run(seed, IN_A_WORLD, design, rack, trace)
    }
}

/// Runs so many sessions, on so many threads. The same seed gives the same total, whatever the number of threads.
pub fn run(seed: u64, sessions: u64, threads: usize, design: Design, progress: bool) -> Total {
    let worlds = sessions.div_ceil(IN_A_WORLD as u64);
    let (next, total, started) = (AtomicU64::new(0), Mutex::new(Total::default()), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut racks = Racks::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= worlds {
                        return;
                    }
                    let seed = Random::derived(seed, number).next();
                    let report = racks.world(seed, design, false);
                    let mut total = total.lock().unwrap();
                    total.add(seed, report);
                    if progress && total.worlds.is_multiple_of(1000) {
                        let sessions = total.counted("applications");
                        println!("{sessions} sessions, {:.0} s", started.elapsed().as_secs_f64());
                    }
                }
            });
        }
    });
    let mut total = total.into_inner().unwrap();
    total.failed.sort();
    total.taken = started.elapsed();
    total
}

fn peak_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}
