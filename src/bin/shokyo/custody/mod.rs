//! `shokyo custody`: what an auditor asks of a station's evidence, and what a station publishes of it.

mod cosign;
mod export;
mod keys;
mod prove;
mod reconcile;
mod report;
mod sessions;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

/// Exit codes of all `custody` commands, beside 2 for a wrong command line.
const EXIT_CODES: &str = "Exit codes: 0 all that was looked at is in order; 1 it could not be looked at (no such file, no permission, a \
                          damaged database), the reason is printed; 2 the command line is wrong; 5 something is wrong with the evidence, \
                          each problem is printed.";

/// Something is wrong with the evidence itself.
const WRONG: u8 = 5;

#[derive(Debug, Subcommand)]
pub(crate) enum CustodyCommand {
    /// Check a station's log, a receipt or a checkpoint.
    #[command(after_help = EXIT_CODES)]
    Verify(verify::Arguments),
    /// Write a log's checkpoint and tiles (C2SP tlog-tiles), and its receipts, as files.
    #[command(after_help = EXIT_CODES)]
    Export(export::Arguments),
    /// Prove that receipts are in the log: a COSE receipt of inclusion (RFC 9942) and what it takes to check it.
    #[command(after_help = EXIT_CODES)]
    Prove(prove::Arguments),
    /// Check that another operator's log has only grown, and sign its checkpoint (C2SP tlog-cosignature).
    #[command(after_help = EXIT_CODES)]
    Cosign(cosign::Arguments),
    /// Compare the stores of all operators: which sessions lack which receipts, and where.
    #[command(after_help = EXIT_CODES)]
    Reconcile(reconcile::Arguments),
    /// Write one page, in Japanese and English, about what one or more stores say: outcomes, alarms, times, completeness.
    #[command(after_help = EXIT_CODES)]
    Report(report::Arguments),
    /// List a store's sessions, one a line.
    #[command(after_help = EXIT_CODES)]
    Sessions(sessions::Arguments),
}

/// Runs one of the commands.
pub(crate) fn run(command: &CustodyCommand) -> ExitCode {
    match command {
        CustodyCommand::Verify(arguments) => verify::run(arguments),
        CustodyCommand::Export(arguments) => export::run(arguments),
        CustodyCommand::Prove(arguments) => prove::run(arguments),
        CustodyCommand::Cosign(arguments) => cosign::run(arguments),
        CustodyCommand::Reconcile(arguments) => reconcile::run(arguments),
        CustodyCommand::Report(arguments) => report::run(arguments),
        CustodyCommand::Sessions(arguments) => sessions::run(arguments),
    }
}
