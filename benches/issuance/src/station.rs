//! In a child: one station of the library, exactly as the command line runs it. The kiosk's operator is a loop that applies again
//! as soon as an issuance is complete.

use std::time::{Duration, Instant};

use shokyo::handover::Outcome;
use shokyo::station::config::Config;
use shokyo::station::kiosk::{Apply, KioskCommand};
use shokyo::station::notice::{Notice, What};
use shokyo::station::{Notices, Order};
use shokyo::types::Role;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::Failure;
use crate::child::{answer, commands};
use crate::place::{KIND, subject};

pub async fn run(config: Config) -> Result<(), Failure> {
    let (orders, receiver) = unbounded_channel();
    let (sender, notices) = unbounded_channel();
    let role = config.role;
    tokio::spawn(operate(role, orders, notices));
    shokyo::station::run(config, receiver, Notices::new(role, sender)).await?;
    Ok(())
}

/// Tells the parent what it waits for, and carries out its commands: `run COUNT IN-FLIGHT BYTES`.
async fn operate(role: Role, orders: UnboundedSender<Order<KioskCommand>>, mut notices: UnboundedReceiver<Notice>) {
    let mut commands = commands();
    loop {
        tokio::select! {
            Some(notice) = notices.recv() => match notice.what {
                What::Listening(address) => answer(&format!("listening {address}")),
                // A relay is ready for its downstream when its upstream is there; its downstream comes later.
                What::Connected { .. } => answer("connected"),
                What::Problem(error) => answer(&format!("problem {error}")),
                _ => {}
            },
            command = commands.recv() => match command {
                None => break,
                Some(command) => {
                    let numbers: Vec<usize> = command.split(' ').filter_map(|word| word.parse().ok()).collect();
                    if let (Role::Kiosk, [count, in_flight, bytes]) = (role, numbers.as_slice()) {
                        match apply_again_and_again(&orders, &mut notices, *count, *in_flight, *bytes).await {
                            Ok(line) => answer(&format!("done {line}")),
                            Err(error) => answer(&format!("problem {error}")),
                        }
                    }
                }
            },
        }
    }
    let _ = orders.send(Order::Stop);
}

/// Issues `count` documents of `bytes` bytes, `in_flight` at once. Gives wall time, and the median times from an application to
/// the readable document and to the issuer's word that every receipt is there (only if one is in flight), in microseconds.
async fn apply_again_and_again(
    orders: &UnboundedSender<Order<KioskCommand>>,
    notices: &mut UnboundedReceiver<Notice>,
    count: usize,
    in_flight: usize,
    bytes: usize,
) -> Result<String, Failure> {
    let begin = Instant::now();
    let mut applied = begin;
    let (mut begun, mut finished) = (0, 0);
    let (mut readable, mut complete) = (Vec::new(), Vec::new());
    while finished < count {
        while begun < count && begun - finished < in_flight {
            applied = Instant::now();
            orders.send(Order::Command(KioskCommand::Apply(application(bytes))))?;
            begun += 1;
        }
        let notice =
            tokio::time::timeout(Duration::from_secs(60), notices.recv()).await?.ok_or("the station stopped")?;
        match notice.what {
            What::Ready => readable.push(micros(applied)),
            What::Finished(Outcome::Complete) => {
                finished += 1;
                complete.push(micros(applied));
            }
            What::Finished(outcome) => return Err(format!("an issuance ended as {outcome:?}").into()),
            What::Problem(error) => return Err(error.into()),
            _ => {}
        }
    }
    let [readable, complete] = [readable, complete].map(crate::report::median);
    Ok(format!("{} {readable:.0} {complete:.0}", begin.elapsed().as_micros()))
}

fn micros(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e6
}

fn application(bytes: usize) -> Apply {
    Apply {
        operator: "municipality".into(),
        issuer: "issuer-1".into(),
        kind: KIND.into(),
        subject: subject(bytes).into(),
        challenge: [7; 32],
        out: None,
        wait_for_payment: false,
    }
}
