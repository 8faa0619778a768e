//! Tables for people, and one line for each bar.

use crate::measure::Times;

/// On which side of its limit a figure has to be.
#[derive(Clone, Copy)]
pub enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// The bars so far.
#[derive(Default)]
pub struct Bars {
    met: u32,
    missed: Vec<String>,
    absent: Vec<String>,
}

impl Bars {
    /// Prints `bar NAME measured=… limit=… met|missed`, and what the figure is.
    pub fn judge(&mut self, name: &str, measured: f64, limit: Limit, what: &str) {
        let (bound, met, side) = match limit {
            Limit::AtMost(bound) => (bound, measured <= bound, "at most"),
            Limit::AtLeast(bound) => (bound, measured >= bound, "at least"),
        };
        let verdict = if met { "met" } else { "missed" };
        println!("bar {name} measured={} limit={} {verdict}  # {side}; {what}", figure(measured), figure(bound));
        if met {
            self.met += 1;
        } else {
            self.missed.push(name.to_owned());
        }
    }

    /// A bar for which there is no figure, which is neither met nor missed.
    pub fn absent(&mut self, name: &str, limit: f64, reason: &str) {
        println!("bar {name} measured=none limit={} unknown  # {reason}", figure(limit));
        self.absent.push(name.to_owned());
    }

    pub fn summary(&self) {
        let total = self.met as usize + self.missed.len() + self.absent.len();
        println!("\n{} of {total} bars met", self.met);
        for (verdict, names) in [("missed", &self.missed), ("not measured", &self.absent)] {
            if !names.is_empty() {
                println!("{verdict}: {}", names.join(", "));
            }
        }
    }
}

pub fn section(title: &str, explanation: &str) {
    println!("\n== {title}\n   {explanation}\n");
}

/// Times of contenders, and how many times as long as the one at `yardstick` each takes.
pub fn table(title: &str, times: &[Times], yardstick: usize) {
    println!("{title:<44} {:>11} {:>11} {:>11} {:>9}", "p10", "median", "p90", "ratio");
    for one in times {
        let ratio = times.get(yardstick).map_or(f64::NAN, |yardstick| one.ratio_to(yardstick));
        let [low, middle, high] = [0.1, 0.5, 0.9].map(|share| duration(one.quantile(share)));
        println!("  {:<42} {low:>11} {middle:>11} {high:>11} {ratio:>9.3}", one.name);
    }
}

/// Times of contenders as throughput.
pub fn throughput(title: &str, times: &[Times], bytes: usize, fastest: f64) {
    println!("{title:<44} {:>11} {:>11} {:>11} {:>9}", "GB/s p10", "median", "p90", "÷ fastest");
    for one in times {
        let rate = |share| bytes as f64 / one.quantile(share);
        let share = one.median() / fastest;
        println!("  {:<42} {:>11.2} {:>11.2} {:>11.2} {share:>9.3}", one.name, rate(0.9), rate(0.5), rate(0.1));
    }
}

pub fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        short if short < 10_000.0 => format!("{short:.0} ns"),
        middle if middle < 10_000_000.0 => format!("{:.1} µs", middle / 1e3),
        long => format!("{:.1} ms", long / 1e6),
    }
}

fn figure(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        format!("{value:.0}")
    } else if value.abs() < 10.0 {
        format!("{value:.3}")
    } else {
        format!("{value:.1}")
    }
}
