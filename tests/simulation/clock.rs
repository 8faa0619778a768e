//! A station's own clocks. They run faster or slower than the world's, start anywhere, and the calendar may jump; a deadline is
//! counted on the other, which never goes back.

use shokyo::types::{Now, Time};

use crate::random::Random;

/// 2026-09-21, in milliseconds since 1970.
const CALENDAR: u64 = 1_790_000_000_000;

#[derive(Clone, Debug)]
pub struct Clock {
    origin: u64,
    /// Microseconds of this clock in a second of the world.
    rate: u64,
    calendar: u64,
}

impl Clock {
    /// At most 3 per cent too fast or too slow, and a minute away from the right time.
    pub fn new(random: &mut Random) -> Self {
        Self {
            origin: random.below(1 << 40),
            rate: random.between(970_000, 1_030_000),
            calendar: CALENDAR + random.below(120_000) - 60_000,
        }
    }

    /// The reading at a moment of the world, in microseconds.
    pub fn now(&self, at: u64) -> Now {
        let elapsed = at * self.rate / 1_000_000 / 1000;
        Now { monotonic: Time(self.origin + elapsed), unix_ms: self.calendar + elapsed }
    }

    /// The first moment of the world at which this clock shows `time`.
    pub fn moment(&self, time: Time) -> u64 {
        (time.0.saturating_sub(self.origin) * 1000 * 1_000_000).div_ceil(self.rate)
    }

    /// Somebody sets the calendar: by up to two days, forwards or back.
    pub fn jump(&mut self, random: &mut Random) {
        const DAYS: u64 = 2 * 86_400_000;
        self.calendar = self.calendar + random.below(2 * DAYS) - DAYS;
    }
}
