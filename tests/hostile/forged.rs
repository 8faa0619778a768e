//! Stations that sign in others' names, or in their own where they have no say: relays on the way, accomplices with certificates.

use shokyo::error::Error;
use shokyo::handover::{MessageType, Outcome, Policy, Record};
use shokyo::receipt::Event;
use shokyo::types::{Role, SessionId};

use crate::ends::{alarmed, ends, nothing_is_left, outcome};
use crate::forge::{cancel, complete, erased, receipt, resigned, signed_as};
use crate::town::{Hop, Member, Pins, Town, document_of};

/// The usual town, and stations that have no part in its session but certificates.
struct Strangers {
    town: Town,
    relay: Member,
    issuer: Member,
    kiosk: Member,
    on_the_way: Member,
}

fn strangers() -> Strangers {
    let mut pins = Pins::new();
    let issuer = Member::new(Role::Issuer, "issuer-1", "the ward", &mut pins);
    let kiosk = Member::new(Role::Kiosk, "kiosk-1", "shops A", &mut pins);
    let ec = Member::new(Role::EcCentre, "ec-1", "shops A", &mut pins);
    let centre = Member::new(Role::CertificateCentre, "centre-1", "the centre", &mut pins);
    let strangers = [(Role::EcCentre, "ec-2"), (Role::Issuer, "issuer-2"), (Role::Kiosk, "kiosk-2")]
        .map(|(role, name)| Member::new(role, name, "others", &mut pins));
    let mut town = Town::with_relays(pins, &[&issuer], &[&ec, &centre], Policy::default());
    town.apply(&kiosk, b"holder-1");
    let [relay, issuer, kiosk] = strangers;
    Strangers { town, relay, issuer, kiosk, on_the_way: centre }
}

/// Whether the frame comes to one of the two ends, which must not believe what is between them.
fn is_at_an_end(hop: &Hop) -> bool {
    (hop.link, hop.up) == (2, true) || (hop.link, hop.up) == (0, false)
}

#[test]
fn whatever_is_signed_with_anothers_key_is_refused_and_the_untouched_frame_after_it_is_taken() {
    let Strangers { mut town, relay, issuer, kiosk, on_the_way } = strangers();
    let mut refused = std::collections::BTreeSet::new();
    loop {
        while town.collect() {}
        let Some(next) = town.network.front().cloned() else { break };
        let kind = next.kind().unwrap();
        if is_at_an_end(&next) && kind.is_signed() {
            // A relay on the way puts its own signature under each message, or one of an accomplice.
            for forger in [&on_the_way, &relay, &issuer, &kiosk] {
                let forged = Hop { bytes: resigned(forger, &next.bytes), ..next.clone() };
                if forged.bytes == next.bytes {
                    // The centre's own receipt, signed by the centre.
                    continue;
                }
                let (_, error) = town.deliver(forged).unwrap_err();
                assert_eq!(error, Error::BadSignature, "{kind:?} by {}", forger.keys.info.station);
            }
            refused.insert(kind);
        }
        town.deliver_one();
    }
    // Every signed message that an end takes, and nothing came of any of it.
    assert_eq!(refused.len(), 9, "{refused:?}");
    assert_eq!(town.errors, []);
    assert_eq!(town.counters[0].printed, Some(document_of(b"holder-1")));
    assert_eq!(ends(&town, 0), [Some(Outcome::Complete); 2]);
}

/// Every place in the session: what arrives before each frame of it, at both ends and at both relays.
fn at_every_step(mut forge: impl FnMut(&Strangers, SessionId) -> Vec<(Hop, bool)>) {
    let mut strangers = strangers();
    let mut tried = 0;
    // Whoever asks for an acknowledgement again gets one, so that it would never come to rest: until it is complete.
    while strangers.town.step() && !strangers.town.counters[0].machine.is_finished() {
        let session = strangers.town.counters[0].machine.id();
        for (hop, must_be_refused) in forge(&strangers, session) {
            let answer = strangers.town.deliver(hop);
            assert!(answer.is_err() || !must_be_refused);
            tried += 1;
        }
    }
    strangers.town.run();
    assert!(tried > 30);
    assert_eq!(strangers.town.counters[0].printed, Some(document_of(b"holder-1")));
    assert_eq!(ends(&strangers.town, 0), [Some(Outcome::Complete); 2]);
    nothing_is_left(&mut strangers.town);
}

#[test]
fn a_station_outside_the_session_cannot_cancel_it() {
    at_every_step(|strangers, session| {
        let to_kiosk = |bytes| (Hop { link: 0, up: false, end: 0, bytes }, true);
        let to_issuer = |bytes| (Hop { link: 2, up: true, end: 0, bytes }, true);
        vec![
            to_kiosk(cancel(&strangers.kiosk, session)),
            to_kiosk(cancel(&strangers.issuer, session)),
            to_issuer(cancel(&strangers.kiosk, session)),
            to_issuer(cancel(&strangers.issuer, session)),
        ]
    });
}

#[test]
fn a_relay_that_cancels_can_only_have_both_ends_erase() {
    for upwards in [true, false] {
        let Strangers { mut town, on_the_way, .. } = strangers();
        assert!(town.run_until(|town| town.saw(0, MessageType::Chunk)));
        let session = town.counters[0].machine.id();
        let link = if upwards { 2 } else { 0 };
        town.deliver(Hop { link, up: upwards, end: 0, bytes: cancel(&on_the_way, session) }).unwrap();
        let (kiosk, issuer) = (&town.counters[0].machine, &town.servers[0].machine);
        assert!(if upwards { issuer.application(session).is_err() } else { kiosk.document().is_err() });
        // It tells nobody else, and keeps everything back: the other end goes by its clock.
        nothing_is_left(&mut town);
        // Nobody holds the document: the issuer and the kiosk erased, and say so; no key was on the way.
        assert_eq!(town.counters[0].printed, None);
        assert!(!town.saw(2, MessageType::Release));
        assert_eq!(town.events_of(&town.servers[0].records), [Event::Erased]);
        assert_eq!(town.events_of(&town.counters[0].records), [Event::Erased]);
        assert!(!ends(&town, 0).contains(&Some(Outcome::Complete)));
    }
}

#[test]
fn nobody_but_the_kiosk_says_that_it_erased_and_nobody_says_so_too_early() {
    at_every_step(|strangers, session| {
        let receipt = |member: &Member, event| erased(member, session, receipt(member, session, event));
        let foreign = receipt(&strangers.kiosk, Event::Erased);
        // At both relays and at the issuer, also under a role that the signer does not have. Once everything is complete, whoever asks
        // again only gets the stored acknowledgement; and of a session that is not there yet the store keeps nothing.
        let records = &strangers.town.servers[0].records;
        let of_session = |record: &Record| record.session() == session;
        let kept = records.iter().any(|record| of_session(record) && matches!(record, Record::PeerReceipt { .. }));
        assert!(!kept || strangers.town.saw(2, MessageType::Erased), "a receipt before anybody could be at the end");
        let there = records.iter().any(|record| of_session(record) && matches!(record, Record::Opened { .. }));
        let not_over = outcome(records, session).is_none();
        let open = there && not_over;
        let hop = |link, bytes: &Vec<u8>| (Hop { link, up: true, end: 0, bytes: bytes.clone() }, open);
        let mut forged = vec![hop(0, &foreign), hop(2, &foreign)];
        let before_the_end = !strangers.town.saw(2, MessageType::Opened);
        let relays = receipt(&strangers.on_the_way, Event::RelayedNotRetained);
        if before_the_end && there {
            forged.push(hop(2, &relays));
        }
        let frame = shokyo::handover::Frame::decode(&foreign).unwrap();
        let kind = MessageType::Erased;
        let dressed = signed_as(&strangers.kiosk, Role::CertificateCentre, kind, session, [0; 32], frame.body);
        forged.push((Hop { link: 2, up: true, end: 0, bytes: dressed }, not_over));
        forged
    });
}

#[test]
fn nobody_but_the_issuer_says_that_a_session_is_complete() {
    at_every_step(|strangers, session| {
        [&strangers.kiosk, &strangers.issuer, &strangers.on_the_way, &strangers.relay]
            .map(|forger| {
                let bytes = complete(forger, session);
                (Hop { link: 0, up: false, end: 0, bytes }, true)
            })
            .into()
    });
}

#[test]
fn a_receipt_of_another_session_or_from_elsewhere_counts_for_nothing() {
    let Strangers { mut town, .. } = strangers();
    town.run();
    let Strangers { town: mut second, .. } = strangers();
    second.run();
    // Word for word from another session, and with this session's number over it.
    let old = second.find(2, MessageType::Erased);
    assert!(town.deliver(old.clone()).is_err());
    let Strangers { mut town, on_the_way, .. } = strangers();
    // The kiosk's own report never arrives.
    town.meddle = Box::new(|hop| hop.kind() != Some(MessageType::Erased));
    town.run();
    let session = town.counters[0].machine.id();
    let elsewhere = receipt(&on_the_way, SessionId([9; 32]), Event::RelayedNotRetained);
    let misused = erased(&on_the_way, session, elsewhere);
    let refused = town.deliver(Hop { link: 2, up: true, end: 0, bytes: misused });
    assert!(matches!(refused, Err((Role::Issuer, Error::Mismatch { .. }))), "{refused:?}");
    // The control: the same station's receipt of this session is taken.
    let own = erased(&on_the_way, session, receipt(&on_the_way, session, Event::RelayedNotRetained));
    town.deliver(Hop { link: 2, up: true, end: 0, bytes: own }).unwrap();
    // Printed, and not complete for anyone: the issuer says unresolved, with an alarm.
    town.only_ticks();
    assert_eq!(town.counters[0].printed, Some(document_of(b"holder-1")));
    assert_eq!(outcome(&town.servers[0].records, session), Some(Outcome::Unresolved));
    assert!(alarmed(&town.servers[0].records, session) && alarmed(&town.counters[0].records, session));
    assert!(town.is_quiet());
}

#[test]
fn two_relays_that_both_claim_one_role_are_an_alarm_and_the_session_is_not_called_complete() {
    for contradicted in [true, false] {
        let Strangers { mut town, relay, .. } = strangers();
        // The EC centre's receipt is there, the kiosk's is still on the way.
        town.counters[0].auto = false;
        town.run();
        town.meddle = Box::new(|hop| !(hop.link == 2 && is_kiosks(hop)));
        town.counters[0].machine.print(town.now).unwrap();
        town.run();
        town.counters[0].machine.delivered(town.now).unwrap();
        town.run();
        let session = town.counters[0].machine.id();
        assert_eq!(outcome(&town.servers[0].records, session), None);
        if contradicted {
            let claim = erased(&relay, session, receipt(&relay, session, Event::RelayedNotRetained));
            for _ in 0..3 {
                let refused = town.deliver(Hop { link: 2, up: true, end: 0, bytes: claim.clone() });
                assert!(matches!(refused, Err((Role::Issuer, Error::Mismatch { .. }))), "{refused:?}");
            }
        }
        town.meddle = Box::new(|_| true);
        town.wait(5);
        let expected = if contradicted { Outcome::Unresolved } else { Outcome::Complete };
        assert_eq!(outcome(&town.servers[0].records, session), Some(expected));
        assert_eq!(alarmed(&town.servers[0].records, session), contradicted);
        assert_eq!(crate::town::alarms(&town.servers[0].records), usize::from(contradicted), "it is said once");
        nothing_is_left(&mut town);
    }
}

fn is_kiosks(hop: &Hop) -> bool {
    let frame = shokyo::handover::Frame::decode(&hop.bytes).unwrap();
    frame.kind == MessageType::Erased && frame.role == Role::Kiosk
}
