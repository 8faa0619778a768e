//! A test in a process of its own, without privileges and with little locked memory.
#![allow(clippy::unwrap_used, dead_code, reason = "each program that has this module uses a part of it")]

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs one of the ignored tests of this program in a process of its own: unprivileged, with a limit on locked memory.
pub(crate) fn in_a_child_with_limit(test: &str, limit: u64) {
    let folder = tempfile::tempdir().unwrap();
    let program = copy_of_this_program(folder.path(), 0o755);
    let mut command = Command::new(program);
    command.current_dir("/");
    command.args(["--exact", test, "--ignored", "--nocapture"]).env("SHOKYO_TEST_CHILD", "1");
    // SAFETY: between fork and exec only system calls are made; changing the limit first needs no privilege, and the user is
    // changed last, so that privileges which bypass the limit are gone.
    unsafe {
        command.pre_exec(move || {
            let limit = libc::rlimit { rlim_cur: limit, rlim_max: limit };
            if libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            if libc::geteuid() == 0 && (libc::setgid(65534) != 0 || libc::setuid(65534) != 0) {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        });
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// A copy of this program in `folder`, which gets these permissions: the folder of the build may be closed to the user that a child
/// becomes. Made by another process, because one that this process writes cannot be started while any child that another test
/// forks at the same time has inherited the open file.
pub(crate) fn copy_of_this_program(folder: &Path, permissions: u32) -> PathBuf {
    std::fs::set_permissions(folder, PermissionsExt::from_mode(permissions)).unwrap();
    let program = folder.join("test");
    if !program.exists() {
        let copied = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status();
        assert!(copied.unwrap().success(), "cp failed");
    }
    program
}

/// Whether this is such a process: the ignored tests do nothing elsewhere.
pub(crate) fn is_child() -> bool {
    std::env::var_os("SHOKYO_TEST_CHILD").is_some()
}
