//! What a script chooses for each parameter.

use super::header::{Function, Parameter};
use super::memory::Region;
use super::{Held, Host, Prepared, call_back, town};

/// The most bytes that are kept of what a call gave.
const LARGEST: usize = 20_000;

impl Host<'_> {
    /// Chooses what a function is called with; nothing for a call that is not to be made now.
    pub(super) fn prepare(&mut self, function: &Function, user_data: u64) -> Option<Prepared> {
        match function.name {
            // Each maps and locks memory.
            "shokyo_vault_open" if self.vaults >= 2 => return None,
            // Some milliseconds.
            "shokyo_station_open" | "shokyo_store_publish" if self.script.number() != 77 => return None,
            _ => {}
        }
        let mut prepared = Prepared { words: Vec::new(), places: Vec::new(), handle: None, is_right: true };
        let mut length = 0;
        for parameter in &function.parameters {
            let mut region = None;
            let word = match *parameter {
                Parameter::Handle(kind) => {
                    let (address, is_right) = self.handle(kind, function.name);
                    prepared.handle = Some(address);
                    prepared.is_right = is_right;
                    address as u64
                }
                Parameter::NewHandle(_) | Parameter::NumberOut => self.place(&mut region, &[], 8),
                Parameter::Place32 => self.place(&mut region, &[], 32),
                Parameter::StructOut(_, size) => {
                    let said = self.size(size);
                    self.place(&mut region, &(said as u32).to_ne_bytes(), said.max(4))
                }
                Parameter::StructIn(name, size) => {
                    if self.script.number() == 255 {
                        0
                    } else {
                        let content = self.content(name, size);
                        region.insert(Region::input(&content)).address()
                    }
                }
                Parameter::BytesIn => {
                    let bytes = self.bytes();
                    match bytes {
                        Err(impossible) => {
                            length = impossible;
                            0
                        }
                        Ok(bytes) => {
                            length = bytes.len();
                            region.insert(Region::input(&bytes)).address()
                        }
                    }
                }
                Parameter::BytesOut => match self.script.number() % 8 {
                    0..=2 => {
                        length = LARGEST;
                        region.insert(Region::output(&[], length)).address()
                    }
                    3 => {
                        length = self.script.number();
                        region.insert(Region::output(&[], length)).address()
                    }
                    4 => {
                        length = self.script.long() % LARGEST;
                        region.insert(Region::output(&[], length)).address()
                    }
                    other => {
                        length = if other == 5 { 0 } else { self.script.long() };
                        0
                    }
                },
                Parameter::Length => length as u64,
                Parameter::Session => match self.script.number() {
                    255 => 0,
                    254 => region.insert(Region::input(&[7; 32])).address(),
                    _ => region.insert(Region::input(&self.session)).address(),
                },
                Parameter::Text => match town::for_ever().text(self.script.number()) {
                    Some(text) => text.as_ptr() as u64,
                    None => 0,
                },
                Parameter::Number => self.small(),
                Parameter::Wide => self.wide(),
                Parameter::Callback => match self.script.number() % 16 {
                    15 => 0,
                    _ => call_back as *const () as u64,
                },
                Parameter::UserData => user_data,
            };
            prepared.places.push(region);
            prepared.words.push(word);
        }
        Some(prepared)
    }

    /// A handle for a parameter of this type, and whether a call with it may succeed.
    fn handle(&mut self, kind: &'static str, function: &str) -> (usize, bool) {
        let frees = function.ends_with("_free");
        let choice = self.script.number();
        let held = match choice {
            0..=179 => {
                let fits = |held: &&Held| held.kind == kind && held.is_live && !(frees && held.stays);
                let fitting: Vec<Held> = self.handles.iter().filter(fits).copied().collect();
                // The newest for 0.
                (!fitting.is_empty()).then(|| fitting[fitting.len() - 1 - choice % fitting.len()])
            }
            // One of this type that is dead, the newest.
            180..=209 => self.handles.iter().rfind(|held| held.kind == kind && !held.is_live).copied(),
            210..=229 => self.script.pick(self.handles.len()).map(|index| self.handles[index]),
            230..=239 => None,
            _ => return (self.script.long() << 8 | choice, false),
        };
        match held {
            Some(held) if frees && held.stays && held.kind == kind => (0, true),
            Some(held) => (held.address, held.is_live && held.kind == kind),
            None => (0, frees),
        }
    }

    /// A place for an output, or NULL.
    fn place(&mut self, region: &mut Option<Region>, first: &[u8], room: usize) -> u64 {
        if self.script.number() == 255 { 0 } else { region.insert(Region::output(first, room)).address() }
    }

    /// The size that a struct states.
    fn size(&mut self, size: usize) -> usize {
        match self.script.number() {
            250 => 0,
            251 => 3,
            252 => size - 1,
            253 => size + 8,
            254 => 4_096,
            _ => size,
        }
    }

    /// A struct that is read.
    fn content(&mut self, name: &str, size: usize) -> Vec<u8> {
        let said = self.size(size);
        let mut bytes = vec![0_u8; said.max(size)];
        match name {
            "shokyo_now" => {
                bytes[8..16].copy_from_slice(&self.now.monotonic_ms.to_ne_bytes());
                bytes[16..24].copy_from_slice(&self.now.unix_ms.to_ne_bytes());
            }
            // They have pointers inside.
            "shokyo_application" | "shokyo_log_check" => {
                let changed = self.script.number();
                let content = town::for_ever().content(name, changed);
                bytes[..content.len()].copy_from_slice(&content);
            }
            "shokyo_binding" => bytes[4..68].fill(self.script.number() as u8),
            // Numbers of 32 bits, none of which makes much memory.
            "shokyo_vault_options" => {
                let most = [1, 65_536, 4, 2, 65_536, 256, 1, 262_144, 5, 0, 0, 2, 512, 1_000, 1];
                for (place, most) in bytes[4..].chunks_exact_mut(4).zip(most) {
                    let chosen = if self.script.number() < 160 { 0 } else { self.script.long() as u32 % (most + 2) };
                    place.copy_from_slice(&chosen.to_ne_bytes());
                }
            }
            _ => {
                for place in bytes[4..].chunks_exact_mut(4) {
                    let chosen = if self.script.number() < 160 { 0 } else { self.small() as u32 };
                    place.copy_from_slice(&chosen.to_ne_bytes());
                }
            }
        }
        bytes[..4].copy_from_slice(&(said as u32).to_ne_bytes());
        bytes.truncate(said.max(4));
        bytes
    }

    /// Bytes that are there, or a length for NULL.
    fn bytes(&mut self) -> Result<Vec<u8>, usize> {
        let newest = self.frames.last().cloned().unwrap_or_default();
        match self.script.number() % 16 {
            0..=5 => Ok(newest),
            6..=9 => {
                let index = self.script.pick(self.frames.len());
                Ok(index.and_then(|index| self.frames.get(index).cloned()).unwrap_or_default())
            }
            10 | 11 => {
                let mut changed = newest;
                let place = self.script.long();
                if let Some(byte) = place.checked_rem(changed.len()).and_then(|place| changed.get_mut(place)) {
                    *byte ^= (self.script.number() | 1) as u8;
                }
                Ok(changed)
            }
            12 | 13 => {
                let length = self.script.number();
                Ok((0..length).map(|_| self.script.number() as u8).collect())
            }
            14 => Err(0),
            _ => Err([1, 32, usize::MAX, isize::MAX as usize + 1][self.script.number() % 4]),
        }
    }

    fn small(&mut self) -> u64 {
        match self.script.number() {
            0 => 1,
            number @ 1..=199 => number as u64 % 20,
            number @ 200..=239 => number as u64,
            other => [u32::MAX as u64, 1 << 31, 1_000, 1_001, 65_536][other % 5],
        }
    }

    fn wide(&mut self) -> u64 {
        match self.script.number() {
            0..=99 => self.token,
            100..=149 => 0,
            150..=199 => 1,
            200..=239 => self.script.long() as u64,
            _ => u64::MAX,
        }
    }
}
