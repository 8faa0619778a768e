//! Commands to a running station: JSON objects, one a line, on standard input. The end of the input is the order to stop.
//!
//! | command | fields |
//! |---|---|
//! | `apply` | `operator`, `issuer`, `kind`, `subject`, `challenge` (64 hexadecimal digits), `out` (a file, optional), `wait_for_payment` (optional) |
//! | `paid` | |
//! | `cancel` | |
//! | `marker` | `value` (64 hexadecimal digits): kept in memory until the end, so that a scan can show that it sees memory |
//! | `stop` | |

use std::io::BufRead;

use serde::Deserialize;
use shokyo::station::Order;
use shokyo::station::kiosk::{Apply, KioskCommand};
use tokio::sync::mpsc::UnboundedSender;
use zeroize::{Zeroize, Zeroizing};

use crate::hexadecimal;

/// The longest line.
const MAX_LINE: usize = 16 * 1024;

#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    Apply {
        operator: String,
        issuer: String,
        kind: String,
        subject: String,
        challenge: String,
        out: Option<std::path::PathBuf>,
        #[serde(default)]
        wait_for_payment: bool,
    },
    Paid,
    Cancel,
    Marker {
        value: String,
    },
    Stop,
}

/// Reads commands until the input ends, on a thread of its own.
pub(crate) fn start(orders: UnboundedSender<Order<KioskCommand>>) -> std::io::Result<()> {
    std::thread::Builder::new().name("control".into()).spawn(move || read_all(&orders)).map(drop)
}

fn read_all(orders: &UnboundedSender<Order<KioskCommand>>) {
    let mut markers: Vec<Box<[u8; 32]>> = Vec::new();
    let mut input = std::io::stdin().lock();
    let mut line = Zeroizing::new(String::with_capacity(MAX_LINE));
    loop {
        line.zeroize();
        match std::io::Read::take(&mut input, MAX_LINE as u64).read_line(&mut line) {
            Ok(1..) => {}
            Ok(0) | Err(_) => break,
        }
        let order = match serde_json::from_str::<Line>(&line) {
            Ok(Line::Apply { operator, issuer, kind, subject, challenge, out, wait_for_payment }) => {
                match hexadecimal::decode(&challenge) {
                    Some(challenge) => Order::Command(KioskCommand::Apply(Apply {
                        operator,
                        issuer,
                        kind,
                        subject: Zeroizing::new(subject),
                        challenge,
                        out,
                        wait_for_payment,
                    })),
                    None => {
                        anstream::eprintln!("a challenge is 64 hexadecimal digits; the command was passed over");
                        continue;
                    }
                }
            }
            Ok(Line::Paid) => Order::Command(KioskCommand::Paid),
            Ok(Line::Cancel) => Order::Command(KioskCommand::Cancel),
            Ok(Line::Marker { value }) => {
                match hexadecimal::decode(&value) {
                    Some(marker) => markers.push(Box::new(std::hint::black_box(marker))),
                    None => anstream::eprintln!("a marker is 64 hexadecimal digits; the command was passed over"),
                }
                continue;
            }
            Ok(Line::Stop) => break,
            // The line is not repeated: it may hold what must not be written down.
            Err(error) => {
                anstream::eprintln!("not a command (column {}); it was passed over", error.column());
                continue;
            }
        };
        if orders.send(order).is_err() {
            break;
        }
    }
    let _ = orders.send(Order::Stop);
    // The markers stay until the process ends.
    std::mem::forget(markers);
}
