//! libsodium, loaded when the program runs: no headers are needed to build, and without the library only its rows are missing.

use std::ffi::{CStr, c_char, c_int, c_uchar, c_ulonglong, c_void};

/// Names under which releases since 1.0.12 are installed.
const NAMES: [&CStr; 3] = [c"libsodium.so.23", c"libsodium.so.26", c"libsodium.so"];

/// What to say when it is not there.
pub const MISSING: &str = "libsodium is not installed: sudo apt-get install libsodium23";

pub const NONCE: usize = 24;
pub const TAG: usize = 16;
pub const KEY: usize = 32;

type Seal = unsafe extern "C" fn(*mut c_uchar, *const c_uchar, c_ulonglong, *const c_uchar, *const c_uchar) -> c_int;

/// The functions that are compared.
#[derive(Clone, Copy)]
pub struct Sodium {
    pub malloc: unsafe extern "C" fn(usize) -> *mut c_void,
    pub free: unsafe extern "C" fn(*mut c_void),
    pub random: unsafe extern "C" fn(*mut c_void, usize),
    pub secretbox: Seal,
    pub secretbox_open: Seal,
    version: unsafe extern "C" fn() -> *const c_char,
}

impl Sodium {
    /// The library of this system; installed first where it is missing and this user may do that, as `cargo xtask` does with what it
    /// needs.
    pub fn load_or_install() -> Option<Self> {
        // SAFETY: a call without arguments.
        let root = unsafe { libc::geteuid() } == 0;
        Self::load().or_else(|| (root && install()).then(Self::load).flatten())
    }

    /// The library of this system, initialised; `None` when there is none.
    pub fn load() -> Option<Self> {
        // SAFETY: a well-known library is loaded by name, and stays loaded.
        let library = NAMES.iter().map(|name| unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) });
        let library = library.into_iter().find(|library| !library.is_null())?;
        let symbol = |name: &CStr| {
            // SAFETY: the library is loaded, the name is a C string.
            let found = unsafe { libc::dlsym(library, name.as_ptr()) };
            (!found.is_null()).then_some(found)
        };
        // SAFETY: the types are those of libsodium's headers, which have not changed since 1.0.12.
        unsafe {
            let init: unsafe extern "C" fn() -> c_int = std::mem::transmute(symbol(c"sodium_init")?);
            if init() < 0 {
                return None;
            }
            Some(Self {
                malloc: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(usize) -> *mut c_void>(symbol(
                    c"sodium_malloc",
                )?),
                free: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void)>(symbol(c"sodium_free")?),
                random: std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void, usize)>(symbol(
                    c"randombytes_buf",
                )?),
                secretbox: std::mem::transmute::<*mut c_void, Seal>(symbol(c"crypto_secretbox_easy")?),
                secretbox_open: std::mem::transmute::<*mut c_void, Seal>(symbol(c"crypto_secretbox_open_easy")?),
                version: std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> *const c_char>(symbol(
                    c"sodium_version_string",
                )?),
            })
        }
    }

    pub fn version(&self) -> String {
        // SAFETY: the library gives a string that lasts.
        unsafe { CStr::from_ptr((self.version)()) }.to_string_lossy().into_owned()
    }

    /// A fresh key, `plain` sealed into `sealed`, opened into guarded and locked memory, looked at, and freed. With `guard_key` the
    /// key has guarded and locked memory of its own, too.
    pub fn seal_open_free(&self, plain: &[u8], sealed: &mut [u8], guard_key: bool) {
        assert!(sealed.len() == plain.len() + TAG, "the sealed message has a tag");
        let (mut own_key, nonce) = ([0u8; KEY], [0u8; NONCE]);
        // SAFETY: every range has the length that the functions are told or that their documentation fixes.
        unsafe {
            let key = if guard_key { (self.malloc)(KEY).cast() } else { own_key.as_mut_ptr() };
            let opened: *mut u8 = (self.malloc)(plain.len()).cast();
            assert!(!key.is_null() && !opened.is_null(), "sodium_malloc failed");
            (self.random)(key.cast(), KEY);
            let length = plain.len() as c_ulonglong;
            (self.secretbox)(sealed.as_mut_ptr(), plain.as_ptr(), length, nonce.as_ptr(), key);
            let outcome =
                (self.secretbox_open)(opened, sealed.as_ptr(), length + TAG as c_ulonglong, nonce.as_ptr(), key);
            assert_eq!(outcome, 0, "secretbox does not open what it sealed");
            crate::measure::look_at(std::slice::from_raw_parts(opened, plain.len()));
            (self.free)(opened.cast());
            if guard_key {
                (self.free)(key.cast());
            }
        }
    }

    /// Guarded and locked memory, written once, wiped and given back.
    pub fn create_write_free(&self, plain: &[u8]) {
        // SAFETY: the memory has the length that is copied.
        unsafe {
            let memory: *mut u8 = (self.malloc)(plain.len()).cast();
            assert!(!memory.is_null(), "sodium_malloc failed");
            memory.copy_from_nonoverlapping(plain.as_ptr(), plain.len());
            std::hint::black_box(memory);
            (self.free)(memory.cast());
        }
    }
}

/// Whether the Debian package could be installed.
fn install() -> bool {
    eprintln!("libsodium is missing and is being installed: apt-get install libsodium23");
    let apt_get = |arguments: &[&str]| {
        let mut command = std::process::Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(std::process::Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    apt_get(&["update"]) && apt_get(&["install", "--yes", "--no-install-recommends", "libsodium23"])
}
