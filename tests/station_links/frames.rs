//! Frames over a link: order, limits, wrong bytes, dead and slow neighbours.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shokyo::Error;
use shokyo::station::link::{LinkOptions, MAXIMUM_FRAME, MAXIMUM_PAYLOAD};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{bare_neighbour, pair};

#[tokio::test]
async fn frames_of_every_size_arrive_whole_and_in_order_in_both_directions() {
    let (upper, lower) = pair(LinkOptions::default(), LinkOptions::default()).await;
    let ((mut upper_in, upper_out), (mut lower_in, lower_out)) = (upper.split(), lower.split());
    let sizes = [1, 2, 5, 1000, 16_384, 16_385, MAXIMUM_PAYLOAD - 1, MAXIMUM_PAYLOAD];
    let send = |out: shokyo::station::link::LinkWriter, seed: u8| async move {
        for (index, size) in sizes.into_iter().enumerate() {
            out.send(vec![seed + index as u8; size]).await.unwrap();
        }
        out
    };
    let (one, two) = (tokio::spawn(send(upper_out, 1)), tokio::spawn(send(lower_out, 101)));
    for (index, size) in sizes.into_iter().enumerate() {
        assert_eq!(lower_in.next().await.unwrap().unwrap(), vec![1 + index as u8; size]);
        assert_eq!(upper_in.next().await.unwrap().unwrap(), vec![101 + index as u8; size]);
    }
    one.await.unwrap().shutdown().await.unwrap();
    assert_eq!(lower_in.next().await, Ok(None));
    assert_eq!(lower_in.next().await, Ok(None));
    // The neighbour's end is answered without being asked for.
    assert_eq!(upper_in.next().await, Ok(None));
    let refused = two.await.unwrap().send(vec![1]).await;
    assert!(matches!(refused, Err(Error::Io { kind: std::io::ErrorKind::NotConnected, .. })), "{refused:?}");
}

#[tokio::test]
async fn what_was_queued_before_an_orderly_end_still_arrives() {
    let (upper, lower) = pair(LinkOptions::default(), LinkOptions::default()).await;
    let (out, mut input) = (upper.split().1, lower.split().0);
    for index in 0..5 {
        out.send(vec![index; 30_000]).await.unwrap();
    }
    drop(out);
    for index in 0..5 {
        assert_eq!(input.next().await.unwrap().unwrap(), vec![index; 30_000]);
    }
    assert_eq!(input.next().await, Ok(None));
}

#[tokio::test]
async fn a_frame_that_is_too_large_or_empty_is_not_sent() {
    let (upper, lower) = pair(LinkOptions::default(), LinkOptions::default()).await;
    let (out, mut input) = (upper.split().1, lower.split().0);
    let limit = MAXIMUM_PAYLOAD as u64;
    assert_eq!(
        out.send(vec![0; MAXIMUM_PAYLOAD + 1]).await,
        Err(Error::TooLarge { what: "a frame, in bytes,", limit })
    );
    assert_eq!(out.send(Vec::new()).await, Err(Error::Malformed { what: "an empty frame" }));
    out.send(vec![7]).await.unwrap();
    assert_eq!(input.next().await, Ok(Some(vec![7])));
}

#[tokio::test]
async fn wrong_frames_close_the_link_in_both_directions() {
    let limit = MAXIMUM_FRAME as u64;
    let cases: [(&[u8], Error); 7] = [
        (&[0, 0, 0, 0], Error::Malformed { what: "a frame of length zero" }),
        (&[0, 1, 0, 1], Error::TooLarge { what: "a frame, in bytes,", limit }),
        (&[0xFF, 0xFF, 0xFF, 0xFF], Error::TooLarge { what: "a frame, in bytes,", limit }),
        (&[0, 0, 0, 1, 1], Error::Malformed { what: "an empty frame" }),
        (&[0, 0, 0, 2, 2, 0], Error::Malformed { what: "a frame of an unknown kind" }),
        (&[0, 0, 0, 2, 9, 0], Error::Malformed { what: "a frame of an unknown kind" }),
        (&[0, 0, 0, 1, 0], Error::Malformed { what: "a frame of an unknown kind" }),
    ];
    for (bytes, expected) in cases {
        let (link, mut bare) = bare_neighbour(LinkOptions::default()).await;
        let (mut input, out) = link.split();
        bare.write_all(&[0, 0, 0, 2, 1, 42]).await.unwrap();
        bare.write_all(bytes).await.unwrap();
        bare.flush().await.unwrap();
        assert_eq!(input.next().await, Ok(Some(vec![42])));
        assert_eq!(input.next().await, Err(expected.clone()), "{bytes:?}");
        assert_eq!(input.next().await, Err(expected.clone()));
        assert_eq!(out.send(vec![1]).await, Err(expected));
        drop((input, out));
        let mut rest = Vec::new();
        let ended = timeout(Duration::from_secs(5), bare.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the connection is closed");
    }
}

#[tokio::test]
async fn a_frame_that_is_cut_off_is_an_error_wherever_it_is_cut() {
    for length in [1, 4, 5, 50] {
        let (link, mut bare) = bare_neighbour(LinkOptions::default()).await;
        let (mut input, _out) = link.split();
        let mut frame = vec![0, 0, 0, 100, 1];
        frame.resize(104, 7);
        bare.write_all(&frame[..length]).await.unwrap();
        bare.shutdown().await.unwrap();
        assert_eq!(input.next().await, Err(Error::Malformed { what: "a frame that was cut off" }), "{length}");
    }
}

#[tokio::test]
async fn a_neighbour_that_vanishes_is_not_taken_for_an_orderly_end() {
    let (link, bare) = bare_neighbour(LinkOptions::default()).await;
    let (mut input, _out) = link.split();
    // The socket closes without close_notify.
    drop(bare.into_inner().0);
    let error = input.next().await.unwrap_err();
    let kind = std::io::ErrorKind::UnexpectedEof;
    assert!(matches!(error, Error::Io { kind: found, .. } if found == kind), "{error:?}");
}

#[tokio::test]
async fn a_silent_neighbour_counts_as_dead_and_a_pinging_one_does_not() {
    let patient = LinkOptions { silence: Duration::from_millis(600), ..LinkOptions::default() };
    let (link, _bare) = bare_neighbour(patient.clone()).await;
    let (mut input, out) = link.split();
    let started = Instant::now();
    let error = timeout(Duration::from_secs(5), input.next()).await.unwrap().unwrap_err();
    assert_eq!(error, Error::Io { what: "the neighbour fell silent", kind: std::io::ErrorKind::TimedOut });
    assert!(started.elapsed() >= Duration::from_millis(500));
    assert_eq!(out.send(vec![1]).await, Err(error));

    let pinging = LinkOptions { keep_alive: Duration::from_millis(100), ..LinkOptions::default() };
    let (upper, lower) = pair(patient, pinging).await;
    let ((mut input, _upper_out), (_lower_in, out)) = (upper.split(), lower.split());
    assert!(timeout(Duration::from_millis(1500), input.next()).await.is_err(), "alive, with nothing to say");
    out.send(vec![5]).await.unwrap();
    assert_eq!(input.next().await, Ok(Some(vec![5])));
}

#[tokio::test]
async fn waiting_for_a_frame_can_be_cancelled_without_losing_a_byte() {
    let (link, mut bare) = bare_neighbour(LinkOptions::default()).await;
    let (mut input, _out) = link.split();
    let frame: Vec<u8> = (0..200).collect();
    let wire = [&[0, 0, 0, 201, 1][..], &frame].concat();
    let feed = tokio::spawn(async move {
        for byte in wire {
            bare.write_all(&[byte]).await.unwrap();
            bare.flush().await.unwrap();
            sleep(Duration::from_millis(1)).await;
        }
        bare
    });
    let mut cancelled = 0;
    let received = loop {
        match timeout(Duration::from_millis(3), input.next()).await {
            Ok(outcome) => break outcome.unwrap().unwrap(),
            Err(_) => cancelled += 1,
        }
    };
    assert_eq!(received, frame);
    assert!(cancelled > 5, "{cancelled}");
    feed.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_holds_the_sender_back_and_bounds_its_memory() {
    const OFFERED: usize = 2000;
    let options = LinkOptions { queue: 4, silence: Duration::from_secs(60), ..LinkOptions::default() };
    let (upper, lower) = pair(options.clone(), options).await;
    let (out, (mut input, _lower_out)) = (upper.split().1, lower.split());
    let accepted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&accepted);
    let sender = tokio::spawn(async move {
        for index in 0..OFFERED as u32 {
            let mut frame = vec![0; 60_000];
            frame[..4].copy_from_slice(&index.to_be_bytes());
            out.send(frame).await.unwrap();
            counter.fetch_add(1, Ordering::SeqCst);
        }
        out.shutdown().await
    });
    // Until the sender stands still: queue and the two sockets' buffers are full.
    let mut stood = 0;
    loop {
        sleep(Duration::from_millis(500)).await;
        let count = accepted.load(Ordering::SeqCst);
        if count == stood && count > 0 {
            break;
        }
        stood = count;
    }
    assert!(stood < OFFERED / 3, "{stood} of {OFFERED} frames were accepted without a reader");
    for index in 0..OFFERED as u32 {
        let frame = input.next().await.unwrap().unwrap();
        assert_eq!(frame[..4], index.to_be_bytes());
    }
    assert_eq!(input.next().await, Ok(None));
    sender.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_neighbour_that_takes_nothing_counts_as_dead() {
    let options = LinkOptions { queue: 1, silence: Duration::from_millis(500), ..LinkOptions::default() };
    let (link, _bare) = bare_neighbour(options).await;
    let (_input, out) = link.split();
    let error = timeout(Duration::from_secs(20), async {
        loop {
            if let Err(error) = out.send(vec![0; MAXIMUM_PAYLOAD]).await {
                return error;
            }
        }
    });
    let what = "the neighbour takes nothing more";
    assert_eq!(error.await.unwrap(), Error::Io { what, kind: std::io::ErrorKind::TimedOut });
}

#[tokio::test]
async fn a_reclaimed_frame_comes_back_in_the_same_memory_after_it_was_written() {
    let (upper, lower) = pair(LinkOptions::default(), LinkOptions::default()).await;
    let (out, (mut input, lower_out)) = (upper.split().1, lower.split());
    let frame = vec![9; 20_000];
    let place = frame.as_ptr();
    let (back, given_back) = oneshot::channel();
    out.try_send(frame, |frame| back.send(frame).unwrap()).unwrap();
    assert_eq!(input.next().await.unwrap().unwrap(), vec![9; 20_000]);
    let mut reclaimed = given_back.await.unwrap();
    assert!(reclaimed.written());
    assert_eq!((reclaimed.frame_mut().as_ptr(), reclaimed.frame_mut().len()), (place, 20_000));

    // After the link has failed, what was not written comes back as not written.
    drop((input, lower_out));
    let place = loop {
        let frame = vec![1; MAXIMUM_PAYLOAD];
        let place = frame.as_ptr();
        let (back, given_back) = oneshot::channel();
        // Refused or not, it is given back.
        let _ = out.try_send(frame, |frame| back.send(frame).unwrap());
        let mut reclaimed = given_back.await.unwrap();
        if !reclaimed.written() {
            break (place, reclaimed.frame_mut().as_ptr());
        }
    };
    assert_eq!(place.0, place.1, "in the same memory, for whoever must show that it is wiped");
}

#[tokio::test]
async fn a_link_that_is_given_up_gives_its_frames_back_at_once() {
    let options = LinkOptions { queue: 4, silence: Duration::from_secs(60), ..LinkOptions::default() };
    let (link, _bare) = bare_neighbour(options).await;
    let (mut input, out) = link.split();
    let (back, mut given_back) = unbounded_channel();
    // Until the socket's buffers are full and the queue too: full again after the writer had time to go on.
    let (mut sent, mut refused, mut in_a_row) = (0, 0, 0);
    while in_a_row < 10 {
        let back = back.clone();
        match out.try_send(vec![1; MAXIMUM_PAYLOAD], move |frame| back.send(frame).unwrap()) {
            Ok(()) => (sent, in_a_row) = (sent + 1, 0),
            Err(Error::Busy { limit: 4, .. }) => {
                (refused, in_a_row) = (refused + 1, in_a_row + 1);
                sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    let started = Instant::now();
    let reason = Error::Io { what: "given up", kind: std::io::ErrorKind::ConnectionAborted };
    out.fail(reason.clone());
    let mut unwritten = 0;
    for _ in 0..sent + refused {
        unwritten += usize::from(!given_back.recv().await.unwrap().written());
    }
    assert!(unwritten >= refused + 4, "{unwritten} of {sent} and {refused} refused");
    assert!(given_back.try_recv().is_err(), "each once");
    assert_eq!(input.next().await, Err(reason));
    assert!(started.elapsed() < Duration::from_secs(5));
}
