//! S5, Tokushima, 2023. The second of three pages was another person's.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use shokyo::error::Error;
use shokyo::handover::{Frame, MessageType, Outcome, Policy};
use shokyo::types::Role;

use crate::former::Pages;
use crate::town::{Counter, Hop, Member, Pins, Town, document_of, outcomes};

/// Two holders at two kiosks at the same time, each with a document of three chunks and the same length.
fn two_holders() -> Town {
    let mut pins = Pins::new();
    let issuer = Member::new(Role::Issuer, "issuer-1", "the ward", &mut pins);
    let kiosks = ["kiosk-1", "kiosk-2"].map(|name| Member::new(Role::Kiosk, name, "shops A", &mut pins));
    let mut town = Town::new(pins, &[&issuer], Policy::default());
    town.apply(&kiosks[0], b"holder-1");
    town.apply(&kiosks[1], b"holder-2");
    town
}

/// Whether this is the second chunk on the way from the issuer.
fn is_second_chunk(hop: &Hop) -> bool {
    // Body: array of two, index, bytes.
    hop.link == 2 && hop.kind() == Some(MessageType::Chunk) && Frame::decode(&hop.bytes).unwrap().body[1] == 1
}

/// The frame with another's body in it: everything but the page is right.
fn with_the_page_of(hop: &Hop, other: &Hop) -> Vec<u8> {
    let mut frame = Frame::decode(&hop.bytes).unwrap();
    frame.body = Frame::decode(&other.bytes).unwrap().body;
    frame.encode()
}

#[test]
fn s5_a_page_of_another_session_is_never_printed() {
    let mut town = two_holders();
    // Both second pages are caught, exchanged, and sent on.
    assert!(town.run_until(|town| {
        let waiting = town.network.iter().filter(|hop| is_second_chunk(hop)).count();
        waiting == 2
    }));
    let places: Vec<_> = (0..town.network.len()).filter(|place| is_second_chunk(&town.network[*place])).collect();
    let (one, two) = (town.network[places[0]].clone(), town.network[places[1]].clone());
    assert_eq!(one.bytes.len(), two.bytes.len(), "nothing but the content tells them apart");
    town.network[places[0]].bytes = with_the_page_of(&one, &two);
    town.network[places[1]].bytes = with_the_page_of(&two, &one);
    town.run();
    for counter in &town.counters {
        assert_eq!(counter.printed, None);
        assert!(counter.machine.document().is_err());
        assert_eq!(outcomes(&counter.records), [Outcome::Ended]);
    }
    let refused = town.errors.iter().filter(|error| **error == (Role::Kiosk, Error::NotAuthentic)).count();
    assert_eq!(refused, 2);
    assert!(!town.saw(2, MessageType::Release), "no key moved");
}

#[test]
fn s5_pages_out_of_order_repeated_or_missing_never_make_another_document() {
    type Change = fn(&mut Vec<Hop>);
    let changes: [(&str, Change); 4] = [
        ("exchanged", |chunks| chunks.swap(0, 1)),
        ("missing", |chunks| drop(chunks.remove(1))),
        ("repeated instead of the next", |chunks| chunks[2] = chunks[1].clone()),
        ("none changed", |_| {}),
    ];
    for (name, change) in changes {
        let mut town = two_holders();
        // The first chunks of each session are caught on the issuer's link, and come in another way.
        let caught = Rc::new(RefCell::new(BTreeMap::<_, Vec<Hop>>::new()));
        let catching = caught.clone();
        town.meddle = Box::new(move |hop| {
            let catch = hop.link == 2 && hop.kind() == Some(MessageType::Chunk);
            if catch {
                catching.borrow_mut().entry(hop.session()).or_default().push(hop.clone());
            }
            !catch
        });
        town.run();
        town.meddle = Box::new(|_| true);
        assert_eq!(caught.borrow().values().map(Vec::len).collect::<Vec<_>>(), [3, 3]);
        for mut chunks in caught.take().into_values() {
            change(&mut chunks);
            town.network.extend(chunks);
        }
        town.run();
        let done = |counter: &Counter| counter.printed.is_some();
        assert_eq!(town.counters.iter().all(done), name == "none changed", "{name}");
        // What is missing is asked for again; it is the holder's own, or nothing.
        town.wait(5);
        for (counter, subject) in town.counters.iter().zip([b"holder-1", b"holder-2"]) {
            assert_eq!(counter.printed, Some(document_of(subject)), "{name}");
        }
    }
}

#[test]
fn s5_control_pages_gathered_by_their_number_alone_mix() {
    let mut pages = Pages::default();
    pages.arrived(0, "holder-1");
    pages.arrived(1, "holder-1");
    pages.arrived(1, "holder-2");
    pages.arrived(2, "holder-1");
    let document = pages.assemble(3).unwrap();
    assert_eq!(document, [("holder-1", 0), ("holder-2", 1), ("holder-1", 2)]);
}
