//! What a relay's process holds for each of very many sessions whose kiosk does not read, whatever the documents' size.

use std::time::Duration;

use crate::child::{Part, start_all};
use crate::place::Place;
use crate::report::{Bars, Limit};
use crate::{Failure, Scale};

const LIMIT: f64 = 65_536.0;
const LARGE: usize = 5_000_000;
const SMALL: usize = 256 << 10;

pub fn run(place: &Place, scale: Scale, bars: &mut Bars) -> Result<(), Failure> {
    let sessions = scale.sessions;
    println!(
        "== relays: {sessions} sessions at once of a kiosk that applies, asks for as much as it may, and does not read"
    );
    println!(
        "   resident memory of the EC centre's process, not shared and not a file's; a fresh process for each size\n"
    );
    // The issuing system holds every document until its kiosk has it.
    let room = available()? / 2 / sessions as u64;
    let large = LARGE.min(usize::try_from(room).unwrap_or(LARGE));
    if large < LARGE {
        println!("   the memory that is free here is enough for documents of {large} bytes only");
    }
    let mut worst: f64 = 0.0;
    for bytes in [SMALL.min(large), large] {
        worst = worst.max(one(place, sessions, bytes)?);
    }
    bars.judge(
        "relay_bytes_per_session",
        worst,
        Limit::AtMost(LIMIT),
        &format!("resident bytes of a relay for each of {sessions} sessions, documents of {SMALL} and {large} bytes"),
    );
    Ok(())
}

fn one(place: &Place, sessions: usize, bytes: usize) -> Result<f64, Failure> {
    place.document(bytes)?;
    let mut four = start_all(Part::Station, Part::Slow, place.path())?;
    let before = four[2].resident()?;
    four[3].tell(&format!("hold {sessions} {bytes}"))?;
    four[3].wait_for("offered")?;
    let offered = four[2].resident()?;
    four[3].tell("ask")?;
    four[3].wait_for("asked")?;
    // The relay holds what it can hold after a moment; the highest figure of some seconds counts.
    let mut full = 0;
    for _ in 0..30 {
        std::thread::sleep(Duration::from_millis(100));
        full = full.max(four[2].resident()?);
    }
    let each = |after: u64| after.saturating_sub(before) as f64 / sessions as f64;
    println!(
        "  documents of {bytes:>8} bytes: {:>7.0} bytes a session offered, {:>7.0} with chunks that nobody takes ({:.1} MiB before)",
        each(offered),
        each(full),
        before as f64 / 1048576.0
    );
    Ok(each(full))
}

fn available() -> Result<u64, Failure> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:")).ok_or("no MemAvailable")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024)
}
