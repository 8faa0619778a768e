//! Every body survives, and nothing else is one.
use super::*;
use std::vec;

fn survives<B: Body + PartialEq + core::fmt::Debug>(body: B) {
    let bytes = body.encode();
    assert_eq!(B::decode(&bytes).unwrap(), body);
    for cut in 0..bytes.len() {
        assert!(B::decode(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(B::decode(&longer).is_err(), "trailing byte");
}

fn offer(length: u64, chunk_size: u32, count: usize) -> Offer {
    Offer { length, chunk_size, hashes: vec![[1; 32]; count], commitment: [2; 32], subject_tag: [3; 32] }
}

#[test]
fn every_body_survives_and_a_cut_one_is_refused() {
    survives(Hello {
        operator: "municipality".into(),
        issuer: "issuer-1".into(),
        suites: vec![1, 2],
        certificate: vec![1; 300],
    });
    survives(Challenge {
        nonce: [1; 32],
        epoch: [2; 16],
        public_key: vec![3; 1216],
        valid_ms: 30_000,
        certificate: vec![4; 300],
    });
    survives(Apply { header: vec![1; 900], encapsulated: vec![2; 1120], sealed: vec![3; 100] });
    survives(offer(40_000, 16_384, 3));
    survives(Credit { from: 30, until: 70_000 });
    survives(Received { count: 3, attachments: [5; 32] });
    survives(Attachment { data: vec![1; 400], certificate: vec![2; 300] });
    survives(Opened { verified: true });
    survives(Erased { receipt: vec![1; 500], receipt_certificate: vec![2; 300], certificate: vec![3; 300] });
    survives(Complete { outcome: Outcome::Unresolved, certificate: vec![1; 300] });
    survives(Cancel { cause: Cause::Deadline, certificate: vec![1; 300] });
}

#[test]
fn an_offer_whose_count_does_not_fit_its_length_is_refused() {
    for wrong in [offer(40_000, 16_384, 2), offer(40_000, 16_384, 4), offer(0, 16_384, 1), offer(5, 0, 1)] {
        assert!(Offer::decode(&wrong.encode()).is_err());
    }
    assert!(Offer::decode(&offer(1, 1, MAX_CHUNKS + 1).encode()).is_err());
}

#[test]
fn a_chunk_survives_and_a_strange_one_is_refused() {
    let body = encode_chunk(70_000, &[9; 16_400]);
    assert_eq!(decode_chunk(&body).unwrap(), (70_000, &[9; 16_400][..]));
    assert!(decode_chunk(&body[..body.len() - 1]).is_err());
    // The index 1 in two bytes.
    assert!(decode_chunk(&[0x82, 0x18, 0x01, 0x41, 0xFF]).is_err());
    assert!(decode_chunk(&[0x82, 0x01, 0x41, 0xFF]).is_ok());
}
