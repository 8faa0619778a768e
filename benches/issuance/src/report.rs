//! One line for each bar, in the form of the other benches.

/// On which side of its limit a figure has to be.
#[derive(Clone, Copy)]
pub enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// The bars so far.
#[derive(Default)]
pub struct Bars {
    met: usize,
    missed: Vec<String>,
}

impl Bars {
    /// Prints `bar NAME measured=… limit=… met|missed`, and what the figure is.
    pub fn judge(&mut self, name: &str, measured: f64, limit: Limit, what: &str) {
        let (bound, met, side) = match limit {
            Limit::AtMost(bound) => (bound, measured <= bound, "at most"),
            Limit::AtLeast(bound) => (bound, measured >= bound, "at least"),
        };
        let verdict = if met { "met" } else { "missed" };
        println!("bar {name} measured={} limit={bound} {verdict}  # {side}; {what}", figure(measured));
        if met {
            self.met += 1;
        } else {
            self.missed.push(name.to_owned());
        }
    }

    pub fn summary(&self) {
        println!("\n{} of {} bars met", self.met, self.met + self.missed.len());
        if !self.missed.is_empty() {
            println!("missed: {}", self.missed.join(", "));
        }
    }
}

/// The middle of some figures; NaN of none.
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn figure(value: f64) -> String {
    if value.abs() < 10.0 { format!("{value:.3}") } else { format!("{value:.0}") }
}
