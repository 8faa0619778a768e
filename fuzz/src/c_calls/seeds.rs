//! Scripts to begin with.

use super::functions;
use super::header::{Function, Parameter};

/// Scripts that call every function, and some that get somewhere.
#[must_use]
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let number = |name: &str| functions().iter().position(|function| function.name == name).map(|at| at + 10);
    let at = |name: &str| number(&format!("shokyo_{name}")).unwrap_or_default() as u8;
    // With the first choice for everything.
    let calls = |names: &[&str]| -> Vec<u8> {
        let call = |name: &&str| {
            let at = number(&format!("shokyo_{name}")).unwrap_or_default();
            let zeros = functions().get(at - 10).map_or(0, |function| zeros(function));
            [vec![at as u8], vec![0; zeros]].concat()
        };
        names.iter().flat_map(call).collect()
    };
    let document =
        ["writer_new", "writer_write", "writer_finish", "buffer_length", "buffer_read_at", "buffer_for_each_window"];
    let evidence = [
        "buffer_erase",
        "erasure_verified",
        "erasure_describe",
        "erasure_copy_count",
        "erasure_copy_at",
        "erasure_free",
    ];
    let kiosk =
        ["kiosk_read_at", "kiosk_for_each_window", "kiosk_prove", "kiosk_register_copy", "copy_erase", "kiosk_print"];
    let every: Vec<&str> = functions().iter().filter_map(|function| function.name.strip_prefix("shokyo_")).collect();
    let mut seeds = vec![
        ("document", calls(&[document, evidence].concat())),
        ("free-and-use", calls(&["writer_new", "writer_finish", "buffer_free", "buffer_length"])),
        // A document that is dead is asked for its length: there is none, unless one is taken for dead that lives.
        ("dead", [calls(&["writer_new", "writer_finish"]), vec![at("buffer_length"), 180, 0]].concat()),
        ("town", [vec![8, 7, 7, 7, 7], calls(&kiosk), vec![7, 7], calls(&["kiosk_delivered"]), vec![7, 7, 7]].concat()),
    ];
    let names = ["every-a", "every-b", "every-c", "every-d"];
    seeds.extend(
        names.into_iter().zip(every.chunks(every.len().div_ceil(4)).map(|some| [vec![8, 7], calls(some)].concat())),
    );
    seeds
}

/// How many choices a call makes when each is the first.
fn zeros(function: &Function) -> usize {
    let one = |parameter: &Parameter| match parameter {
        Parameter::Length | Parameter::UserData => 0,
        Parameter::StructIn("shokyo_now", _) => 2,
        Parameter::StructIn("shokyo_application" | "shokyo_log_check" | "shokyo_binding", _) => 3,
        Parameter::StructIn("shokyo_vault_options", _) => 17,
        Parameter::StructIn(_, size) => 2 + (size - 4) / 4,
        Parameter::StructOut(..) => 2,
        _ => 1,
    };
    function.parameters.iter().map(one).sum()
}
