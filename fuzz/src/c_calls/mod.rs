//! Arbitrary sequences of calls of the C interface: handles that live, are freed, of another kind or invented; NULL; structs that state a
//! wrong size; rooms that are too small; lengths that cannot be; callbacks that stop, call back and free what is in use.
//!
//! Whatever it is: a documented status, never PANIC; nothing is written where it may not, and nothing at all when a call fails; a handle
//! that is not live never succeeds; what lives at the end can be freed, once.

mod choice;
mod header;
mod invoke;
mod memory;
mod names;
mod outcome;
mod seeds;
mod town;

use std::cell::RefCell;
use std::ffi::c_void;
use std::sync::OnceLock;

use header::Function;
use invoke::invoke;
use memory::Region;
pub use seeds::seeds;
use shokyo::ffi::{self, shokyo_now, shokyo_status};
use town::Town;

use crate::script::Script;

/// The most calls of one input.
const MOST_CALLS: usize = 400;

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
    /// For each parameter, the memory that it points to.
    places: Vec<Option<Region>>,
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
        let Some(prepared) = host.prepare(function, std::ptr::from_ref(self).cast::<c_void>() as u64) else {
            return;
        };
        drop(host);
        // SAFETY: the header declares as many parameters, all of them integers or pointers, which point to as much as is said.
        let answer = unsafe { invoke(function.address, &prepared.words) };
        self.0.borrow_mut().check(function, &prepared, answer as i32);
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
