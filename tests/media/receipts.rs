//! What a receipt says of a document while a copy of it is in a spool or at a renderer.

use shokyo::EphemeralBuffer;
use shokyo::buffer::{Cause, CopyClass};
use shokyo::media::{Renderer, Spool};
use shokyo::receipt::{Details, Event, Receipt, StationInfo, verify};
use shokyo::types::Role;

use super::receipt_key::ReceiptKey;
use super::{BINDING, random, vault};

/// What a receipt says that was to say "erased": the event, and whether ranges of a class were erased, and were not.
fn receipt(document: EphemeralBuffer, class: CopyClass) -> (Event, bool, bool) {
    let station = StationInfo {
        role: Role::Kiosk,
        station: "kiosk-1".into(),
        operator: "an operator".into(),
        post: "P-17".into(),
    };
    let details = Details::new(Event::Erased, Cause::Delivered, "resident-certificate", 1_000, 2_000);
    let key = ReceiptKey::new(1);
    let receipt = Receipt::issue(document.erase(), &details, &station, &key).unwrap();
    let statement = verify(receipt.as_bytes(), &key.public()).unwrap();
    let of_class = || statement.copies.iter().filter(|copy| copy.class == class);
    (statement.event, of_class().any(|copy| copy.verified > 0), of_class().any(|copy| copy.failed > 0))
}

#[test]
fn no_receipt_says_erased_while_a_spooled_copy_or_pages_live() {
    #[cfg(shokyo_faults)]
    let _alone = shokyo::faults::serialised(&[]);
    let (folder, vault) = (tempfile::tempdir().unwrap(), vault());
    let spool = Spool::open(&folder.path().join("spool")).unwrap();
    let document = || vault.seal(BINDING, &random(20_000)).unwrap();
    let renderer = Renderer::new("/bin/cat", [Renderer::DOCUMENT]);

    let alive = document();
    let _copy = spool.copy_of(&alive).unwrap();
    assert_eq!(receipt(alive, CopyClass::Spool), (Event::NotErased, false, true));
    let alive = document();
    let _pages = renderer.render(&alive).unwrap();
    assert_eq!(receipt(alive, CopyClass::Derivative), (Event::NotErased, false, true));

    // The control: both gone.
    for class in [CopyClass::Spool, CopyClass::Derivative] {
        let gone = document();
        spool.copy_of(&gone).unwrap().erase().unwrap();
        renderer.render(&gone).unwrap().erase().unwrap();
        assert_eq!(receipt(gone, class), (Event::Erased, true, false));
    }
}
