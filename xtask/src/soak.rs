//! The simulation of many handovers, as shipped: with the optimisations of a release, on every processor.

use crate::call::{Call, Failure};
use crate::checks::shipped;
use crate::steps::Outcome;

/// Sessions when nothing else is asked for; the step in CI runs fewer.
const MANY: &str = "1000000";
const STEP: &str = "20000";

/// What can be asked for, and the variable that tells it.
const OPTIONS: [(&str, &str); 3] =
    [("--sessions", "SHOKYO_SOAK_SESSIONS"), ("--seed", "SHOKYO_SOAK_SEED"), ("--world", "SHOKYO_SOAK_WORLD")];

/// 20,000 sessions with faults: nothing is misdelivered, left, overclaimed, printed twice or without an end.
pub fn step() -> Result<Outcome, Failure> {
    call()?.set("SHOKYO_SOAK_SESSIONS", STEP).run()?;
    Ok(Outcome::Done)
}

/// `cargo xtask soak` with its options; each is followed by a number.
pub fn run(words: &[&str]) -> Result<(), Failure> {
    let mut call = call()?;
    if !words.contains(&"--sessions") {
        call = call.set("SHOKYO_SOAK_SESSIONS", MANY);
    }
    for pair in words.chunks(2) {
        let known = |option: &str| OPTIONS.iter().find(|(name, _)| *name == option).map(|(_, variable)| *variable);
        let [option, value] = pair else {
            return Err(Failure::new(format!("a number belongs behind {}", pair.concat())));
        };
        let variable = known(option).ok_or_else(|| Failure::new(format!("soak has no option {option}")))?;
        call = call.set(variable, value);
    }
    call.run()
}

/// Nothing of an earlier call's is left in the environment.
fn call() -> Result<Call, Failure> {
    let call = shipped("--test simulation -- --ignored --exact soak --nocapture")?;
    Ok(OPTIONS.iter().fold(call, |call, (_, variable)| call.unset(variable)))
}
