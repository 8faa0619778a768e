//! The command line of shokyo: run a station, make a development infrastructure, or watch one document go through all four
//! systems.
#![forbid(unsafe_code)]

mod arguments;
mod control;
mod custody;
mod demo;
#[cfg(target_os = "linux")]
mod doctor;
mod erase;
mod hexadecimal;
mod json;
#[cfg(target_os = "linux")]
mod scan;
mod station;
mod words;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command, KeysCommand};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Command::Demo(demo) => demo::run(&demo),
        Command::Station(station) => station::run(&station),
        Command::Custody(custody) => custody::run(&custody),
        Command::Erase(erase) => erase::run(&erase),
        #[cfg(target_os = "linux")]
        Command::Scan(scan) => scan::run(&scan),
        #[cfg(target_os = "linux")]
        Command::Doctor(doctor) => doctor::run(&doctor),
        Command::Keys(KeysCommand::Init { directory }) => keys_init(&directory),
    }
}

fn keys_init(directory: &std::path::Path) -> ExitCode {
    match shokyo::station::pki::init(directory) {
        Ok(summary) => {
            anstream::println!("Made a development infrastructure in {}:", directory.display());
            for (name, configuration) in &summary.stations {
                anstream::println!("  {name}: {}", configuration.display());
            }
            anstream::println!(
                "Give the issuer a document: append a [[documents]] table to its configuration. Then start each with\n  \
                 shokyo station issuer|relay|kiosk --config FILE"
            );
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

/// Says what went wrong and gives the exit code for it.
fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    anstream::eprintln!("{}error:{:#} {error}", words::RED, words::RED);
    ExitCode::from(1)
}
