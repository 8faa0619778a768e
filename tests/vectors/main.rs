//! Test vectors of the protocol (docs/protocol.md): whole sessions with their secrets, and frames that must be refused. What
//! wants to speak the protocol can be checked against them; so is this implementation. `cargo xtask vectors` makes them anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

mod cbor;
mod check;
#[cfg(shokyo_faults)]
mod generate;
#[cfg(shokyo_faults)]
mod refused;
#[cfg_attr(not(shokyo_faults), allow(dead_code, reason = "only the build with known randomness makes vectors"))]
mod session;
#[cfg_attr(not(shokyo_faults), allow(dead_code, reason = "only the build with known randomness makes vectors"))]
mod stations;

use check::check;
use session::{Session, read};
use shokyo::error::Error;
use shokyo::handover::{Frame, MAX_FRAME, MessageType};
use shokyo::types::{Now, Role, Time};

const SESSIONS: [&str; 3] = ["session-x-wing.json", "session-x25519.json", "session-cancelled.json"];

fn sessions() -> impl Iterator<Item = Session> {
    SESSIONS.into_iter().map(|name| Session::from_json(&read(name)))
}

#[test]
fn every_value_of_every_session_is_worked_out_again_from_its_frames_and_secrets() {
    for session in sessions() {
        assert_eq!(check(&session).unwrap(), session.derived, "{}", session.title);
    }
}

#[test]
fn a_whole_session_has_every_message_but_a_cancellation_and_a_late_answer_which_the_third_has() {
    let kinds = |session: &Session| -> std::collections::BTreeSet<MessageType> {
        session.frames.iter().map(|frame| Frame::decode(frame).unwrap().kind).collect()
    };
    for session in sessions() {
        let cancelled = session.title.starts_with("cancelled");
        for kind in [MessageType::Cancel, MessageType::Recorded] {
            assert_eq!(kinds(&session).contains(&kind), cancelled, "{}", session.title);
        }
        assert!(cancelled || kinds(&session).len() == 12, "{}", session.title);
    }
}

/// The control of all that: nothing in a session can be changed without a check that fails.
#[test]
fn no_byte_of_a_frame_and_no_secret_can_be_changed() {
    for session in sessions() {
        for position in 0..session.frames.len() {
            // Every field's first bytes and the body's middle; then one byte in sixty.
            let length = session.frames[position].len();
            let places =
                [0, 1, 2, 3, 4, 7, 42, 75, 78, 80, length / 2, length - 1].into_iter().chain((81..length).step_by(61));
            for place in places.filter(|place| *place < length) {
                let mut changed = session.clone();
                changed.frames[position][place] ^= 1;
                let unnoticed = check(&changed).is_ok_and(|derived| derived == session.derived);
                assert!(!unnoticed, "{}, frame {position}, byte {place}", session.title);
            }
        }
        for name in ["challenge_private", "reply_private", "document_key", "subject_key"] {
            let mut changed = session.clone();
            changed.secrets.get_mut(name).unwrap()[7] ^= 1;
            assert!(check(&changed).is_err(), "{}, {name}", session.title);
        }
    }
}

#[test]
fn what_must_be_refused_is_refused_for_the_reason_that_it_is_there_for() {
    let session = Session::from_json(&read("session-x25519.json"));
    let mut places = std::collections::BTreeMap::<String, usize>::new();
    for vector in read("refused.json").as_array().unwrap() {
        let frame = session::with_zeros(vector);
        let (place, why) = (vector["where"].as_str().unwrap(), vector["why"].as_str().unwrap());
        *places.entry(place.into()).or_default() += 1;
        match (place, Frame::decode(&frame)) {
            ("frame", Err(error)) => assert!(is_named(&error, why), "{why}: {error}"),
            ("body", Ok(_)) => {}
            ("signature", Ok(read)) => {
                let key = session.stations[&(read.role as u8)].messages;
                assert!(check::check_signature(&frame, &key).is_err(), "{why}");
            }
            (_, outcome) => panic!("{why}: {outcome:?}"),
        }
    }
    assert!(places["frame"] > 40 && places["body"] > 60 && places["signature"] >= 5, "{places:?}");
}

fn is_named(error: &Error, why: &str) -> bool {
    match why {
        "version 2" | "an unknown version, and everything else as a later version might have it" => {
            *error == Error::UnsupportedVersion { found: 2 }
        }
        "suite 3" => *error == Error::UnsupportedSuite { found: 3 },
        "one byte more than a frame may have" => {
            *error == Error::TooLarge { what: "a message (bytes)", limit: MAX_FRAME as u64 }
        }
        _ => !matches!(error, Error::TooLarge { .. }),
    }
}

/// A relay knows nothing of the secrets: it lets the recorded sessions pass, in both directions, and not a changed one.
#[test]
fn a_relay_lets_the_recorded_sessions_pass() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    // In the third, what is on its way when the kiosk ends it is not let pass any more.
    for session in sessions().take(2) {
        let passed = pass(&session);
        let expected = session.frames.iter().filter(|frame| stations::from_below(frame).is_some()).count();
        assert_eq!(passed, Ok(expected), "{}", session.title);
        let mut changed = session.clone();
        let complete = changed.frames.last_mut().unwrap();
        let last = complete.len() - 1;
        complete[last] ^= 1;
        assert_eq!(pass(&changed), Err(Error::BadSignature), "{}", session.title);
    }
}

fn pass(session: &Session) -> Result<usize, Error> {
    let mut relay = stations::relay(&session.stations);
    let now = Now { monotonic: Time(1_000), unix_ms: 1_790_000_000_000 };
    let mut passed = 0;
    for frame in &session.frames {
        let Some(below) = stations::from_below(frame) else { continue };
        let upstream = shokyo::handover::relay::UPSTREAM;
        let from = if below { shokyo::handover::Peer(1) } else { upstream };
        // What other relays send upwards does not come by here.
        if !below && Frame::decode(frame)?.kind == MessageType::Erased && Frame::decode(frame)?.role != Role::Kiosk {
            passed += 1;
            continue;
        }
        relay.handle_frame(now, from, frame.clone())?;
        while let Some(persist) = relay.poll_persist() {
            relay.handle_persisted(now, persist.token);
        }
        while let Some(passing) = relay.poll_transmit() {
            passed += usize::from(passing.bytes() == frame.as_slice());
            relay.handle_sent(now, passing);
        }
    }
    Ok(passed)
}
