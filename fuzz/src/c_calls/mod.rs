//! Arbitrary sequences of calls of the C interface: handles that live, are freed, of another kind or invented; NULL; structs that state a
//! wrong size; rooms that are too small; lengths that cannot be; callbacks that stop, call back and free what is in use.
//!
//! Whatever it is: a documented status, never PANIC; nothing is written where it may not, and nothing at all when a call fails; a handle
//! that is not live never succeeds; what lives at the end can be freed, once.

mod header;
mod memory;
mod names;
mod town;

use std::cell::RefCell;
use std::ffi::{CStr, c_void};
use std::sync::OnceLock;

use header::{Function, Parameter};
use memory::Region;
use shokyo::ffi::{self, shokyo_now, shokyo_status};
use town::Town;

use crate::script::Script;

/// The most calls of one input.
const MOST_CALLS: usize = 400;
/// The most bytes that are kept of what a call gave.
const LARGEST: usize = 20_000;
/// What these do is to write to what they are given, also when they fail.
const WRITE_ALWAYS: [&str; 2] = ["shokyo_wipe", "shokyo_copy_erase"];
/// These give up their handle when they succeed, as all do whose names end with `_free`.
const CONSUME: [&str; 4] = ["shokyo_writer_finish", "shokyo_writer_erase", "shokyo_buffer_erase", "shokyo_copy_erase"];
const CAPACITY_TOO_SMALL: i32 = shokyo_status::CapacityTooSmall as i32;
/// After these, `shokyo_copy_erase` has given up its handle, too.
const COPY_GONE: [i32; 2] = [shokyo_status::WrongState as i32, shokyo_status::NotErased as i32];

/// A handle that the library gave.
#[derive(Clone, Copy)]
struct Held {
    kind: &'static str,
    address: usize,
    is_live: bool,
    /// It serves later inputs, too.
    stays: bool,
}

/// The host.
struct Host<'a> {
    script: Script<'a>,
    handles: Vec<Held>,
    /// What calls gave in bytes.
    frames: Vec<Vec<u8>>,
    now: shokyo_now,
    token: u64,
    session: [u8; 32],
    calls: usize,
    depth: usize,
    vaults: usize,
    town: Option<Town>,
}

struct Runner<'a>(RefCell<Host<'a>>);

/// What a call is made with.
struct Prepared {
    words: Vec<u64>,
    regions: Vec<Region>,
    /// For each parameter, its region.
    places: Vec<Option<usize>>,
    /// The handle that it is about.
    handle: Option<usize>,
    /// Whether that handle is live and of the right kind, or NULL where NULL may be.
    is_right: bool,
}

fn functions() -> &'static [Function] {
    struct Shared(Vec<Function>);
    // SAFETY: the addresses are those of functions, which every thread may call.
    unsafe impl Sync for Shared {}
    // SAFETY: as above.
    unsafe impl Send for Shared {}
    static FUNCTIONS: OnceLock<Shared> = OnceLock::new();
    &FUNCTIONS.get_or_init(|| Shared(header::functions())).0
}

/// Plays a script of calls, then frees what is left.
pub fn run(data: &[u8]) {
    let stays = town::for_ever();
    let mut now = shokyo_now { struct_size: size_of::<shokyo_now>() as u32, ..Default::default() };
    // SAFETY: a struct of the size that it states.
    assert!(unsafe { ffi::shokyo_clock(&raw mut now) } == shokyo_status::Ok);
    let handles =
        stays.handles.iter().map(|(kind, address)| Held { kind, address: *address, is_live: true, stays: true });
    let runner = Runner(RefCell::new(Host {
        script: Script(data),
        handles: handles.collect(),
        frames: Vec::new(),
        now,
        token: 0,
        session: [0; 32],
        calls: 0,
        depth: 0,
        vaults: 0,
        town: None,
    }));
    while runner.step() {}
    runner.end();
}

impl<'a> Runner<'a> {
    /// One step of the script; whether there was one.
    fn step(&self) -> bool {
        let mut host = self.0.borrow_mut();
        let Some(what) = host.script.byte() else { return false };
        host.calls += 1;
        if host.calls > MOST_CALLS {
            return false;
        }
        match what {
            // What the town does may call back: its host is not looked at meanwhile.
            0..=7 => {
                let town = host.town.take();
                drop(host);
                self.with(town, |town| town.pump(usize::from(what) + 1));
            }
            8 if host.town.is_none() && host.depth == 0 => {
                let now = host.now;
                drop(host);
                let town = Town::new(&now);
                let mut host = self.0.borrow_mut();
                let new = town.handles().map(|(kind, address)| Held { kind, address, is_live: true, stays: false });
                host.handles.extend(new);
                host.town = Some(town);
            }
            8 | 9 => {
                let milliseconds = (host.script.long() * 16) as u64;
                host.now.monotonic_ms += milliseconds;
                host.now.unix_ms += milliseconds;
                let town = host.town.take();
                drop(host);
                self.with(town, |town| town.pass(milliseconds));
            }
            _ => {
                let function = &functions()[usize::from(what - 10) % functions().len()];
                drop(host);
                self.call(function);
            }
        }
        true
    }

    /// Has the town do something, if there is one that nothing else has at work.
    fn with(&self, town: Option<Town>, work: impl FnOnce(&mut Town)) {
        if let Some(mut town) = town {
            work(&mut town);
            self.0.borrow_mut().town = Some(town);
        }
    }

    /// One call, and what must hold of it.
    fn call(&self, function: &Function) {
        let mut host = self.0.borrow_mut();
        let Some(mut prepared) = host.prepare(function, std::ptr::from_ref(self).cast::<c_void>() as u64) else {
            return;
        };
        drop(host);
        // SAFETY: the header declares as many parameters, all of them integers or pointers, which point to as much as is said.
        let answer = unsafe { invoke(function.address, &prepared.words) };
        self.0.borrow_mut().check(function, &mut prepared, answer as i32);
    }

    /// Frees what is left, each once.
    fn end(&self) {
        // SAFETY: no pointers.
        assert!(unsafe { ffi::shokyo_log_to(None, std::ptr::null_mut(), None) } == shokyo_status::Ok);
        let left: Vec<Held> =
            self.0.borrow().handles.iter().filter(|held| held.is_live && !held.stays).copied().collect();
        // Machines before their stations, documents before their vaults: any order would do.
        for held in left.iter().rev() {
            let free = functions().iter().find(|function| function.name == format!("{}_free", held.kind));
            let Some(free) = free else { panic!("{} has no function that frees it", held.kind) };
            // SAFETY: it takes a handle.
            let (first, second) = unsafe {
                let words = [held.address as u64];
                (invoke(free.address, &words) as i32, invoke(free.address, &words) as i32)
            };
            assert!(first == 0, "{} of a live handle gave {first}", free.name);
            assert!(second == shokyo_status::InvalidHandle as i32, "{} twice gave {second}", free.name);
        }
    }
}

impl Host<'_> {
    /// Chooses what a function is called with; nothing for a call that is not to be made now.
    fn prepare(&mut self, function: &Function, user_data: u64) -> Option<Prepared> {
        match function.name {
            // Each maps and locks memory.
            "shokyo_vault_open" if self.vaults >= 2 => return None,
            // Some milliseconds.
            "shokyo_station_open" | "shokyo_store_publish" if self.script.number() != 77 => return None,
            _ => {}
        }
        let mut prepared =
            Prepared { words: Vec::new(), regions: Vec::new(), places: Vec::new(), handle: None, is_right: true };
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
            prepared.places.push(region.map(|region| {
                prepared.regions.push(region);
                prepared.regions.len() - 1
            }));
            prepared.words.push(word);
        }
        Some(prepared)
    }

    /// What must hold after a call.
    fn check(&mut self, function: &Function, prepared: &mut Prepared, answer: i32) {
        if !function.gives_status {
            let sound = prepared.regions.iter().all(|region| region.is_sound(true));
            assert!(sound, "{} wrote where it may not", function.name);
            return;
        }
        let name = function.name;
        assert!(is_documented(answer), "{name} gave the status {answer}");
        assert!(answer != shokyo_status::Panic as i32, "{name} met a fault");
        assert!(answer != 0 || prepared.is_right, "{name} succeeded with a handle that is not live or of another kind");
        for (parameter, place) in function.parameters.iter().zip(&prepared.places) {
            let Some(region) = place.and_then(|place| prepared.regions.get(place)) else { continue };
            let may_write = answer == 0
                || WRITE_ALWAYS.contains(&name)
                || answer == CAPACITY_TOO_SMALL && *parameter == Parameter::NumberOut;
            assert!(region.is_sound(may_write), "{name} gave {answer} and wrote where it may not: {parameter:?}");
        }
        if answer == 0 {
            self.learn(function, prepared);
        } else if name == "shokyo_copy_erase" && COPY_GONE.contains(&answer) {
            self.bury(prepared.handle);
        }
    }

    /// What a successful call gave.
    fn learn(&mut self, function: &Function, prepared: &Prepared) {
        let consumes = function.name.ends_with("_free") || CONSUME.contains(&function.name);
        self.bury(prepared.handle.filter(|_| consumes));
        for (parameter, place) in function.parameters.iter().zip(&prepared.places) {
            let Some(region) = place.and_then(|place| prepared.regions.get(place)) else { continue };
            match *parameter {
                Parameter::NewHandle(kind) => {
                    let address = region.number() as usize;
                    assert!(address & 1 == 1, "{} gave {address:x}", function.name);
                    assert!(self.handles.iter().all(|held| held.address != address), "a handle came back");
                    self.vaults += usize::from(kind == "shokyo_vault");
                    // The defect: a new document's handle is taken for a dead one.
                    let is_live = !(crate::planted() && kind == "shokyo_buffer");
                    self.handles.push(Held { kind, address, is_live, stays: false });
                }
                Parameter::StructOut("shokyo_record", size) => {
                    let bytes = region.bytes();
                    if bytes.len() >= size {
                        self.session.copy_from_slice(&bytes[8..40]);
                        self.token = u64::from_ne_bytes(bytes[40..48].try_into().unwrap());
                    }
                }
                Parameter::BytesOut => self.frames.push(region.bytes()),
                _ => {}
            }
        }
        // What was given in bytes ends where the length says.
        if let Some((frame, length)) = self.frames.last_mut().zip(length_of(function, prepared)) {
            frame.truncate(length);
        }
        if self.frames.len() > 32 {
            self.frames.remove(0);
        }
    }

    /// What was freed or consumed.
    fn bury(&mut self, handle: Option<usize>) {
        self.handles.iter_mut().filter(|held| Some(held.address) == handle).for_each(|held| held.is_live = false);
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

/// How many bytes a call gave.
fn length_of(function: &Function, prepared: &Prepared) -> Option<usize> {
    let at = function.parameters.iter().position(|parameter| *parameter == Parameter::BytesOut)?;
    let after = function.parameters.iter().skip(at).position(|parameter| *parameter == Parameter::NumberOut)?;
    let region = prepared.regions.get((*prepared.places.get(at + after)?)?)?;
    Some(region.number() as usize)
}

fn is_documented(status: i32) -> bool {
    let text = |status| {
        // SAFETY: the library gives a null-terminated text for every number.
        unsafe { CStr::from_ptr(ffi::shokyo_status_text(status)) }
    };
    text(status) != text(-7)
}

/// Every callback: it goes on, stops, or calls back. What it is given besides is not looked at.
unsafe extern "C-unwind" fn call_back(user_data: *mut c_void) -> i32 {
    // SAFETY: the host that made the call lives until it returns, and every use of it is through a cell.
    let runner = unsafe { &*user_data.cast::<Runner<'_>>() };
    let mut host = runner.0.borrow_mut();
    let what = host.script.number();
    if what >= 128 && host.depth < 3 && host.calls < MOST_CALLS {
        host.depth += 1;
        drop(host);
        runner.step();
        runner.0.borrow_mut().depth -= 1;
        return 0;
    }
    i32::from(what % 8 == 7)
}

/// Calls a function of which it is known how many parameters it has.
///
/// # Safety
/// They are integers and pointers, which point to what the function's documentation asks for.
unsafe fn invoke(address: *const (), words: &[u64]) -> u64 {
    macro_rules! with {
        ($($word:ident)*) => {{
            // SAFETY: on this processor integers and pointers of up to 64 bits are all passed in the same places.
            let function: unsafe extern "C" fn($(with!(@ $word)),*) -> u64 = unsafe { std::mem::transmute(address) };
            let &[$($word),*] = words else { unreachable!() };
            // SAFETY: what the caller says.
            unsafe { function($($word),*) }
        }};
        (@ $word:ident) => { u64 };
    }
    match words.len() {
        0 => with!(),
        1 => with!(a),
        2 => with!(a b),
        3 => with!(a b c),
        4 => with!(a b c d),
        5 => with!(a b c d e),
        6 => with!(a b c d e f),
        7 => with!(a b c d e f g),
        8 => with!(a b c d e f g h),
        more => unimplemented!("{more} parameters"),
    }
}

/// Scripts that call every function, and some that get somewhere.
#[must_use]
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let number = |name: &str| functions().iter().position(|function| function.name == name).map(|at| at + 10);
    // With the first choice for everything.
    let calls = |names: &[&str]| -> Vec<u8> {
        let call = |name: &&str| {
            let at = number(&format!("shokyo_{name}")).unwrap_or_default();
            let zeros = functions().get(at - 10).map_or(0, |function| zeros(function));
            [vec![at as u8], vec![0; zeros]].concat()
        };
        names.iter().flat_map(call).collect()
    };
    let document =
        ["writer_new", "writer_write", "writer_finish", "buffer_length", "buffer_read_at", "buffer_for_each_window"];
    let evidence = [
        "buffer_erase",
        "erasure_verified",
        "erasure_describe",
        "erasure_copy_count",
        "erasure_copy_at",
        "erasure_free",
    ];
    let kiosk =
        ["kiosk_read_at", "kiosk_for_each_window", "kiosk_prove", "kiosk_register_copy", "copy_erase", "kiosk_print"];
    let every: Vec<&str> = functions().iter().filter_map(|function| function.name.strip_prefix("shokyo_")).collect();
    let mut seeds = vec![
        ("document", calls(&[document, evidence].concat())),
        ("free-and-use", calls(&["writer_new", "writer_finish", "buffer_free", "buffer_length"])),
        ("town", [vec![8, 7, 7, 7, 7], calls(&kiosk), vec![7, 7], calls(&["kiosk_delivered"]), vec![7, 7, 7]].concat()),
    ];
    let names = ["every-a", "every-b", "every-c", "every-d"];
    seeds.extend(
        names.into_iter().zip(every.chunks(every.len().div_ceil(4)).map(|some| [vec![8, 7], calls(some)].concat())),
    );
    seeds
}

/// How many choices a call makes when each is the first.
fn zeros(function: &Function) -> usize {
    let one = |parameter: &Parameter| match parameter {
        Parameter::Length | Parameter::UserData => 0,
        Parameter::StructIn("shokyo_now", _) => 2,
        Parameter::StructIn("shokyo_application" | "shokyo_log_check" | "shokyo_binding", _) => 3,
        Parameter::StructIn("shokyo_vault_options", _) => 17,
        Parameter::StructIn(_, size) => 2 + (size - 4) / 4,
        Parameter::StructOut(..) => 2,
        _ => 1,
    };
    function.parameters.iter().map(one).sum()
}
