//! Who may read or change a file, as far as the file's access control list names groups that everybody is in.

use core::ffi::c_void;
use std::io;

use windows_sys::Win32::Foundation::{ERROR_SUCCESS, GENERIC_ALL, GENERIC_READ, GENERIC_WRITE, LocalFree};
use windows_sys::Win32::Security::Authorization::{GetNamedSecurityInfoW, SE_FILE_OBJECT};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACL, DACL_SECURITY_INFORMATION, GetAce, INHERIT_ONLY_ACE, IsWellKnownSid, WELL_KNOWN_SID_TYPE,
    WinAnonymousSid, WinAuthenticatedUserSid, WinBuiltinGuestsSid, WinBuiltinUsersSid, WinInteractiveSid, WinLocalSid,
    WinNetworkSid, WinWorldSid,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_APPEND_DATA, FILE_READ_DATA, FILE_WRITE_DATA, WRITE_DAC, WRITE_OWNER,
};

/// Groups that others than a file's owner are in.
const OTHERS: [(WELL_KNOWN_SID_TYPE, &str); 8] = [
    (WinWorldSid, "everyone"),
    (WinAuthenticatedUserSid, "every authenticated user"),
    (WinBuiltinUsersSid, "every user of this machine"),
    (WinInteractiveSid, "whoever is logged on here"),
    (WinLocalSid, "whoever is logged on at the console"),
    (WinNetworkSid, "whoever is logged on over the network"),
    (WinBuiltinGuestsSid, "guests"),
    (WinAnonymousSid, "anonymous users"),
];
/// What lets somebody read a file or change it, now or after another change.
const READS_OR_CHANGES: u32 = FILE_READ_DATA
    | FILE_WRITE_DATA
    | FILE_APPEND_DATA
    | DELETE
    | WRITE_DAC
    | WRITE_OWNER
    | GENERIC_READ
    | GENERIC_WRITE
    | GENERIC_ALL;
/// Entries that allow something and have the form of [`ACCESS_ALLOWED_ACE`]: the plain one, and the one with a condition.
const ALLOWS: [u8; 2] = [0, 9];

/// The first group of others that may read or change the file; its name ends with a zero.
pub(super) fn groups_let_in(name: &[u16]) -> io::Result<Option<&'static str>> {
    let (mut list, mut descriptor): (*mut ACL, *mut c_void) = (core::ptr::null_mut(), core::ptr::null_mut());
    let none = core::ptr::null_mut;
    // SAFETY: the name ends with a zero; the places for the answers are valid, those that are not asked for null.
    let status = unsafe {
        GetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION,
            none(),
            none(),
            &raw mut list,
            core::ptr::null_mut(),
            &raw mut descriptor,
        )
    };
    if status != ERROR_SUCCESS {
        return Err(io::Error::from_raw_os_error(status.cast_signed()));
    }
    // SAFETY: the list is the descriptor's, which lives until the next line.
    let found = unsafe { first_of_others(list) };
    // SAFETY: the descriptor was made by the call above, and is given back once.
    unsafe { LocalFree(descriptor) };
    Ok(found)
}

/// # Safety
/// `list` is null, which lets everyone in, or a valid list.
unsafe fn first_of_others(list: *const ACL) -> Option<&'static str> {
    if list.is_null() {
        return Some(OTHERS[0].1);
    }
    // SAFETY: a valid list.
    let count = u32::from(unsafe { (*list).AceCount });
    (0..count).find_map(|index| {
        let mut entry: *mut c_void = core::ptr::null_mut();
        // SAFETY: the index is below the list's count; the place is valid.
        if unsafe { GetAce(list, index, &raw mut entry) } == 0 {
            return None;
        }
        let entry: *const ACCESS_ALLOWED_ACE = entry.cast();
        // SAFETY: every entry begins with a header.
        let header = unsafe { (*entry).Header };
        if !ALLOWS.contains(&header.AceType) || u32::from(header.AceFlags) & INHERIT_ONLY_ACE != 0 {
            return None;
        }
        // SAFETY: an entry of these types has a mask, and an identifier that begins at `SidStart`.
        let (mask, identifier) = unsafe { ((*entry).Mask, (&raw const (*entry).SidStart).cast_mut().cast()) };
        // SAFETY: a valid identifier.
        let others = OTHERS.iter().find(|(group, _)| unsafe { IsWellKnownSid(identifier, *group) } != 0);
        others.filter(|_| mask & READS_OR_CHANGES != 0).map(|(_, name)| *name)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use windows_sys::Win32::Security::Authorization::{
        ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
    };
    use windows_sys::Win32::Security::GetSecurityDescriptorDacl;
    use windows_sys::w;

    use super::*;

    /// Who is let in by a list in the security descriptor definition language.
    fn let_in(text: windows_sys::core::PCWSTR) -> Option<&'static str> {
        let (mut descriptor, mut there, mut usual, mut list) = (core::ptr::null_mut(), 0, 0, core::ptr::null_mut());
        // SAFETY: the text ends with a zero, the places are valid, and the list is looked at while the descriptor lives.
        unsafe {
            let made = ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text,
                SDDL_REVISION_1,
                &raw mut descriptor,
                core::ptr::null_mut(),
            );
            assert_ne!(made, 0);
            assert_ne!(GetSecurityDescriptorDacl(descriptor, &raw mut there, &raw mut list, &raw mut usual), 0);
            assert_ne!(there, 0);
            let found = first_of_others(list);
            LocalFree(descriptor);
            found
        }
    }

    #[test]
    fn groups_that_everybody_is_in_are_found_and_the_owner_is_none() {
        assert_eq!(let_in(w!("D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)")), None);
        assert_eq!(let_in(w!("D:P(A;;FA;;;BA)(A;;FR;;;WD)")), Some("everyone"));
        assert_eq!(let_in(w!("D:P(A;;0x2;;;AU)")), Some("every authenticated user"));
        assert_eq!(let_in(w!("D:P(A;;GA;;;BU)")), Some("every user of this machine"));
        assert_eq!(let_in(w!("D:P(D;;FA;;;WD)(A;OICIIO;FA;;;WD)(A;;0x100080;;;WD)")), None);
        assert_eq!(let_in(w!("D:P")), None, "an empty list lets nobody in");
    }

    #[test]
    fn no_list_lets_everyone_in() {
        // SAFETY: null is said to be possible.
        assert_eq!(unsafe { first_of_others(core::ptr::null()) }, Some("everyone"));
    }
}
