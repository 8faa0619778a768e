//! Notices as JSON, one object a line: what `--json` prints and what the demonstration reads from its four processes.

use serde_json::{Map, Value, json};
use shokyo::station::notice::{Notice, What};

use crate::hexadecimal;

/// A notice as an object: `at_us` (microseconds on the clock that counts suspended time), `role`, `session` (hexadecimal),
/// `event`, and what belongs to the event.
pub(crate) fn notice(notice: &Notice) -> Value {
    let mut object = Map::new();
    object.insert("at_us".into(), json!(u64::try_from(notice.at.as_micros()).unwrap_or(u64::MAX)));
    object.insert("role".into(), json!(notice.role.name()));
    if let Some(session) = &notice.session {
        object.insert("session".into(), json!(session.to_string()));
    }
    object.insert("event".into(), json!(notice.what.name()));
    let more = match &notice.what {
        What::Protected(protections) => json!({ "protections": protections.names().collect::<Vec<_>>() }),
        What::Listening(address) => json!({ "address": address.to_string() }),
        What::Connected { station, role } => json!({ "station": station, "neighbour": role.name() }),
        What::Disconnected { station, error } => {
            json!({ "station": station, "reason": error.as_ref().map(ToString::to_string) })
        }
        What::Lost { print_started } => json!({ "print_started": print_started }),
        What::Offered { length } => json!({ "length": length }),
        What::Attached { role, length } => json!({ "by": role.name(), "length": length }),
        What::DeadlineExceeded(deadline) => json!({ "deadline": deadline.name() }),
        What::Closed { verified } => json!({ "verified": verified }),
        What::Proved { proof } => json!({ "proof": hexadecimal::encode(proof) }),
        What::Erased { cause, verified } => json!({ "cause": cause.name(), "verified": verified }),
        What::NotRetained { peak_bytes, longest_hold_ms, frames } => {
            json!({ "peak_bytes": peak_bytes, "longest_hold_ms": longest_hold_ms, "frames": frames })
        }
        What::Finished(outcome) => json!({ "outcome": crate::words::outcome(*outcome) }),
        What::Problem(error) => json!({ "problem": error.to_string() }),
        _ => Value::Null,
    };
    if let Value::Object(more) = more {
        object.extend(more);
    }
    Value::Object(object)
}
