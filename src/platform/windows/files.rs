//! Files and folders that are their owner's alone, and what is known of a file.
//!
//! "Alone" means here: the owner, the system itself and the machine's administrators, who can take every file anyway.

use core::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::windows::ffi::OsStrExt;
#[cfg(feature = "net")]
use std::os::windows::fs::MetadataExt;
use std::os::windows::io::{FromRawHandle, OwnedHandle};
use std::path::Path;

use windows_sys::Win32::Foundation::{GENERIC_WRITE, INVALID_HANDLE_VALUE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::Win32::Storage::FileSystem::{
    CREATE_NEW, CreateDirectoryW, CreateFileW, FILE_ATTRIBUTE_NORMAL, FILE_SHARE_READ,
};
use windows_sys::w;

/// Full access for the owner, the system and the administrators; nothing is taken over from the folder above.
const FILE: windows_sys::core::PCWSTR = w!("D:P(A;;FA;;;OW)(A;;FA;;;SY)(A;;FA;;;BA)");
/// The same, also for what is made in it.
const FOLDER: windows_sys::core::PCWSTR = w!("D:P(A;OICI;FA;;;OW)(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)");

/// Makes a file that is not there yet, to be written, which nobody but its owner can read or change from its first moment.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let name = wide(path)?;
    let private = Attributes::new(FILE)?;
    // SAFETY: the name ends with a zero, and the attributes live through the call.
    let handle = unsafe {
        CreateFileW(
            name.as_ptr(),
            GENERIC_WRITE,
            FILE_SHARE_READ,
            &raw const private.0,
            CREATE_NEW,
            FILE_ATTRIBUTE_NORMAL,
            core::ptr::null_mut(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is new and nobody else's.
    Ok(File::from(unsafe { OwnedHandle::from_raw_handle(handle) }))
}

/// Makes a folder that nobody but its owner can enter.
#[cfg_attr(not(feature = "net"), allow(dead_code))]
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    let name = wide(path)?;
    let private = Attributes::new(FOLDER)?;
    // SAFETY: the name ends with a zero, and the attributes live through the call.
    let made = unsafe { CreateDirectoryW(name.as_ptr(), &raw const private.0) };
    if made != 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Nothing is to be done: the file system's journal makes names durable with the files, and folders are not opened as files.
pub(crate) fn synchronise_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Why others than its owner may touch the file, and what to do; nothing when they may not. Others are the groups that everybody is in;
/// that a single other user was let in is not found.
#[cfg(feature = "net")]
pub(crate) fn shared_with_others(path: &Path) -> io::Result<Option<String>> {
    let remedy = "run icacls on it with /inheritance:r /grant:r \"%USERNAME%:F\"";
    let others = super::access::groups_let_in(&wide(path)?)?;
    Ok(others.map(|others| format!("{others} may read or change this key; {remedy}")))
}

/// Opens a file to be read.
#[cfg(feature = "net")]
pub(crate) fn open_without_waiting(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// What tells one version of a file from another: when it was made, how long it is, and when it was written.
#[cfg(feature = "net")]
pub(crate) fn version(metadata: &std::fs::Metadata) -> [u64; 4] {
    [metadata.creation_time(), metadata.file_size(), metadata.last_write_time(), u64::from(metadata.file_attributes())]
}

/// The path as the system takes it, a zero at its end.
fn wide(path: &Path) -> io::Result<Vec<u16>> {
    let mut name: Vec<u16> = path.as_os_str().encode_wide().collect();
    if name.contains(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    name.push(0);
    Ok(name)
}

/// Who may do what with something that is made.
struct Attributes(SECURITY_ATTRIBUTES);

impl Attributes {
    /// From a text in the security descriptor definition language.
    fn new(text: windows_sys::core::PCWSTR) -> io::Result<Self> {
        let mut descriptor: *mut c_void = core::ptr::null_mut();
        // SAFETY: the text ends with a zero; the place for the answer is valid.
        let made = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text,
                SDDL_REVISION_1,
                &raw mut descriptor,
                core::ptr::null_mut(),
            )
        };
        if made == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self(SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
            lpSecurityDescriptor: descriptor,
            bInheritHandle: 0,
        }))
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: the descriptor was made by the call in `new`, and is given back once.
        unsafe { LocalFree(self.0.lpSecurityDescriptor) };
    }
}

#[cfg(all(test, feature = "net"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_private_file_is_its_owners_alone_and_never_replaces_another() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("private");
        create_private_folder(&place).unwrap();
        let path = place.join("key");
        create_private(&path).unwrap().write_all(b"a key").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"a key");
        assert_eq!(shared_with_others(&path).unwrap(), None);
        assert_eq!(create_private(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(create_private_folder(&place).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(create_private(Path::new("with a \0 inside")).is_err());
    }
}
