//! Issuances at 16 in flight, and one at a time, beside the floor; both take turns in one run.

use std::time::{Duration, Instant};

use crate::child::{Child, Part, start_all};
use crate::place::Place;
use crate::report::{Bars, Limit, median};
use crate::{Failure, Scale};

/// Issuances at once.
const IN_FLIGHT: usize = 16;
/// No new round begins after this time.
const BUDGET: Duration = Duration::from_secs(45);

struct Size {
    bytes: usize,
    name: &'static str,
    label: &'static str,
    limit: f64,
    times: usize,
}

const SIZES: [Size; 2] = [
    Size { bytes: 1 << 20, name: "issuance_1mib", label: "1 MiB", limit: 1.5, times: 1 },
    Size { bytes: 256 << 10, name: "issuance_256kib", label: "256 KiB", limit: 2.2, times: 4 },
];

/// What some documents cost, each.
#[derive(Clone, Copy, Default)]
struct Cost {
    wall: f64,
    processor: f64,
    by_station: [f64; 4],
}

pub fn run(place: &Place, scale: Scale, bars: &mut Bars) -> Result<(), Failure> {
    println!("== issuances: four processes, three connections of mutual TLS 1.3, {IN_FLIGHT} in flight");
    println!("   times are per issuance; processor time is user and system of all four processes");
    println!("   the floor moves the same bytes over the same connections and does nothing else\n");
    for size in &SIZES {
        place.document(size.bytes)?;
    }
    let mut floor = start_all(Part::Floor, Part::Floor, place.path())?;
    let mut stations = start_all(Part::Station, Part::Station, place.path())?;
    for size in &SIZES {
        let count = scale.documents * size.times;
        // Once to fill pools, caches and the sockets' windows.
        once(&mut floor, IN_FLIGHT.min(count), size)?;
        once(&mut stations, IN_FLIGHT.min(count), size)?;
        let (mut floors, mut costs) = (Vec::new(), Vec::new());
        let begin = Instant::now();
        for round in 0..scale.rounds {
            if round > 0 && begin.elapsed() > BUDGET {
                break;
            }
            floors.push(once(&mut floor, count, size)?);
            costs.push(once(&mut stations, count, size)?);
        }
        judge(size, &floors, &costs, bars);
        alone(&mut stations, scale.alone, size)?;
    }
    Ok(())
}

fn once(four: &mut [Child; 4], count: usize, size: &Size) -> Result<Cost, Failure> {
    let times = |four: &[Child; 4]| -> Result<Vec<f64>, Failure> {
        four.iter().map(|child| Ok(child.processor_time()?.as_secs_f64())).collect()
    };
    let before = times(four)?;
    four[3].tell(&format!("run {count} {IN_FLIGHT} {}", size.bytes))?;
    let done = four[3].wait_for("done")?;
    let after = times(four)?;
    let wall: f64 = done.split(' ').next().unwrap_or_default().parse()?;
    let mut cost = Cost { wall: wall / 1e3 / count as f64, ..Cost::default() };
    for (into, (before, after)) in cost.by_station.iter_mut().zip(before.iter().zip(&after)) {
        *into = (after - before) * 1e3 / count as f64;
    }
    cost.processor = cost.by_station.iter().sum();
    Ok(cost)
}

fn judge(size: &Size, floors: &[Cost], costs: &[Cost], bars: &mut Bars) {
    let ratio = |of: fn(&Cost) -> f64| median(costs.iter().zip(floors).map(|(cost, floor)| of(cost) / of(floor)));
    let middle = |costs: &[Cost], of: &dyn Fn(&Cost) -> f64| median(costs.iter().map(of));
    println!(
        "{:<10} {:>10} {:>10} {:>9} {:>9} {:>9} {:>9}",
        size.label, "wall", "processor", "issuer", "centre", "ec", "kiosk"
    );
    for (name, costs) in [("floor", floors), ("shokyo", costs)] {
        let stations: Vec<String> =
            (0..4).map(|at| format!("{:>6.2} ms", middle(costs, &|cost: &Cost| cost.by_station[at]))).collect();
        let [wall, processor] = [middle(costs, &|cost: &Cost| cost.wall), middle(costs, &|cost: &Cost| cost.processor)];
        println!("  {name:<8} {wall:>7.2} ms {processor:>7.2} ms {}", stations.join(" "));
    }
    let wall = ratio(|cost| cost.wall);
    println!("  ratio    {wall:>10.2} {:>10.2}", ratio(|cost| cost.processor));
    bars.judge(
        size.name,
        ratio(|cost| cost.processor),
        Limit::AtMost(size.limit),
        &format!("processor time of an issuance of {} ÷ the same bytes moved; by wall time {wall:.2}", size.label),
    );
    let rate = 1e3 / middle(costs, &|cost: &Cost| cost.wall);
    if size.bytes == 256 << 10 {
        bars.judge("issuances_per_second", rate, Limit::AtLeast(300.0), "256 KiB, all four systems on this machine");
    } else {
        println!("  {rate:.0} issuances a second");
    }
}

/// One issuance at a time.
fn alone(four: &mut [Child; 4], count: usize, size: &Size) -> Result<(), Failure> {
    four[3].tell(&format!("run {count} 1 {}", size.bytes))?;
    let done = four[3].wait_for("done")?;
    let times: Vec<f64> = done.split(' ').filter_map(|word| word.parse().ok()).collect();
    if let [_, readable, complete] = times.as_slice() {
        let [readable, complete] = [readable, complete].map(|micros| micros / 1e3);
        println!(
            "  alone, median: readable at the kiosk after {readable:.1} ms, every receipt there after {complete:.1} ms\n"
        );
    }
    Ok(())
}
