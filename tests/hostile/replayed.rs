//! Whole old sessions played again: to the same stations, after a restart, to another server of the same issuer.

use shokyo::handover::{MessageType, Outcome, Policy, Record};
use shokyo::types::Role;

use crate::ends::{ends, nothing_is_left};
use crate::town::{Hop, Member, Pins, Town, document_of};

fn opened(records: &[Record]) -> usize {
    records.iter().filter(|record| matches!(record, Record::Opened { .. })).count()
}

/// One issuer with two servers, one kiosk, one session that is over.
fn after_one_session() -> (Town, Member) {
    let mut pins = Pins::new();
    let issuer = Member::new(Role::Issuer, "issuer-1", "the ward", &mut pins);
    let kiosk = Member::new(Role::Kiosk, "kiosk-1", "shops A", &mut pins);
    let mut town = Town::new(pins, &[&issuer, &issuer], Policy::default());
    town.apply(&kiosk, b"holder-1");
    town.run();
    assert_eq!(ends(&town, 0), [Some(Outcome::Complete); 2]);
    (town, kiosk)
}

/// Plays every frame again, on its link, and lets everything happen that follows.
fn play_again(town: &mut Town, tape: Vec<Hop>) {
    town.counters[0].printed = None;
    let composed = town.servers.iter().map(|server| server.events.len()).sum::<usize>();
    for hop in tape {
        // What the stations say of it does not matter: what they do, does.
        let _ = town.deliver(hop);
        town.run();
    }
    // No document was made, none was printed, no session exists that was not there before.
    assert_eq!(town.counters[0].printed, None);
    let events = town.servers.iter().map(|server| server.events.len()).sum::<usize>();
    assert_eq!(events, composed);
    assert_eq!(town.servers.iter().map(|server| opened(&server.records)).sum::<usize>(), 1);
    assert_eq!(opened(&town.relay_records[0]), 1);
    assert_eq!(opened(&town.relay_records[1]), 1);
}

fn the_next_holder_is_served(town: &mut Town, kiosk: &Member) {
    let next = town.apply(kiosk, b"holder-2");
    town.run();
    assert_eq!(town.counters[next].printed, Some(document_of(b"holder-2")));
    assert_eq!(ends(town, next), [Some(Outcome::Complete); 2]);
    nothing_is_left(town);
}

#[test]
fn an_old_session_played_again_to_the_same_stations_does_nothing() {
    let (mut town, kiosk) = after_one_session();
    let tape = town.tape.clone();
    play_again(&mut town, tape);
    the_next_holder_is_served(&mut town, &kiosk);
}

#[test]
fn an_old_session_played_again_does_nothing_after_the_issuer_started_again() {
    let (mut town, kiosk) = after_one_session();
    let tape = town.tape.clone();
    town.restart_server(0);
    play_again(&mut town, tape);
    the_next_holder_is_served(&mut town, &kiosk);
}

#[test]
fn an_old_session_played_to_another_server_of_the_issuer_does_nothing() {
    let (mut town, kiosk) = after_one_session();
    let mut tape = town.tape.clone();
    tape.retain(|hop| hop.link == 2 && hop.up);
    let answers = tape.len();
    assert!(answers > 5);
    for hop in tape {
        let server = &mut town.servers[1];
        let refused = server.machine.handle_frame(town.now, shokyo::handover::Peer(1), &hop.bytes);
        // Asking for a challenge is nobody's secret. For a receipt the store is asked, which knows no such session. Everything else is
        // refused.
        let receipt = hop.kind() == Some(MessageType::Erased);
        assert!(refused.is_err() || receipt || hop.kind() == Some(MessageType::Hello), "{:?}", hop.kind());
        while let Some(persist) = server.machine.poll_persist() {
            assert!(receipt && matches!(persist.record, Record::PeerReceipt { .. }), "{:?}", persist.record);
            server.machine.handle_persist_refused(town.now, persist.token);
        }
        while let Some(transmit) = server.machine.poll_transmit() {
            let kind = crate::town::kind_of(&transmit.frame).unwrap();
            let answer = if receipt { MessageType::Recorded } else { MessageType::Challenge };
            assert!(kind == answer || kind == MessageType::Cancel, "{kind:?}");
        }
        assert!(server.machine.poll_event().is_none() && server.machine.poll_persist().is_none());
    }
    the_next_holder_is_served(&mut town, &kiosk);
}

#[test]
fn an_application_under_way_when_the_issuer_starts_again_ends_with_an_answer() {
    let (mut town, kiosk) = after_one_session();
    let under_way = town.apply(&kiosk, b"holder-2");
    let before = town.tape.len();
    let challenged = |hop: &Hop| hop.link == 0 && hop.kind() == Some(MessageType::Challenge);
    assert!(town.run_until(|town| town.tape[before..].iter().any(challenged)));
    town.restart_server(0);
    town.run();
    // Told at once, not left waiting: erased, nothing composed.
    assert_eq!(town.counters[under_way].printed, None);
    assert!(town.tape[before..].iter().any(|hop| hop.link == 0 && hop.kind() == Some(MessageType::Cancel)));
    assert!(town.counters[under_way].machine.document().is_err());
    assert_eq!(opened(&town.servers[0].records), 1);
    nothing_is_left(&mut town);
    the_next_holder_is_served(&mut town, &kiosk);
}
