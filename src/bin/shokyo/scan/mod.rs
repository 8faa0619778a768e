//! `shokyo scan`: looks for what is left of secrets in another process, or in a core file.

mod secrets;
mod show;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use shokyo::scan::{self, CONTROL_LENGTH, Needles, SHORT_PIECE, ScanReport};
use zeroize::Zeroizing;

use secrets::Source;

/// Exit codes, beside 2 for a wrong command line.
pub(crate) const EXIT_CODES: &str = "Exit codes: 0 clean: nothing was found, the control marker was, and all memory was read; 1 it could not \
                                     be scanned, the reason is printed; 2 the command line is wrong; 3 residue was found; 4 a needle is \
                                     too plain for a scan to tell; 6 nothing was found, and not all memory could be read; 7 nothing was \
                                     found, and no control marker either (or none was given), which proves nothing.";

const RESIDUE: u8 = 3;
const TOO_PLAIN: u8 = 4;
const INCOMPLETE: u8 = 6;
const NO_CONTROL: u8 = 7;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("where").required(true).args(["pid", "core"]))]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["needle", "key", "document"]))]
pub(crate) struct Arguments {
    /// The process. It stands still for the time of the scan and runs on afterwards.
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..))]
    pid: Option<i32>,
    /// A core file of this kind of processor (ELF, 64 bits): mappings, and the registers in its notes.
    #[arg(long, value_name = "FILE")]
    core: Option<PathBuf>,
    /// A secret: pieces of 8 bytes and more. `@-`: from standard input.
    #[arg(long, value_name = "@FILE", allow_hyphen_values = true)]
    needle: Vec<OsString>,
    /// An AES-256 key, 32 bytes as they are: the key, its round keys and their inverses, and GCM's hash subkeys.
    #[arg(long, value_name = "@FILE", allow_hyphen_values = true)]
    key: Vec<OsString>,
    /// A document, which repeats itself and shares words with others: pieces of 16 bytes and more, 8 in registers.
    #[arg(long, value_name = "@FILE", allow_hyphen_values = true)]
    document: Vec<OsString>,
    /// 16 to 64 random bytes that the process keeps in memory: only finding them shows that the scan sees it.
    #[arg(long, value_name = "@FILE", allow_hyphen_values = true)]
    control: Option<OsString>,
    /// A process of the same program that never had the documents: pieces of them that are there anyway do not count.
    #[arg(long, value_name = "PID", conflicts_with = "core", requires = "document",
          value_parser = clap::value_parser!(i32).range(1..))]
    baseline: Option<i32>,
    /// Only the bytes as they are, not as hexadecimal, base64, UTF-16, list of numbers, or turned around.
    #[arg(long)]
    plain: bool,
    /// List every mapping with its flags, too.
    #[arg(long)]
    mappings: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// What a scan came to, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Residue,
    NoControl,
    Incomplete,
    TooPlain,
    Clean,
}

impl Verdict {
    fn of(report: &ScanReport) -> Self {
        if report.total_hits() > 0 {
            Self::Residue
        } else if !report.control_found {
            Self::NoControl
        } else if report.unexplained().next().is_some() {
            Self::Incomplete
        } else if !report.assessable {
            Self::TooPlain
        } else {
            Self::Clean
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Residue => "residue",
            Self::NoControl => "control-missing",
            Self::Incomplete => "incomplete",
            Self::TooPlain => "too-plain",
            Self::Clean => "clean",
        }
    }

    fn code(self) -> ExitCode {
        match self {
            Self::Residue => ExitCode::from(RESIDUE),
            Self::NoControl => ExitCode::from(NO_CONTROL),
            Self::Incomplete => ExitCode::from(INCOMPLETE),
            Self::TooPlain => ExitCode::from(TOO_PLAIN),
            Self::Clean => ExitCode::SUCCESS,
        }
    }
}

/// A needle's kind and where it came from.
struct Origin {
    option: &'static str,
    source: Source,
}

/// A finished scan.
struct Scanned {
    report: ScanReport,
    /// In the order of [`scan::Hit::needle`].
    needles: Vec<Origin>,
    control_given: bool,
    /// A core file, not a process.
    core: bool,
    verdict: Verdict,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let origins = match origins(arguments) {
        Ok(origins) => origins,
        Err(reason) => {
            let _ = crate::fail(&reason);
            return ExitCode::from(2);
        }
    };
    // What this process holds must not go into a core of its own; where that cannot be had, the scan is none the worse.
    let mut hardening = shokyo::Hardening::new();
    hardening.strict = false;
    let _ = shokyo::harden_process(hardening);
    let scanned = match scanned(arguments, origins) {
        Ok(scanned) => scanned,
        Err(reason) => return crate::fail(&reason),
    };
    // Whoever reads may have gone; the exit code still tells.
    let _ = if arguments.json {
        writeln!(std::io::stdout(), "{}", show::as_json(&scanned))
    } else {
        show::as_text(&scanned, arguments.mappings)
    };
    scanned.verdict.code()
}

/// Where every secret is to be read; an error is a wrong command line. The control marker comes last, if there is one.
fn origins(arguments: &Arguments) -> Result<Vec<Origin>, String> {
    let typed = [
        ("--needle", &arguments.needle[..]),
        ("--key", &arguments.key[..]),
        ("--document", &arguments.document[..]),
        ("--control", arguments.control.as_slice()),
    ];
    let mut origins = Vec::new();
    for (option, typed) in typed.into_iter().flat_map(|(option, typed)| typed.iter().map(move |typed| (option, typed)))
    {
        origins.push(Origin { option, source: Source::parse(option, typed)? });
    }
    if origins.iter().filter(|origin| matches!(origin.source, Source::StandardInput)).count() > 1 {
        return Err("only one secret can be read from standard input: give the others as @FILE".into());
    }
    Ok(origins)
}

fn scanned(arguments: &Arguments, mut origins: Vec<Origin>) -> Result<Scanned, String> {
    let control = match origins.pop_if(|origin| origin.option == "--control") {
        Some(origin) => Some(control(&origin.source)?),
        None => None,
    };
    let mut needles = Needles::default();
    for origin in &origins {
        needles = needles.merge(needle(origin)?);
    }
    if !arguments.plain {
        needles = needles.with_encodings();
    }
    // Without a marker, one that is nowhere: the scan is then never clean.
    let control_given = control.is_some();
    let control = control.map_or_else(nowhere, Ok)?;
    let report = match (arguments.pid, &arguments.core) {
        (Some(pid), _) => {
            let baseline = arguments.baseline.map(|other| scan::baseline(other, &needles)).transpose();
            baseline.and_then(|known| scan::scan(pid, &needles, &control, known.as_ref()))
        }
        (None, Some(core)) => scan::scan_core(core, &needles, &control),
        (None, None) => return Err("give --pid or --core".into()),
    };
    let report = report.map_err(|error| error.to_string())?;
    let verdict = Verdict::of(&report);
    Ok(Scanned { report, needles: origins, control_given, core: arguments.core.is_some(), verdict })
}

fn needle(origin: &Origin) -> Result<Needles, String> {
    let bytes = origin.source.read()?;
    let name = origin.source.name();
    match origin.option {
        "--key" => match bytes.first_chunk::<32>().filter(|_| bytes.len() == 32) {
            Some(key) => Ok(Needles::of_key(key)),
            None => Err(format!(
                "{name}: an AES-256 key has 32 bytes, as they are and not as text, and this has {}; use --needle for \
                 other secrets",
                bytes.len()
            )),
        },
        _ if bytes.len() < SHORT_PIECE => {
            Err(format!("{name}: has {} bytes, and fewer than {SHORT_PIECE} tell nothing", bytes.len()))
        }
        "--document" => Ok(Needles::of_document(&bytes)),
        _ => Ok(Needles::marker(&bytes)),
    }
}

fn control(source: &Source) -> Result<Zeroizing<Vec<u8>>, String> {
    let bytes = source.read()?;
    if CONTROL_LENGTH.contains(&bytes.len()) {
        return Ok(bytes);
    }
    let (least, most) = (CONTROL_LENGTH.start(), CONTROL_LENGTH.end());
    Err(format!("{}: a control marker has {least} to {most} random bytes, and this has {}", source.name(), bytes.len()))
}

/// Random bytes that no other process has.
fn nowhere() -> Result<Zeroizing<Vec<u8>>, String> {
    let mut bytes = Zeroizing::new(vec![0; 32]);
    let random =
        std::fs::File::open("/dev/urandom").and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes));
    random.map_err(|error| format!("/dev/urandom: cannot be read ({error})"))?;
    Ok(bytes)
}
