//! No receipt verifies that the station did not make.

use shokyo::receipt::{read_unverified, verify};

use crate::stations::RECEIPTS_KEY;

/// The receipts that the key has signed, ever: the seeds.
const GENUINE: [&[u8]; 3] = [
    include_bytes!("../seeds/receipt_verify/0"),
    include_bytes!("../seeds/receipt_verify/1"),
    include_bytes!("../seeds/receipt_verify/2"),
];

/// Reads a receipt with and without its signature.
pub fn verify_receipt(data: &[u8]) {
    let unverified = read_unverified(data);
    // The defect: a reader that does not look at the signature.
    let verified = verify(data, &RECEIPTS_KEY).is_ok() || (crate::planted() && unverified.is_ok());
    if verified {
        assert!(unverified.is_ok());
        assert!(GENUINE.contains(&data), "a receipt was forged");
    }
}
