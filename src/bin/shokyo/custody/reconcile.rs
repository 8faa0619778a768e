//! `shokyo custody reconcile`: which receipts are missing where, over the stores of all operators.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::{Value, json};
use shokyo::Error;
use shokyo::custody::{DueBy, Gap, Incomplete, Reconciled, Store, reconcile};

use super::WRONG;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The stores of the stations, of as many operators as there are; two or more.
    #[arg(required = true, num_args = 2.., value_name = "STORE")]
    stores: Vec<PathBuf>,
    /// From the opening of a session to its last receipt, in seconds. Younger sessions are counted, and not held against anybody.
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    deadline: u32,
    /// One JSON object a line: each incomplete session, then the summary.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match look(arguments) {
        Ok(reconciled) if reconciled.incomplete == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(WRONG),
        Err(error) => crate::fail(&error),
    }
}

fn look(arguments: &Arguments) -> Result<Reconciled, Error> {
    let stores: Vec<Store> =
        arguments.stores.iter().map(|path| Store::open_read_only(path)).collect::<Result<_, _>>()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let due = DueBy {
        deadline_ms: u64::from(arguments.deadline) * 1000,
        now_unix_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
    };
    let reconciled = reconcile(&stores, due, &mut |incomplete| {
        if arguments.json {
            anstream::println!("{}", incomplete_as_json(&incomplete));
        } else {
            tell(&incomplete);
        }
        Ok(())
    })?;
    if arguments.json {
        anstream::println!("{}", summary_as_json(&reconciled));
    } else {
        summarize(arguments, &reconciled);
    }
    Ok(reconciled)
}

fn tell(incomplete: &Incomplete) {
    anstream::println!("{}", incomplete.session);
    for gap in &incomplete.gaps {
        anstream::println!("  {gap}");
    }
    if incomplete.alarmed.is_empty() {
        anstream::println!("  no store holds an alarm about it");
    }
}

fn summarize(arguments: &Arguments, reconciled: &Reconciled) {
    for (path, keeper) in arguments.stores.iter().zip(&reconciled.keepers) {
        let whose = keeper.as_ref().map_or_else(
            || "no receipt of its own".to_owned(),
            |keeper| format!("{} {} of {}", keeper.role, keeper.station, keeper.operator),
        );
        anstream::println!("{}: {whose}", path.display());
    }
    anstream::println!(
        "{} sessions: {} complete, {} not due yet, {} incomplete, of which {} without any alarm",
        reconciled.sessions,
        reconciled.complete,
        reconciled.pending,
        reconciled.incomplete,
        reconciled.without_alarm
    );
}

fn incomplete_as_json(incomplete: &Incomplete) -> Value {
    let gaps: Vec<Value> = incomplete.gaps.iter().map(gap_as_json).collect();
    json!({
        "session": incomplete.session.to_string(),
        "opened_unix_ms": incomplete.opened_unix_ms,
        "gaps": gaps,
        "alarmed_stores": incomplete.alarmed,
    })
}

fn gap_as_json(gap: &Gap) -> Value {
    let (name, role) = match gap {
        Gap::NotOpened { role } => ("not-opened", Some(role)),
        Gap::NoReceipt { role } => ("no-receipt", Some(role)),
        Gap::NotAtIssuer { role } => ("not-at-issuer", Some(role)),
        Gap::NotAtMaker { role, .. } => ("not-at-maker", Some(role)),
        Gap::Says { role, .. } => ("says", Some(role)),
        Gap::Open { .. } => ("open", None),
        _ => ("other", None),
    };
    let mut object = json!({ "gap": name, "role": role.map(|role| role.name()), "text": gap.to_string() });
    match gap {
        Gap::Says { event, .. } => object["event"] = json!(event.name()),
        Gap::NotAtMaker { station, .. } => object["station"] = json!(station),
        Gap::Open { store } => object["store"] = json!(store),
        _ => {}
    }
    object
}

fn summary_as_json(reconciled: &Reconciled) -> Value {
    let keepers: Vec<Value> = reconciled
        .keepers
        .iter()
        .map(|keeper| {
            keeper.as_ref().map_or(
                Value::Null,
                |keeper| json!({ "role": keeper.role.name(), "station": keeper.station, "operator": keeper.operator }),
            )
        })
        .collect();
    json!({
        "stores": keepers,
        "sessions": reconciled.sessions,
        "complete": reconciled.complete,
        "pending": reconciled.pending,
        "incomplete": reconciled.incomplete,
        "without_alarm": reconciled.without_alarm,
    })
}
