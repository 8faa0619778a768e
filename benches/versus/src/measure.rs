//! Contenders that take turns, and what came of it.
//!
//! Machines are noisy: other programs, frequencies, neighbours on the host. So every contender runs in every round, in a rotating
//! order, and what is compared is the ratio within each round. Nothing here decides what is good enough.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long one sample lasts at least, unless it is a single call.
const SAMPLE: Duration = Duration::from_micros(200);
const LEAST_ROUNDS: usize = 31;
const MOST_ROUNDS: usize = 401;

/// One way of doing the work.
pub struct Contender<'w> {
    name: &'static str,
    prepare: Option<Box<dyn FnMut() + 'w>>,
    work: Box<dyn FnMut() + 'w>,
}

impl<'w> Contender<'w> {
    /// Timed in batches that are long enough for the clock.
    pub fn new(name: &'static str, work: impl FnMut() + 'w) -> Self {
        Self { name, prepare: None, work: Box::new(work) }
    }

    /// Timed one call at a time, after `prepare`, which is not timed.
    pub fn prepared(name: &'static str, prepare: impl FnMut() + 'w, work: impl FnMut() + 'w) -> Self {
        Self { name, prepare: Some(Box::new(prepare)), work: Box::new(work) }
    }
}

/// Nanoseconds a call, one value for each round.
pub struct Times {
    pub name: &'static str,
    rounds: Vec<f64>,
}

impl Times {
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub fn quantile(&self, share: f64) -> f64 {
        quantile(self.rounds.clone(), share)
    }

    /// The median, over the rounds, of this one's time divided by the other's.
    pub fn ratio_to(&self, other: &Self) -> f64 {
        quantile(self.rounds.iter().zip(&other.rounds).map(|(own, other)| own / other).collect(), 0.5)
    }

    /// The median, over the rounds, of this one's time less the other's.
    pub fn difference_to(&self, other: &Self) -> f64 {
        quantile(self.rounds.iter().zip(&other.rounds).map(|(own, other)| own - other).collect(), 0.5)
    }
}

/// Lets the contenders take turns for about `budget`.
pub fn race(mut contenders: Vec<Contender<'_>>, budget: Duration) -> Vec<Times> {
    let iterations: Vec<u32> = contenders.iter_mut().map(calibrate).collect();
    let mut times: Vec<Times> = contenders.iter().map(|c| Times { name: c.name, rounds: Vec::new() }).collect();
    let started = Instant::now();
    for round in 0..MOST_ROUNDS {
        if round >= LEAST_ROUNDS && started.elapsed() > budget {
            break;
        }
        for turn in 0..contenders.len() {
            let index = (turn + round) % contenders.len();
            let taken = sample(&mut contenders[index], iterations[index]);
            times[index].rounds.push(taken);
        }
    }
    times
}

/// How many calls one sample needs.
fn calibrate(contender: &mut Contender<'_>) -> u32 {
    sample(contender, 1);
    if contender.prepare.is_some() {
        return 1;
    }
    let mut iterations = 1u32;
    while iterations < 1 << 24 && sample(contender, iterations) * f64::from(iterations) < SAMPLE.as_nanos() as f64 {
        iterations *= 2;
    }
    iterations
}

fn sample(contender: &mut Contender<'_>, iterations: u32) -> f64 {
    if let Some(prepare) = &mut contender.prepare {
        prepare();
    } else {
        // What the contender before left in the caches is not this one's to pay for.
        (contender.work)();
    }
    let started = Instant::now();
    for _ in 0..iterations {
        (contender.work)();
    }
    started.elapsed().as_nanos() as f64 / f64::from(iterations)
}

fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Looks at every byte, as a reader would, eight at a time.
#[inline(never)]
pub fn look_at(bytes: &[u8]) -> u64 {
    let (words, rest) = black_box(bytes).as_chunks::<8>();
    let words = words.iter().fold(0, |all, word| all ^ u64::from_le_bytes(*word));
    black_box(rest.iter().fold(words, |all, byte| all ^ u64::from(*byte)))
}
