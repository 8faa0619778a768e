//! Documents handed to programs: real renderers, and programs that try what they must not be able to do.

use std::path::Path;
use std::time::{Duration, Instant};

use shokyo::buffer::CopyClass;
use shokyo::media::Renderer;
use shokyo::{EphemeralBuffer, Error};

use super::{BINDING, random, vault};

/// A fictional certificate.
const CERTIFICATE: &[u8] = include_bytes!("../../samples/certificate.pdf");

fn text(pages: &EphemeralBuffer) -> String {
    String::from_utf8(whole(pages)).unwrap()
}

fn whole(pages: &EphemeralBuffer) -> Vec<u8> {
    pages.with_whole(<[u8]>::to_vec).unwrap_or_default()
}

/// What a shell prints that was started as a renderer of a document.
fn shell(document: &EphemeralBuffer, script: &str) -> String {
    let rendering = Renderer::new("/bin/sh", ["-c", script]).render(document).unwrap();
    text(rendering.pages())
}

#[test]
fn a_real_renderer_makes_pages_of_a_real_document_and_both_are_erased() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let program = "/usr/bin/pdftoppm";
    if !Path::new(program).exists() {
        return eprintln!(
            "skipped a_real_renderer_makes_pages_of_a_real_document_and_both_are_erased: no {program}; install poppler-utils"
        );
    }
    let document = vault().seal(BINDING, CERTIFICATE).unwrap();
    let rendering = Renderer::new(program, ["-r", "60", Renderer::DOCUMENT]).render(&document).unwrap();
    let pixels = whole(rendering.pages());
    // A4 at 60 dots an inch, RGB (netpbm ppm(5)).
    assert!(pixels.starts_with(b"P6\n497 702\n255\n"), "{:?}", String::from_utf8_lossy(&pixels[..20]));
    assert!(pixels.len() >= 497 * 702 * 3);
    let dark = pixels[20..].iter().filter(|value| **value < 100).count();
    assert!(dark > 500 && dark < pixels.len() / 2, "letters on paper, and {dark} dark values");

    assert_eq!(document.living_copies(), 1, "the pages; the memory that was handed over is gone already");
    rendering.erase().unwrap();
    let evidence = document.erase();
    assert!(evidence.is_verified(), "{evidence:?}");
    let count = |class| evidence.copies().find(|copy| copy.class == class).map(|copy| (copy.verified > 0, copy.failed));
    assert_eq!(count(CopyClass::Spool), Some((true, 0)));
    assert_eq!(count(CopyClass::Derivative), Some((true, 0)));
}

#[test]
fn no_erasure_of_a_document_is_verified_while_its_pages_live() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let vault = vault();
    let document = vault.seal(BINDING, b"a document").unwrap();
    let rendering = Renderer::new("/bin/cat", [Renderer::DOCUMENT]).render(&document).unwrap();
    assert_eq!(text(rendering.pages()), "a document");
    let evidence = document.erase();
    assert!(evidence.copies().any(|copy| copy.class == CopyClass::Derivative && copy.failed == 1), "{evidence:?}");
    assert!(matches!(rendering.erase(), Err(Error::WrongState { .. })));

    let document = vault.seal(BINDING, b"a document").unwrap();
    drop(Renderer::new("/bin/cat", [Renderer::DOCUMENT]).render(&document).unwrap());
    assert!(document.erase().is_verified(), "pages that are dropped are erased");
}

#[test]
fn the_program_cannot_keep_change_or_lengthen_what_it_was_given() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let document = vault().seal(BINDING, b"a document").unwrap();
    let attempts = "
        { echo x > /proc/self/fd/0; } 2>/dev/null && echo 'opened to be written over'
        { echo x >> /proc/self/fd/0; } 2>/dev/null && echo lengthened
        { truncate -s 100 /proc/self/fd/0; } 2>/dev/null && echo truncated
        { printf x 1<> /proc/self/fd/0; } 2>/dev/null && echo changed
        cat /proc/self/fd/0";
    assert_eq!(shell(&document, attempts), "a document");

    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let keep = format!(
        "cat /proc/self/fd/0 > {0}/kept 2>/dev/null; cat /proc/self/fd/0 | dd of={0}/too",
        folder.path().display()
    );
    let kept = || {
        let length = |name: &str| std::fs::metadata(folder.path().join(name)).map_or(0, |file| file.len());
        length("kept") + length("too")
    };
    let rendering = Renderer::new("/bin/sh", ["-c", &format!("{{ {keep}; }} 2>/dev/null; exit 0")]).render(&document);
    assert!(rendering.is_ok());
    assert_eq!(kept(), 0, "no byte in any file");
    let mut free = std::process::Command::new("/bin/sh");
    free.args(["-c", &keep]).stdin(std::fs::File::open("/etc/passwd").unwrap()).stderr(std::process::Stdio::null());
    assert!(free.status().unwrap().success());
    assert!(kept() > 0, "the control: the same command, started by itself, keeps it");
}

#[test]
fn the_program_has_no_core_no_privileges_no_environment_and_no_other_descriptor() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let document = vault().seal(BINDING, b"a document").unwrap();
    // One that a careless program would pass on, with a number that nobody else has.
    let open = std::fs::File::open("/etc/passwd").unwrap();
    // SAFETY: makes a descriptor of this test's, which stays open.
    let inherited = unsafe { libc::fcntl(std::os::fd::AsRawFd::as_raw_fd(&open), libc::F_DUPFD, 500) };
    let listed = std::process::Command::new("ls").arg("/proc/self/fd").output().unwrap().stdout;
    let listed = String::from_utf8(listed).unwrap();
    assert!(listed.lines().any(|line| line == inherited.to_string()), "the control: others do inherit it: {listed}");
    let told = shell(
        &document,
        "cat /proc/self/limits /proc/self/coredump_filter; grep NoNewPrivs /proc/self/status; ls /proc/self/fd; env; pwd",
    );
    let line = |name: &str| {
        let line = told.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {told}"));
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(line("Max core file size")[4..6], ["1", "1"]);
    assert_eq!(line("Max file size")[3..5], ["0", "0"]);
    assert_eq!(line("Max address space")[3..5], ["1073741824", "1073741824"]);
    assert_eq!(line("NoNewPrivs:")[1], "1");
    assert!(told.lines().any(|line| line == "00000000"), "{told}");
    assert!(told.lines().any(|line| line == "0") && told.lines().all(|line| line != inherited.to_string()), "{told}");
    assert!(!told.contains("CARGO") && told.ends_with("/\n"), "{told}");
}

#[test]
fn a_program_that_takes_too_long_is_killed_with_what_it_started() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let document = vault().seal(BINDING, &random(50_000)).unwrap();
    // It waits; it leaves another process that holds the pipe; it closes the pipe and waits.
    let sleep = format!("sleep 3600.{}", std::process::id());
    for script in [sleep.clone(), format!("{sleep} & exit 0"), format!("exec >&-; {sleep}")] {
        let mut renderer = Renderer::new("/bin/sh", ["-c", &script]);
        renderer.time = Duration::from_millis(300);
        let start = Instant::now();
        let error = renderer.render(&document).unwrap_err();
        assert!(matches!(error, Error::Io { kind: std::io::ErrorKind::TimedOut, .. }), "{script}: {error}");
        assert!(start.elapsed() < Duration::from_secs(20), "{script}");
    }
    // What was killed is there until the system comes to it, and what was started has no command line for a moment.
    let command = sleep.replace(' ', "\0") + "\0";
    let is_running_at_last = |expected: bool| {
        let end = Instant::now() + Duration::from_secs(20);
        while is_running(&command) != expected && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        is_running(&command)
    };
    assert!(!is_running_at_last(false), "nothing goes on");
    let mut control = std::process::Command::new("sleep").arg(&sleep[6..]).spawn().unwrap();
    assert!(is_running_at_last(true), "the control: it would have been seen");
    control.kill().unwrap();
    control.wait().unwrap();
    assert!(document.erase().is_verified(), "and nothing is left of what it was given");
}

#[test]
fn a_document_that_is_erased_meanwhile_ends_the_program() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    // With secret memory, where the kernel has it.
    let vault = shokyo::Vault::open(shokyo::VaultOptions::new()).unwrap();
    let document = vault.seal(BINDING, &random(50_000)).unwrap();
    for script in ["sleep 60", "exec >&-; sleep 60"] {
        let document = if script.starts_with("exec") { &vault.seal(BINDING, b"another").unwrap() } else { &document };
        let start = Instant::now();
        let error = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(300));
                let _ = vault.erase_now();
            });
            Renderer::new("/bin/sh", ["-c", script]).render(document).unwrap_err()
        });
        assert_eq!(error, Error::Erased, "{script}");
        assert!(start.elapsed() < Duration::from_secs(20), "{script}");
    }
    let other = vault.seal(BINDING, b"a document").unwrap();
    let rendering = Renderer::new("/bin/cat", [Renderer::DOCUMENT]).render(&other).unwrap();
    assert_eq!(text(rendering.pages()), "a document", "the control: the vault goes on");
}

/// Whether a child of this process, or one that was left to the system, has this command line.
fn is_running(command: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.map(|one| std::fs::read(one.path().join("cmdline")).unwrap_or_default());
    lines.filter(|line| line == command.as_bytes()).count() > 0
}

#[test]
fn a_program_that_fails_or_is_not_there_leaves_nothing() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let document = vault().seal(BINDING, &random(50_000)).unwrap();
    let shell = |script: &str| Renderer::new("/bin/sh", ["-c", script]);
    for renderer in [shell("cat; exit 3"), shell("cat; kill -9 $$"), Renderer::new("/no/such/program", ["x"])] {
        assert!(matches!(renderer.render(&document), Err(Error::Io { .. })));
    }
    assert!(matches!(Renderer::new("cat", ["x"]).render(&document), Err(Error::Refused { .. })));
    assert!(document.erase().is_verified());
}

#[cfg(shokyo_faults)]
#[test]
fn memory_that_was_handed_over_and_not_wiped_is_found_by_reading_it_as_a_file() {
    use shokyo::faults::{Fault, serialised};
    let _alone = serialised(&[Fault::NoWipe]);
    let document = vault().seal(BINDING, &random(50_000)).unwrap();
    let error = Renderer::new("/bin/cat", [Renderer::DOCUMENT]).render(&document).unwrap_err();
    assert_eq!(error, Error::NotErased { bytes: 50_000 });
    assert!(!document.erase().is_verified());
}
