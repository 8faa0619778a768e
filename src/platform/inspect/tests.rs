//! On real processes: stopped, looked into, running again.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use std::process::{Child, Command, Stdio};

const PATIENCE: Duration = Duration::from_secs(5);

fn sleeper() -> Child {
    Command::new("sleep").arg("100").stdout(Stdio::null()).spawn().unwrap()
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn state(child: &Child) -> Option<u8> {
    thread_state(child.id() as i32, child.id() as i32)
}

fn settles_in(child: &Child, wanted: u8) -> bool {
    (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(2));
        state(child) == Some(wanted)
    })
}

#[test]
fn an_inspected_process_is_stopped_and_runs_again() {
    let child = sleeper();
    let during = with_stopped(child.id() as i32, PATIENCE, |process| {
        assert_eq!(process.threads().collect::<Vec<_>>(), [process.pid()]);
        Ok(thread_state(process.pid(), process.pid()))
    });
    assert_eq!(during.unwrap(), Some(b't'));
    assert!(settles_in(&child, b'S'), "state is {:?}", state(&child).map(char::from));
    end(child);
}

#[test]
fn a_process_runs_again_after_an_error_and_after_a_panic() {
    let child = sleeper();
    let failed: Result<(), Error> = with_stopped(child.id() as i32, PATIENCE, |_| Err(Error::Cancelled));
    assert_eq!(failed, Err(Error::Cancelled));
    assert!(settles_in(&child, b'S'));
    let panicked = std::panic::catch_unwind(|| {
        with_stopped::<()>(child.id() as i32, PATIENCE, |_| std::panic::resume_unwind(Box::new("on purpose")))
    });
    assert!(panicked.is_err());
    assert!(settles_in(&child, b'S'));
    end(child);
}

#[test]
fn a_process_that_was_stopped_before_stays_stopped() {
    let child = sleeper();
    // SAFETY: a signal to a child of this process that has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGSTOP) };
    assert!(settles_in(&child, b'T'));
    with_stopped(child.id() as i32, PATIENCE, |_| Ok(())).unwrap();
    assert!(settles_in(&child, b'T'));
    end(child);
}

#[test]
fn a_signal_that_arrives_meanwhile_is_delivered_afterwards() {
    let mut child = sleeper();
    with_stopped(child.id() as i32, PATIENCE, |process| {
        // SAFETY: a signal to a child of this process that has not been waited for.
        unsafe { libc::kill(process.pid(), libc::SIGTERM) };
        Ok(())
    })
    .unwrap();
    let status = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGTERM));
}

#[test]
fn a_process_killed_meanwhile_gives_a_clear_error_and_its_status_stays_for_its_parent() {
    let mut child = sleeper();
    let outcome = with_stopped(child.id() as i32, PATIENCE, |process| {
        // SAFETY: a signal to a child of this process that has not been waited for.
        unsafe { libc::kill(process.pid(), libc::SIGKILL) };
        while !has_ended(thread_state(process.pid(), process.pid())) {
            std::thread::sleep(Duration::from_millis(1));
        }
        process.mappings()
    });
    assert!(outcome.unwrap_err().to_string().contains("ended while it was inspected"));
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()), Some(libc::SIGKILL));
}

#[test]
fn what_cannot_be_inspected_is_told_with_a_remedy() {
    let refused = |pid: i32| with_stopped(pid, PATIENCE, |_| Ok(())).unwrap_err().to_string();
    assert!(refused(0).contains("not the number of a process"));
    assert!(refused(std::process::id() as i32).contains("another process"));
    assert!(refused(i32::MAX).contains("has it ended"));
    let child = sleeper();
    let pid = child.id() as i32;
    let twice = with_stopped(pid, PATIENCE, |_| with_stopped(pid, PATIENCE, |_| Ok(())));
    assert!(twice.unwrap_err().to_string().contains("already traced"));
    end(child);
}

#[test]
fn memory_is_read_and_unreadable_pages_are_errors() {
    let child = sleeper();
    with_stopped(child.id() as i32, PATIENCE, |process| {
        let mappings = process.mappings()?;
        let program = mappings.iter().find(|mapping| mapping.name.ends_with("/sleep")).unwrap();
        let mut start = [0; 4];
        assert_eq!(process.read(program.start, &mut start)?, 4);
        assert_eq!(&start, b"\x7fELF");
        assert!(process.file_length(program).unwrap() > 4096);
        assert!(matches!(process.read(4096, &mut start), Err(Error::System { os_error: libc::EIO, .. })));
        assert!(process.read(u64::MAX - 4095, &mut start).is_err());
        let stack = mappings.iter().find(|mapping| mapping.name == "[stack]").unwrap();
        let touched: u64 = process.touched(stack)?.iter().map(|(start, end)| end - start).sum();
        assert!(touched > 0 && touched < stack.end - stack.start, "{touched}");
        Ok(())
    })
    .unwrap();
    end(child);
}
