//! The rules for a customer under arbitrary reports and clocks. Every state of theirs is explored by the library's tests; here the times
//! are arbitrary as well, and outputs wait.

use std::time::Duration;

use shokyo::buffer::Cause;
use shokyo::handover::customer::{Credential, CustomerState, DeviceReport, PaymentReport};
use shokyo::handover::{CustomerEvent, CustomerPolicy, CustomerSession, KioskEvent, Outcome};
use shokyo::types::{Now, SessionId, Time};

use crate::script::Script;

#[derive(Default)]
struct Seen {
    gone: bool,
    erased: bool,
    finished: bool,
    prints: usize,
    captures: usize,
}

/// Plays a script to the end, then lets the clock run.
pub fn run(data: &[u8]) {
    let mut script = Script(data);
    let credential = if script.number() % 2 == 0 { Credential::Card } else { Credential::Phone };
    let mut policy = CustomerPolicy::default();
    policy.paper_forgotten = Duration::from_millis(1 + script.long() as u64);
    let mut now = Now { monotonic: Time(0), unix_ms: 0 };
    let Ok(mut session) = CustomerSession::begin(now, policy, "kiosk-1", credential) else { return };
    let mut seen = Seen::default();
    while let Some(what) = script.byte() {
        seen.gone |= tell(&mut session, now, what, credential);
        if what >= 128 {
            now.monotonic = Time(now.monotonic.0 + script.long() as u64);
        }
        if what % 2 == 0 {
            drain(&mut session, &mut seen);
        }
    }
    drain(&mut session, &mut seen);
    for _ in 0..10_000 {
        let Some(next) = session.next_deadline() else { break };
        now.monotonic = next.max(now.monotonic);
        session.handle_timeout(now);
        drain(&mut session, &mut seen);
    }
    assert!(seen.erased && seen.finished && session.is_finished(), "the clock alone erases and ends");
}

/// One report; whether it says that the credential is gone.
fn tell(session: &mut CustomerSession, now: Now, what: u8, credential: Credential) -> bool {
    let what = what % 24;
    let alarms = session.alarms();
    let mut gone = false;
    let _ = match what {
        0..=6 => {
            let report = DeviceReport::ALL[usize::from(what)];
            gone = match credential {
                Credential::Card => report == DeviceReport::CardRemoved,
                Credential::Phone => report == DeviceReport::CredentialReleased,
            };
            session.handle_device(now, report)
        }
        7..=10 => session.handle_payment(now, PaymentReport::ALL[usize::from(what) - 7]),
        11 => session.handle_kiosk(now, &KioskEvent::Applied { session: SessionId([1; 32]) }),
        12 => session.handle_kiosk(now, &KioskEvent::Ready { length: 1 }),
        13 => session.handle_kiosk(now, &KioskEvent::MayPrint),
        14 => session.handle_kiosk(now, &KioskEvent::Erased { cause: Cause::Deadline, verified: true }),
        15 => session.handle_kiosk(now, &KioskEvent::Erased { cause: Cause::Delivered, verified: false }),
        16 => session.handle_kiosk(now, &KioskEvent::Finished { outcome: Outcome::Ended }),
        17 => session.handle_apply_failed(now),
        18 => session.acknowledge(now),
        19 => session.cancel(now, Cause::Shutdown),
        20 => session.handle_authentication(now, false),
        21 | 22 => session.handle_authentication(now, true),
        _ => session.choose(now),
    };
    assert_eq!(session.alarms() & alarms, alarms, "nothing clears an alarm");
    gone
}

fn drain(session: &mut CustomerSession, seen: &mut Seen) {
    while session.poll_persist().is_some() {}
    while let Some(event) = session.poll_event() {
        assert!(!seen.finished, "nothing comes after the end");
        match event {
            CustomerEvent::Apply => assert!(seen.gone && !seen.erased),
            CustomerEvent::Print => seen.prints += 1,
            CustomerEvent::CapturePayment => seen.captures += 1,
            CustomerEvent::Erase { .. } => {
                assert!(!seen.erased, "erased once");
                // The defect: erasures that nobody hears of.
                seen.erased = !crate::planted();
            }
            CustomerEvent::Finished { .. } => seen.finished = true,
            _ => {}
        }
        assert!(seen.prints <= 1 && seen.captures <= 1);
    }
    assert!(session.state() != CustomerState::Finished || seen.finished);
}
