//! A relay with an accomplice kiosk takes the sealed part of a holder's application and puts it into an application of the
//! accomplice's, to have the holder's document sent there.

use std::cell::RefCell;
use std::rc::Rc;

use shokyo::handover::{Crypto, Frame, MessageType, Outcome, Policy, Suite};
use shokyo::types::Role;

use crate::ends::{ends, nothing_is_left};
use crate::forge::{Item, body, bytes_of, items, resigned, signed};
use crate::rogue::{Challenged, Rogue};
use crate::town::{Hop, Member, Pins, Town, document_of, row_of};

/// The subjects whose rows were read.
type Rows = Rc<RefCell<Vec<Vec<u8>>>>;

/// The holder's application is on its way, and the accomplice has a challenge of its own. Beside them, whose rows were read.
fn town() -> (Town, Member, Hop, Challenged, Rows) {
    let mut pins = Pins::new();
    let issuer = Member::new(Role::Issuer, "issuer-1", "the ward", &mut pins);
    let victim = Member::new(Role::Kiosk, "kiosk-1", "shops A", &mut pins);
    let accomplice = Member::new(Role::Kiosk, "kiosk-2", "shops A", &mut pins);
    let mut town = Town::new(pins, &[&issuer], Policy::default());
    let rows = Rc::new(RefCell::new(Vec::new()));
    let read = rows.clone();
    town.register = Box::new(move |subject| {
        read.borrow_mut().push(subject.to_vec());
        row_of(subject)
    });
    let challenged = Challenged::by(&mut town, &accomplice);
    town.apply(&victim, b"holder-1");
    // The relay sees the application before anyone else does.
    assert!(town.run_until(|town| town.saw(0, MessageType::Apply)));
    let apply = town.find(0, MessageType::Apply);
    (town, accomplice, apply, challenged, rows)
}

/// The header, the encapsulation and the ciphertext of an application.
fn parts(apply: &Hop) -> [Vec<u8>; 3] {
    let parts = items(Frame::decode(&apply.bytes).unwrap().body);
    [0, 1, 2].map(|part| bytes_of(&parts[part]).to_vec())
}

#[test]
fn the_sealed_part_of_an_application_opens_in_no_other_application() {
    let (mut town, accomplice, apply, challenged, rows) = town();
    let [_, encapsulated, sealed] = parts(&apply);
    let (_private, reply_key) = accomplice.crypto.generate(Suite::XWing).unwrap();
    let session = challenged.session(&reply_key);
    let lifted = challenged.apply_with(&town, &reply_key, &encapsulated, &sealed);
    town.network.push_back(Hop { link: 0, up: true, end: challenged.peer, bytes: lifted });
    town.run();
    // The accomplice: no document was composed for it, its session is over. The holder: their own document, as if nothing had been.
    assert_eq!(*rows.borrow(), [b"holder-1"]);
    let offered = |hop: &Hop| hop.session() == session && hop.kind() == Some(MessageType::Offer);
    assert!(!town.tape.iter().any(offered));
    assert!(town.tape.iter().any(|hop| hop.session() == session && hop.kind() == Some(MessageType::Cancel)));
    assert_eq!(town.counters[0].printed, Some(document_of(b"holder-1")));
    assert_eq!(ends(&town, 0), [Some(Outcome::Complete); 2]);
    nothing_is_left(&mut town);
}

#[test]
fn the_control_an_accomplices_own_application_is_served_in_the_same_way() {
    let (mut town, accomplice, _, _, rows) = town();
    let rogue = Rogue::new(&mut town, &accomplice, b"holder-9");
    assert!(rogue.answer(&town, MessageType::Offer).is_some());
    assert!(rows.borrow().contains(&b"holder-9".to_vec()));
}

#[test]
fn an_application_under_anothers_challenge_or_with_another_reply_key_is_refused() {
    let (mut town, accomplice, apply, challenged, rows) = town();
    let frame = Frame::decode(&apply.bytes).unwrap();
    let [header, encapsulated, sealed] = parts(&apply);
    let (_private, reply_key) = accomplice.crypto.generate(Suite::XWing).unwrap();
    let rewritten = |change: &dyn Fn(&mut Vec<Item>)| {
        let mut header = items(&header);
        change(&mut header);
        let parts = [body(&header), encapsulated.clone(), sealed.clone()].map(Item::Bytes);
        signed(&accomplice, MessageType::Apply, frame.session, frame.previous, &body(&parts))
    };
    let place = items(&header).iter().rposition(|item| bytes_or_empty(item).len() == reply_key.len()).unwrap();
    let certificate = items(&header).len() - 1;
    let own = Item::Bytes(accomplice.keys.certificate.clone());
    let forgeries = [
        // The holder's application word for word, signed by the accomplice.
        resigned(&accomplice, &apply.bytes),
        // In the accomplice's name.
        rewritten(&|header| header[certificate] = own.clone()),
        // With the accomplice's reply key, in its own name and in the holder's kiosk's.
        rewritten(&|header| {
            header[certificate] = own.clone();
            header[place] = Item::Bytes(reply_key.clone());
        }),
        rewritten(&|header| header[place] = Item::Bytes(reply_key.clone())),
    ];
    for (number, forged) in forgeries.into_iter().enumerate() {
        // At the issuer itself, as a relay can that skips its own checks, and at the next relay.
        for link in [1, 2] {
            let hop = Hop { link, up: true, end: 0, bytes: forged.clone() };
            let refused = town.deliver(hop);
            assert!(refused.is_err() || link == 1, "forgery {number} at link {link}");
        }
    }
    drop(challenged);
    town.run();
    assert_eq!(*rows.borrow(), [b"holder-1"]);
    assert_eq!(town.counters[0].printed, Some(document_of(b"holder-1")));
    nothing_is_left(&mut town);
}

fn bytes_or_empty(item: &Item) -> &[u8] {
    match item {
        Item::Bytes(bytes) => bytes,
        _ => &[],
    }
}
