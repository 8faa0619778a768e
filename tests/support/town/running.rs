//! The town's network, clock, journals and hosts: what moves, and in which order.

use super::*;

const DOWN: Peer = Peer(1);

impl Town {
    // ---- running

    /// Runs until nothing moves.
    pub fn run(&mut self) {
        self.run_until(|_| false);
    }

    /// Runs until `done`, or nothing moves; whether it is done.
    pub fn run_until(&mut self, done: impl Fn(&Self) -> bool) -> bool {
        for _ in 0..100_000 {
            if done(self) {
                return true;
            }
            if !self.step() {
                return done(self);
            }
        }
        panic!("the stations never come to rest");
    }

    /// Whether a frame of this type was delivered on a link.
    pub fn saw(&self, link: usize, kind: MessageType) -> bool {
        self.tape.iter().any(|hop| hop.link == link && hop.kind() == Some(kind))
    }

    pub fn find(&self, link: usize, kind: MessageType) -> Hop {
        self.tape.iter().find(|hop| hop.link == link && hop.kind() == Some(kind)).unwrap().clone()
    }

    pub fn step(&mut self) -> bool {
        self.collect() | self.deliver_one()
    }

    pub fn pass(&mut self, duration: Duration) {
        self.now.monotonic = self.now.monotonic.after(duration);
        self.now.unix_ms += u64::try_from(duration.as_millis()).unwrap();
        for server in &mut self.servers {
            server.machine.handle_timeout(self.now);
        }
        for relay in &mut self.relays {
            relay.handle_timeout(self.now);
        }
        for counter in &mut self.counters {
            counter.machine.handle_timeout(self.now);
        }
    }

    /// Lets time pass as it does, with everything that moves meanwhile.
    pub fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.pass(Duration::from_secs(1));
            self.run();
        }
    }

    /// Lets the clock run to every deadline, delivering nothing.
    pub fn only_ticks(&mut self) {
        for _ in 0..20_000 {
            self.collect();
            self.network.clear();
            let servers = self.servers.iter().filter_map(|server| server.machine.next_deadline());
            let relays = self.relays.iter().filter_map(Relay::next_deadline);
            let counters = self.counters.iter().filter_map(|counter| counter.machine.next_deadline());
            let Some(next) = servers.chain(relays).chain(counters).min() else { return };
            self.pass(Duration::from_millis(next.since(self.now.monotonic).max(1)));
        }
        panic!("the clock alone does not end the sessions");
    }

    /// Nothing is open, nothing can be read, at any station.
    pub fn is_quiet(&self) -> bool {
        self.servers.iter().all(|server| server.machine.open_sessions() == 0)
            && self.relays.iter().all(|relay| relay.open_sessions() == 0)
            && self.counters.iter().all(|counter| counter.machine.is_finished() && counter.machine.document().is_err())
    }

    pub fn collect(&mut self) -> bool {
        let mut moved = !self.hold_records && self.persist_all();
        for index in 0..self.servers.len() {
            while let Some(transmit) = self.servers[index].machine.poll_transmit() {
                moved = true;
                if kind_of(&transmit.frame) == Some(MessageType::Challenge) {
                    self.challenges.insert(frame_hash(&transmit.frame), index);
                }
                self.network.push_back(Hop { link: 2, up: false, end: index, bytes: transmit.frame });
            }
            while let Some(event) = self.servers[index].machine.poll_event() {
                moved = true;
                if let (IssuerEvent::Application { session, .. }, true) = (&event, self.composing) {
                    let session = *session;
                    self.compose(index, session);
                }
                self.servers[index].events.push(event);
            }
        }
        for index in 0..2 {
            while let Some(passing) = self.relays[index].poll_transmit() {
                moved = true;
                let up = passing.peer == UPSTREAM;
                let end = if up { 0 } else { passing.peer.0 as usize - 1 };
                let link = if up { index + 1 } else { index };
                self.network.push_back(Hop { link, up, end, bytes: passing.bytes().to_vec() });
                self.relays[index].handle_sent(self.now, passing);
            }
            while let Some(event) = self.relays[index].poll_event() {
                if let (RelayEvent::Offered { session }, Some(data)) = (&event, &self.attachments[index]) {
                    self.relays[index].attach(self.now, *session, data).unwrap();
                    moved = true;
                }
                self.relay_events.push((index, event));
            }
        }
        for index in 0..self.counters.len() {
            moved |= self.collect_counter(index);
        }
        moved
    }

    fn collect_counter(&mut self, index: usize) -> bool {
        let (now, counter) = (self.now, &mut self.counters[index]);
        let mut moved = false;
        while let Some(transmit) = counter.machine.poll_transmit() {
            moved = true;
            self.network.push_back(Hop { link: 0, up: true, end: counter.peer, bytes: transmit.frame });
        }
        while let Some(event) = counter.machine.poll_event() {
            moved = true;
            match event {
                KioskEvent::Ready { .. } if counter.auto => counter.machine.print(now).unwrap(),
                KioskEvent::MayPrint => {
                    counter.printed = Some(read(&counter.machine));
                    if counter.auto {
                        counter.machine.delivered(now).unwrap();
                    }
                }
                _ => {}
            }
            counter.events.push(event);
        }
        moved
    }

    fn persist_all(&mut self) -> bool {
        let (mut moved, now) = (false, self.now);
        for Server { machine, records, .. } in &mut self.servers {
            while let Some(persist) = machine.poll_persist() {
                match write(records, persist) {
                    Ok(token) => machine.handle_persisted(now, token),
                    Err(token) => machine.handle_persist_refused(now, token),
                }
                moved = true;
            }
        }
        for (machine, records) in self.relays.iter_mut().zip(&mut self.relay_records) {
            while let Some(persist) = machine.poll_persist() {
                match write(records, persist) {
                    Ok(token) => machine.handle_persisted(now, token),
                    Err(token) => machine.handle_persist_failed(now, token),
                }
                moved = true;
            }
        }
        for Counter { machine, records, .. } in &mut self.counters {
            while let Some(persist) = machine.poll_persist() {
                match write(records, persist) {
                    Ok(token) => machine.handle_persisted(now, token),
                    Err(token) => machine.handle_persist_failed(now, token),
                }
                moved = true;
            }
        }
        moved
    }

    /// What the issuer's software does with an application.
    fn compose(&mut self, index: usize, session: SessionId) {
        let machine = &mut self.servers[index].machine;
        let subject = machine
            .application(session)
            .unwrap()
            .read_at(0, |plain| split_application(plain).map(|(subject, _)| subject.to_vec()))
            .unwrap()
            .unwrap();
        let row = (self.register)(&subject);
        let written = machine.document(session, &row.read).and_then(|writer| writer.write(&row.document));
        let source = Source { subject: &row.subject, version: &row.offered };
        let offered = machine.offer(self.now, session, &source);
        self.errors.extend([written, offered].into_iter().filter_map(Result::err).map(|error| (Role::Issuer, error)));
    }

    pub fn deliver_one(&mut self) -> bool {
        let Some(mut hop) = self.network.pop_front() else { return false };
        if (self.meddle)(&mut hop) {
            self.tape.push(hop.clone());
            if let Err((role, error)) = self.deliver(hop) {
                self.errors.push((role, error));
            }
        }
        true
    }

    /// Gives a frame to the station at the end of its link, and what that station says of it.
    pub fn deliver(&mut self, hop: Hop) -> Result<(), (Role, Error)> {
        let now = self.now;
        match (hop.link, hop.up) {
            (2, true) => {
                let server = self.server_for(&hop.bytes);
                self.servers[server].machine.handle_frame(now, DOWN, &hop.bytes).map_err(|error| (Role::Issuer, error))
            }
            (0, false) => {
                let session = Frame::decode(&hop.bytes).map(|frame| frame.session);
                let of_session = |counter: &Counter| {
                    counter.peer == hop.end && session.as_ref().is_ok_and(|session| counter.machine.id() == *session)
                };
                match self.counters.iter_mut().find(|counter| of_session(counter)) {
                    Some(counter) => counter.machine.handle_frame(now, &hop.bytes),
                    // As a host does: it knows no such transaction.
                    None => Err(Error::Mismatch { what: "the session of a message" }),
                }
                .map_err(|error| (Role::Kiosk, error))
            }
            (link, up) => {
                let index = if up { link } else { link - 1 };
                let from = match (up, link) {
                    (true, 0) => Peer(hop.end as u64 + 1),
                    (true, _) => DOWN,
                    (false, _) => UPSTREAM,
                };
                let role = if index == 0 { Role::EcCentre } else { Role::CertificateCentre };
                self.relays[index].handle_frame(now, from, hop.bytes).map_err(|error| (role, error))
            }
        }
    }

    fn server_for(&mut self, bytes: &[u8]) -> usize {
        let Ok(frame) = Frame::decode(bytes) else { return 0 };
        let server = match frame.kind {
            MessageType::Hello => {
                self.hellos += 1;
                (self.balance)(self.hellos - 1)
            }
            MessageType::Apply => self.challenges.get(&frame.previous).copied().unwrap_or(0),
            _ => self.routes.get(&frame.session).copied().unwrap_or(0),
        };
        self.routes.entry(frame.session).or_insert(server);
        server
    }

    pub fn events_of(&self, records: &[Record]) -> Vec<Event> {
        let statements = records.iter().filter_map(|record| match record {
            Record::OwnReceipt { receipt, .. } => Some(receipt),
            _ => None,
        });
        let read = |receipt: &Vec<u8>| {
            let mut keys = self.trust.0.values();
            keys.find_map(|(_, identity)| verify(receipt, &identity.key).ok()).expect("a receipt verifies").event
        };
        statements.map(read).collect()
    }
}

pub fn read(kiosk: &Kiosk<StationCrypto, Pinned>) -> Vec<u8> {
    let mut copy = Vec::new();
    let all = |_, plain: &[u8]| {
        copy.extend_from_slice(plain);
        Ok(())
    };
    kiosk.document().unwrap().for_each_window(all).unwrap();
    copy
}

/// As the store does: a session is opened once.
fn write(records: &mut Vec<Record>, persist: Persist) -> Result<u64, u64> {
    let session = persist.record.session();
    let opened = records.iter().any(|record| matches!(record, Record::Opened { session: of, .. } if *of == session));
    let refused = match persist.record {
        Record::Opened { .. } => records.contains(&persist.record),
        Record::PeerReceipt { .. } => !opened,
        _ => false,
    };
    if refused {
        return Err(persist.token);
    }
    records.push(persist.record);
    Ok(persist.token)
}
