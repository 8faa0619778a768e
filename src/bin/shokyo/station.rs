//! `shokyo station`: one of the four systems, until it is told to stop.

use std::io::Write;
use std::process::ExitCode;

use shokyo::error::Error;
use shokyo::station::config::Config;
use shokyo::station::notice::{Notice, What};
use shokyo::station::{Notices, Order};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::arguments::StationArguments;
use crate::{control, fail, json, words};

pub(crate) fn run(arguments: &StationArguments) -> ExitCode {
    let config = match configure(arguments) {
        Ok(config) => config,
        Err(error) => return fail(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let (sender, notices) = unbounded_channel();
    let as_json = arguments.json;
    let printing = std::thread::spawn(move || print_all(notices, as_json));
    let outcome = runtime.block_on(serve(config, arguments.control, sender));
    // Threads that still read standard input or wait for a neighbour must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    let _ = printing.join();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn configure(arguments: &StationArguments) -> Result<Config, Error> {
    let mut config = Config::load(&arguments.config)?;
    let wrong = |reason: String| Err(Error::Configuration { reason });
    if !arguments.kind.fits(config.role) {
        return wrong(format!("{} is for a station of role {}", arguments.config.display(), config.role));
    }
    if let Some(listen) = arguments.listen {
        if config.listen.is_none() {
            return wrong(format!("a station of role {} listens nowhere; leave out --listen", config.role));
        }
        config.listen = Some(listen);
    }
    if let Some(address) = &arguments.upstream {
        match &mut config.upstream {
            Some(upstream) => upstream.address.clone_from(address),
            None => return wrong(format!("a station of role {} has no upstream; leave out --upstream", config.role)),
        }
    }
    Ok(config)
}

async fn serve(config: Config, with_control: bool, notices: UnboundedSender<Notice>) -> Result<(), Error> {
    let (orders, receiver) = unbounded_channel();
    if with_control {
        control::start(orders.clone()).map_err(|error| Error::io("starting the control thread", &error))?;
    }
    let by_signal = orders.clone();
    tokio::spawn(async move {
        stop_signal().await;
        let _ = by_signal.send(Order::Stop);
    });
    let notices = Notices::new(config.role, notices);
    let outcome = shokyo::station::run(config, receiver, notices).await;
    drop(orders);
    outcome
}

/// Waits for Ctrl-C or a request to terminate.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

fn print_all(mut notices: UnboundedReceiver<Notice>, as_json: bool) {
    while let Some(notice) = notices.blocking_recv() {
        // A reader that is gone does not stop the station.
        let _ = if as_json {
            writeln!(std::io::stdout(), "{}", json::notice(&notice))
        } else {
            writeln!(anstream::stdout(), "{}", words::notice(&notice))
        };
        if matches!(notice.what, What::Stopped) {
            break;
        }
    }
}
