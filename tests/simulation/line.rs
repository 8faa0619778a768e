//! One connection between two neighbours. What is written at one end arrives at the other in order, or not at all once the
//! connection is lost; each end finds that out in its own time.

use std::collections::VecDeque;

use shokyo::handover::relay::Passing;
use shokyo::types::Time;

/// A frame on its way out of a station.
pub enum Outgoing {
    Frame(Vec<u8>),
    /// A relay's; it goes back to the machine when it is written. Since when it was held.
    Passing(Passing, Time),
}

/// One direction.
#[derive(Default)]
pub struct Way {
    /// What the sending host has not written yet.
    pub writing: VecDeque<Outgoing>,
    pub busy: bool,
    /// Nothing is written before.
    pub stalled_until: u64,
    /// What was written, and when it arrives.
    pub flight: VecDeque<(u64, Vec<u8>)>,
    last: u64,
    /// Some of what passed, for a faulty relay to send again.
    pub kept: VecDeque<Vec<u8>>,
    /// How often the head of the queue was put off because the receiver holds too much.
    pub put_off: u32,
}

impl Way {
    /// Puts a frame behind all others that are under way and gives the moment of its arrival.
    pub fn push(&mut self, arrival: u64, frame: Vec<u8>) -> u64 {
        self.last = self.last.max(arrival);
        self.flight.push_back((self.last, frame));
        self.last
    }

    pub fn keep(&mut self, frame: &[u8]) {
        const KEPT: usize = 12;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(frame.to_vec());
    }
}

/// A connection; `ways[0]` leads from the lower end, nearer to the kiosks, to the upper.
pub struct Line {
    pub ends: [usize; 2],
    /// The other stations that the upper end may be after a reconnect: servers of one issuer.
    pub servers: Vec<usize>,
    pub connected: bool,
    /// Counts connections, so that what belongs to an earlier one is known.
    pub generation: u32,
    /// Which end knows that the connection is lost.
    pub noticed: [bool; 2],
    pub ways: [Way; 2],
    pub latency: u64,
    pub jitter: u64,
    /// How long a frame takes to be written.
    pub write: u64,
}

impl Line {
    /// Everything in flight is gone.
    pub fn lose(&mut self) {
        self.connected = false;
        self.generation += 1;
        self.noticed = [false; 2];
        for way in &mut self.ways {
            way.flight.clear();
            way.last = 0;
            way.put_off = 0;
        }
    }
}
