//! `shokyo demo`: one real document through four processes over mutual TLS on this machine, then the proof: who could read it
//! and when, the receipts, and a scan of every process's memory and registers for what should not be there.

mod document;
mod evidence;
mod processes;
mod residue;
mod session;
mod show;
mod timeline;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::channel;

use serde_json::json;

use self::document::Document;
use self::evidence::Evidence;
use self::processes::{Happening, Stations};
use self::residue::Residue;
use self::session::Issued;
use self::timeline::Timeline;
use crate::arguments::DemoArguments;
use crate::{fail, words};

/// What kind of document the demonstration issues.
const KIND: &str = "resident-certificate";
/// Whom it is about in the issuer's register: nobody.
const SUBJECT: &str = "SPECIMEN-0001";
const RESIDUE: u8 = 3;
const NOT_ASSESSABLE: u8 = 4;
const INTERRUPTED: u8 = 130;

/// Why a demonstration ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Something failed; the text says what and what to do.
    Failed(String),
    /// Ctrl-C.
    Interrupted,
}

impl From<shokyo::Error> for Stop {
    fn from(error: shokyo::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

pub(crate) fn run(arguments: &DemoArguments) -> ExitCode {
    let document = match Document::open(arguments.file.as_deref()) {
        Ok(document) => document,
        Err(reason) => return fail(&reason),
    };
    let folder = match Folder::new() {
        Ok(folder) => folder,
        Err(reason) => return fail(&reason),
    };
    match issue_and_check(arguments, &document, &folder) {
        Ok(found) => {
            show::all(&found, arguments);
            found.exit_code()
        }
        Err(Stop::Interrupted) => {
            anstream::eprintln!(
                "{}stopped with Ctrl-C:{:#} every process was told to erase and has ended; nothing of the document is left",
                words::YELLOW,
                words::YELLOW
            );
            ExitCode::from(INTERRUPTED)
        }
        Err(Stop::Failed(reason)) => fail(&reason),
    }
}

/// Everything that the demonstration found.
pub(crate) struct Found {
    pub(crate) document: Document,
    pub(crate) protections: Vec<(String, Vec<String>)>,
    pub(crate) issued: Vec<Issued>,
    pub(crate) timelines: Vec<Timeline>,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) residue: Vec<Residue>,
}

impl Found {
    pub(crate) fn is_delivered(&self) -> bool {
        self.issued.iter().all(|issued| issued.proof_is_right)
    }

    pub(crate) fn is_erased(&self) -> bool {
        self.issued.iter().all(Issued::is_erased) && self.timelines.iter().all(Timeline::is_exclusive)
    }

    pub(crate) fn is_evidenced(&self) -> bool {
        self.evidence.iter().all(|evidence| evidence.problems.is_empty())
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.residue.iter().all(Residue::is_clean)
    }

    fn exit_code(&self) -> ExitCode {
        if !(self.is_delivered() && self.is_erased() && self.is_evidenced()) {
            ExitCode::FAILURE
        } else if self.is_clean() {
            ExitCode::SUCCESS
        } else if self.residue.iter().all(|residue| residue.is_clean() || residue.is_only_too_plain()) {
            ExitCode::from(NOT_ASSESSABLE)
        } else {
            ExitCode::from(RESIDUE)
        }
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        json!({
            "document": { "name": self.document.name, "bytes": self.document.bytes.len() },
            "delivered": self.is_delivered(),
            "erased": self.is_erased(),
            "receipts_verify": self.is_evidenced(),
            "no_residue": self.is_clean(),
            "protections": self.protections.iter().map(|(role, flags)| json!({ "role": role, "active": flags })).collect::<Vec<_>>(),
            "sessions": self.timelines.iter().map(Timeline::to_json).collect::<Vec<_>>(),
            "evidence": self.evidence.iter().map(Evidence::to_json).collect::<Vec<_>>(),
            "residue": self.residue.iter().map(Residue::to_json).collect::<Vec<_>>(),
        })
    }
}

fn issue_and_check(arguments: &DemoArguments, document: &Document, folder: &Folder) -> Result<Found, Stop> {
    if let Some(out) = &arguments.out {
        anstream::eprintln!(
            "{}warning:{:#} --out writes the document in the clear to {}; erasing that file is up to you",
            words::YELLOW,
            words::YELLOW,
            out.display()
        );
    }
    let (sender, happenings) = channel();
    processes::watch_for_interrupt(sender.clone())?;
    let register = match &document.path {
        Some(path) => path.clone(),
        None => {
            let path = folder.path.join("document.pdf");
            std::fs::write(&path, &document.bytes)
                .map_err(|error| Stop::Failed(format!("cannot write the sample: {}", error.kind())))?;
            path
        }
    };
    let mut stations = Stations::start(&folder.path.join("stations"), &register, sender, happenings)?;

    let scans = residue::Scans::before(&stations, document)?;
    let progress = show::progress(u64::from(arguments.count));
    let mut issued = Vec::new();
    for number in 0..arguments.count {
        // One copy in the clear is enough.
        let out = arguments.out.as_deref().filter(|_| number == 0);
        issued.push(session::issue(&mut stations, document, out)?);
        progress.inc(1);
    }
    progress.finish_and_clear();
    let residue = scans.after(&stations)?;
    let timelines = issued.iter().map(|issued| Timeline::of(&stations.notices, &issued.session)).collect();
    let protections = stations.protections();
    let directory = stations.directory.clone();
    stations.stop()?;
    let sessions: Vec<_> = issued.iter().map(|issued| issued.session.clone()).collect();
    let evidence = evidence::check(&directory, &sessions)?;
    Ok(Found { document: document.clone(), protections, issued, timelines, evidence, residue })
}

/// A private folder that goes away with everything in it.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn new() -> Result<Self, String> {
        use std::os::unix::fs::DirBuilderExt;
        let mut random = [0; 8];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut random)
            .map_err(|_| "the operating system's random generator failed".to_owned())?;
        let path = std::env::temp_dir().join(format!("shokyo-demo-{}", crate::hexadecimal::encode(&random)));
        std::fs::DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            format!(
                "cannot make a folder in {}: {}; set TMPDIR to one that can be written",
                parent(&path),
                error.kind()
            )
        })?;
        Ok(Self { path })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn parent(path: &Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}

/// Waits for one happening.
pub(crate) fn unexpected(happening: Happening) -> Result<(), Stop> {
    match happening {
        Happening::Interrupt => Err(Stop::Interrupted),
        Happening::Gone { role } => {
            Err(Stop::Failed(format!("the {role} process ended by itself; its messages are above")))
        }
        Happening::Notice(_) => Ok(()),
    }
}
