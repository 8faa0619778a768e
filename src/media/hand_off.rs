//! A document handed to a renderer that touches no disk: in a file that is memory only, to a program that can write no file.
//!
//! This module must never return before that memory is wiped and read back, and the program has ended.

use core::fmt;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::buffer::{CopyClass, EphemeralBuffer, RegisteredCopy, Writer};
use crate::error::Error;
use crate::platform::child::{self, Limits};
use crate::platform::{self, memory_file::MemoryFile};
use crate::types::Protections;
use crate::wipe;

/// A program that turns a document into pages, and what it may use.
///
/// It is started with the document as its standard input and, for programs that want a file, at the path that takes the place of
/// [`Renderer::DOCUMENT`] among its arguments. What it writes to standard output is the pages; its standard error is dropped, because it
/// may quote the document. It can change neither the document's bytes nor their number, writes no byte to any file (`RLIMIT_FSIZE` 0),
/// leaves no core, gets no new privileges, no other descriptor, and no environment but `PATH`.
///
/// # What this does not cover
/// The program's own memory while it runs: it is not locked (switch swap off, or limit `memory.swap.max` of the service's group), and
/// Linux clears it only when it gives the pages to the next process (`init_on_free=1` clears them at once). The network, and other
/// programs that it may talk to: start it in a namespace without them. A process that it starts and that leaves its process group
/// outlives it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Renderer {
    program: PathBuf,
    arguments: Vec<OsString>,
    /// How long it may take; it is killed then, with all of its process group. Default: 60 seconds.
    pub time: Duration,
    /// Bytes of address space. Default: 1 GiB.
    pub memory: u64,
}

impl Renderer {
    /// The argument in whose place the document's path is put: it names the renderer's own standard input.
    pub const DOCUMENT: &'static str = "{document}";

    /// Descriptors that it may have.
    const FILES: u64 = 64;

    /// A renderer, by its absolute path.
    ///
    /// ```no_run
    /// # fn pages(document: &shokyo::EphemeralBuffer) -> Result<(), shokyo::Error> {
    /// use shokyo::media::Renderer;
    ///
    /// let renderer = Renderer::new("/usr/bin/pdftoppm", ["-r", "300", Renderer::DOCUMENT]);
    /// let rendering = renderer.render(document)?;
    /// rendering.pages().for_each_window(|_, pixels| {
    ///     // … to the printer …
    ///     # let _ = pixels;
    ///     Ok(())
    /// })?;
    /// rendering.erase()?; // until then, no erasure of the document is told as verified
    /// # Ok(())
    /// # }
    /// ```
    pub fn new<A: Into<OsString>>(program: impl Into<PathBuf>, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { program: program.into(), arguments, time: Duration::from_secs(60), memory: 1 << 30 }
    }

    /// Renders a document.
    ///
    /// The memory that the program reads and the pages are [registered](EphemeralBuffer::register_copy) with the document
    /// ([`CopyClass::Spool`], [`CopyClass::Derivative`]) before they are made. When this returns, in whatever way, the program has ended
    /// and the memory is wiped and read back; the pages are in the document's own vault, sealed under a key of their own. The call
    /// occupies one of its windows. When the document is erased or expires meanwhile, the program is killed.
    ///
    /// # Errors
    /// [`Error::Refused`] for a program without an absolute path; [`Error::Io`] when it cannot be started, fails, or takes too long
    /// ([`TimedOut`](io::ErrorKind::TimedOut)); [`Error::Erased`] when the document was, meanwhile; [`Error::LockedMemoryExhausted`]; [`Error::System`];
    /// [`Error::TooLarge`] for more pages than the vault takes; [`Error::NotErased`]; as [`EphemeralBuffer::read_at`].
    pub fn render(&self, document: &EphemeralBuffer) -> Result<Rendering, Error> {
        if !self.program.is_absolute() {
            return Err(Error::Refused { reason: "a renderer is named by its absolute path, not looked for" });
        }
        let mut writer = document.vault().writer(document.binding())?;
        let mut memory = Handed { memory: self.memory_for(document)?, is_wiped: false };
        let handed = document.register_copy(CopyClass::Spool)?;
        let derived = document.register_copy(CopyClass::Derivative)?;
        let watch = Watch { document, deadline: Instant::now() + self.time };
        let outcome = memory.fill(document).and_then(|()| self.run(&memory.memory, &mut writer, &watch));
        let wiped = memory.clear(document);
        let outcome = wiped.as_ref().err().cloned().map_or(outcome, Err);
        handed.erased(wiped)?;
        if let Err(error) = outcome.and_then(|()| watch.time_left().map(drop)) {
            derived.erased_as(writer.erase())?;
            return Err(error);
        }
        // Pages that cannot be sealed are erased without evidence: the copy is not given back, and the document's evidence says so.
        Ok(Rendering { pages: Some(writer.finish()?), derived: Some(derived) })
    }

    fn memory_for(&self, document: &EphemeralBuffer) -> Result<MemoryFile, Error> {
        let length = usize::try_from(document.len()).map_err(|_| Error::OutOfMemory { needed: document.len() })?;
        if length == 0 {
            return Err(Error::EmptyDocument);
        }
        let memory = MemoryFile::new(length)?;
        match memory.locked() {
            Err(os_error) if document.vault().protections().contains(Protections::LOCKED) => {
                if platform::is_lock_limit(os_error) {
                    let limit = platform::locked_memory_limit();
                    return Err(Error::LockedMemoryExhausted { needed: document.len(), limit });
                }
                Err(Error::ProtectionUnavailable { protection: "LOCKED", os_error })
            }
            _ => Ok(memory),
        }
    }

    fn run(&self, memory: &MemoryFile, pages: &mut Writer, watch: &Watch<'_>) -> Result<(), Error> {
        let input = memory.reader().map_err(|error| Error::io("handing the document to the renderer", &error))?;
        let mut command = Command::new(&self.program);
        command.args(self.arguments.iter().map(|argument| {
            if argument == Self::DOCUMENT { OsStr::new("/proc/self/fd/0") } else { argument.as_os_str() }
        }));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").env("TMPDIR", "/nonexistent");
        command.current_dir("/").stdin(input).stdout(Stdio::piped()).stderr(Stdio::null());
        let seconds = self.time.as_secs().saturating_add(1);
        child::confine(&mut command, Limits { memory: self.memory, seconds, files: Self::FILES });
        let spawned = command.spawn().map_err(|error| Error::io("starting the renderer", &error))?;
        let mut running = Running { child: spawned, is_waited_for: false };
        let output = running
            .child
            .stdout
            .take()
            .ok_or(Error::Io { what: "starting the renderer", kind: io::ErrorKind::Other })?;
        pages.copy_from(&mut Watched { output, watch }).map_err(|error| match error {
            Error::Io { kind, .. } => {
                let what = "reading the pages from the renderer";
                watch.time_left().err().unwrap_or(Error::Io { what, kind })
            }
            other => other,
        })?;
        let status = running.end(watch)?;
        if status.success() {
            Ok(())
        } else {
            let what = "rendering: the program ended with an error; try it by hand with a document that is not secret";
            Err(Error::Io { what, kind: io::ErrorKind::Other })
        }
    }
}

const TOO_LONG: Error =
    Error::Io { what: "rendering took too long and was killed; give it more time", kind: io::ErrorKind::TimedOut };

/// The memory that the program reads. It is wiped also when a panic ends its use.
struct Handed {
    memory: MemoryFile,
    is_wiped: bool,
}

impl Handed {
    /// Copies the document, window by window, into the memory.
    fn fill(&mut self, document: &EphemeralBuffer) -> Result<(), Error> {
        let mut rest = self.memory.bytes();
        document.for_each_window(|offset, plain| {
            let into =
                rest.split_off_mut(..plain.len()).ok_or(Error::OutOfRange { at: offset, length: document.len() })?;
            into.copy_from_slice(plain);
            Ok(())
        })
    }

    /// Wipes the memory through its mapping, and reads it back through that and as a file.
    fn clear(&mut self, document: &EphemeralBuffer) -> Result<wipe::Wiped, Error> {
        self.is_wiped = true;
        let wiped = wipe::wipe(self.memory.bytes(), document.key_id().to_tag())?;
        match self.memory.reads_zero() {
            Ok(true) => Ok(wiped),
            _ => Err(Error::NotErased { bytes: document.len() }),
        }
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        if !self.is_wiped {
            let _ = wipe::wipe(self.memory.bytes(), 0);
        }
    }
}

/// A program that is killed, with its group, when this is dropped. Until then nobody waits for it: its number stays its own.
struct Running {
    child: Child,
    is_waited_for: bool,
}

impl Running {
    /// Waits for its end, as long as that is allowed.
    fn end(&mut self, watch: &Watch<'_>) -> Result<ExitStatus, Error> {
        while !child::has_ended(self.child.id()) {
            watch.time_left()?;
            std::thread::sleep(Duration::from_millis(1));
        }
        self.kill().map_err(|error| Error::io("waiting for the renderer", &error))
    }

    /// Also when it has ended: what it started may go on.
    fn kill(&mut self) -> io::Result<ExitStatus> {
        child::kill_group(self.child.id());
        self.is_waited_for = true;
        self.child.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_waited_for {
            let _ = self.kill();
        }
    }
}

/// How long a program may go on: until its time is over, or its document is erased.
struct Watch<'d> {
    document: &'d EphemeralBuffer,
    deadline: Instant,
}

impl Watch<'_> {
    /// How soon to ask again whether the document is still there.
    const SLICE: Duration = Duration::from_millis(50);

    fn time_left(&self) -> Result<Duration, Error> {
        if !self.document.key().is_live() {
            return Err(Error::Erased);
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(TOO_LONG) } else { Ok(left.min(Self::SLICE)) }
    }
}

/// Reads a program's output while it may go on.
struct Watched<'d> {
    output: ChildStdout,
    watch: &'d Watch<'d>,
}

impl Read for Watched<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !child::wait_readable(&self.output, self.watch.time_left()?)? {}
        self.output.read(into)
    }
}

/// A document's pages. Dropping it erases them; [`Rendering::erase`] does the same and gives an error if that could not be told.
pub struct Rendering {
    pages: Option<EphemeralBuffer>,
    derived: Option<RegisteredCopy>,
}

impl Rendering {
    /// What the renderer wrote, sealed; empty when it wrote nothing, as a program does that prints by itself.
    ///
    /// # Panics
    /// Never: the pages leave only when this ends.
    #[must_use]
    pub fn pages(&self) -> &EphemeralBuffer {
        match &self.pages {
            Some(pages) => pages,
            None => unreachable!("the pages leave only when this ends"),
        }
    }

    /// Erases the pages, and tells the document that this copy is gone.
    ///
    /// # Errors
    /// [`Error::NotErased`]; [`Error::WrongState`] when the document was erased before: its evidence already says that a copy was left.
    pub fn erase(mut self) -> Result<(), Error> {
        self.erase_now()
    }

    fn erase_now(&mut self) -> Result<(), Error> {
        let (Some(pages), Some(derived)) = (self.pages.take(), self.derived.take()) else { return Ok(()) };
        let bytes = pages.len();
        let evidence = pages.erase();
        let verified = evidence.is_verified();
        derived.erased_as(evidence)?;
        if verified { Ok(()) } else { Err(Error::NotErased { bytes }) }
    }
}

impl Drop for Rendering {
    fn drop(&mut self) {
        let _ = self.erase_now();
    }
}

impl fmt::Debug for Rendering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rendering").field("pages", &self.pages).finish_non_exhaustive()
    }
}
