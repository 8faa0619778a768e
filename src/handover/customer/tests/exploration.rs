//! The whole state space, breadth first: from every state that can be reached, every input.
//!
//! Times are kept relative to now, so that there are finitely many states. A defect is built into one step of the machine, and the rules
//! must notice it: that is what shows that they would notice one in the code.

use std::collections::{HashMap, VecDeque};

use super::rules::{Past, Step};
use super::*;
use crate::handover::customer::state::Paper;

/// More states than there are: a machine that never stops growing fails instead of running on.
const MOST: usize = 3_000_000;

/// Something that a careless change could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Defect {
    IssuesBesideTheCard,
    ErasesWhenThePaperIsTaken,
    ErasesTwice,
    ErasesLateWhenTheDoorOpens,
    TakesTheFeeWhenItIsHeld,
    KeepsTheHold,
    ForgetsThatItOwes,
    OwesTwice,
    PrintsAfterTheErasure,
    WaitsForPaymentForEver,
    WarnsForEver,
    ForgetsThePaper,
    ClearsAnAlarm,
    RaisesWithoutWriting,
    ServesBesideAnOpenDoor,
    LeavesAWarningOnTheScreen,
}

impl Defect {
    const ALL: [Self; 16] = [
        Self::IssuesBesideTheCard,
        Self::ErasesWhenThePaperIsTaken,
        Self::ErasesTwice,
        Self::ErasesLateWhenTheDoorOpens,
        Self::TakesTheFeeWhenItIsHeld,
        Self::KeepsTheHold,
        Self::ForgetsThatItOwes,
        Self::OwesTwice,
        Self::PrintsAfterTheErasure,
        Self::WaitsForPaymentForEver,
        Self::WarnsForEver,
        Self::ForgetsThePaper,
        Self::ClearsAnAlarm,
        Self::RaisesWithoutWriting,
        Self::ServesBesideAnOpenDoor,
        Self::LeavesAWarningOnTheScreen,
    ];

    /// Spoils one step: the session's state, or what came out of it.
    fn spoil(
        self,
        input: Input,
        before: CustomerState,
        session: &mut CustomerSession,
        events: &mut Vec<CustomerEvent>,
    ) {
        let without = |events: &mut Vec<CustomerEvent>, unwanted: fn(&CustomerEvent) -> bool| {
            events.retain(|event| !unwanted(event));
        };
        match self {
            Self::IssuesBesideTheCard => {
                if session.state() == CustomerState::AwaitingRemoval {
                    session.issue(at(0), Gone::never_checked());
                    events.extend(drain(session).0);
                }
            }
            Self::ErasesWhenThePaperIsTaken => {
                without(events, |event| matches!(event, CustomerEvent::Erase { cause: Cause::Delivered }));
            }
            Self::ErasesTwice => {
                if before == CustomerState::Closing && input == Input::Acknowledge && session.is_finished() {
                    events.insert(0, CustomerEvent::Erase { cause: Cause::Requested });
                }
            }
            Self::ErasesLateWhenTheDoorOpens => {
                if input == Input::Device(DeviceReport::DoorOpened) && before == CustomerState::Paying {
                    without(events, |event| matches!(event, CustomerEvent::Erase { .. }));
                }
            }
            Self::TakesTheFeeWhenItIsHeld => {
                if session.state() == CustomerState::Starting && before == CustomerState::Paying {
                    events.push(CustomerEvent::CapturePayment);
                }
            }
            Self::KeepsTheHold => without(events, |event| *event == CustomerEvent::ReleasePayment),
            Self::ForgetsThatItOwes => {
                if input == Input::Device(DeviceReport::Jam) {
                    without(events, |event| matches!(event, CustomerEvent::PaidUndelivered { .. }));
                }
            }
            Self::OwesTwice => {
                if let Some(owed) =
                    events.iter().position(|event| matches!(event, CustomerEvent::PaidUndelivered { .. }))
                {
                    events.push(events[owed]);
                }
            }
            Self::PrintsAfterTheErasure => {
                if before == CustomerState::Starting && session.state() == CustomerState::Closing {
                    events.push(CustomerEvent::Print);
                }
            }
            Self::WaitsForPaymentForEver => {
                if session.state() == CustomerState::Paying {
                    session.deadline = None;
                }
            }
            Self::WarnsForEver => {
                if let State::Closing(Outstanding { paper: Some(Paper { warn: Some(_), .. }), .. }) = session.state {
                    session.deadline = Some(Time(7));
                }
            }
            Self::ForgetsThePaper => {
                without(events, |event| matches!(event, CustomerEvent::ForgottenPaper { .. }));
            }
            Self::ClearsAnAlarm => {
                if input == Input::Acknowledge {
                    session.raised &= !CustomerAlarm::Jam.bit();
                }
            }
            Self::RaisesWithoutWriting => {
                if session.state() == CustomerState::AwaitingRemoval {
                    session.raised |= CustomerAlarm::CredentialLeft.bit();
                }
            }
            Self::ServesBesideAnOpenDoor => {
                if let State::Closing(outstanding) = &mut session.state {
                    outstanding.door = false;
                }
            }
            Self::LeavesAWarningOnTheScreen => {
                without(events, |event| matches!(event, CustomerEvent::WarningOver { about: Warning::Paper }));
            }
        }
    }
}

type Key = (State, (Payment, bool, bool, bool), [Option<Time>; 2], u8, u32, Past);

fn key(session: &CustomerSession, past: &Past) -> Key {
    let flags = (session.payment, session.delivered, session.unfit, session.session == SessionId::NONE);
    (session.state.clone(), flags, [session.deadline, session.reminder], session.shown, session.raised, past.clone())
}

/// Moves every time `by` earlier, so that it is 0 o'clock again.
fn rebase(session: &mut CustomerSession, by: u64) {
    let earlier = |time: &mut Option<Time>| *time = time.map(|time| Time(time.0.saturating_sub(by)));
    earlier(&mut session.deadline);
    earlier(&mut session.reminder);
    if let State::Closing(Outstanding { paper: Some(paper), .. }) = &mut session.state {
        earlier(&mut paper.warn);
        earlier(&mut paper.forgotten);
    }
}

struct Explored {
    nodes: Vec<(CustomerSession, Past)>,
    /// Where a tick leads from each.
    ticks: Vec<usize>,
    steps: usize,
    /// What is accepted, and where it leads.
    table: HashMap<(CustomerState, Input), Vec<CustomerState>>,
}

/// Every state from one beginning, or the rule that was broken and on which way.
fn explore(credential: Credential, defect: Option<Defect>) -> Result<Explored, String> {
    let inputs = Input::all();
    let first = (begin(credential), Past::default());
    let mut known = HashMap::from([(key(&first.0, &first.1), 0)]);
    let mut explored = Explored { nodes: vec![first], ticks: Vec::new(), steps: 0, table: HashMap::new() };
    let mut ways: Vec<(usize, Input)> = vec![(0, Input::Tick)];
    let mut queue = VecDeque::from([0]);
    while let Some(index) = queue.pop_front() {
        for input in &inputs {
            let (mut session, past) = explored.nodes[index].clone();
            let (before, raised_before) = (session.clone(), session.alarms());
            let wait = match input {
                Input::Tick => session.next_deadline().map_or(0, |time| time.0),
                Input::Millisecond => 1,
                _ => 0,
            };
            let outcome = input.give(&mut session, at(wait));
            let (mut events, alarms) = drain(&mut session);
            rebase(&mut session, wait);
            if let Some(defect) = defect {
                defect.spoil(*input, before.state(), &mut session, &mut events);
            }
            let way = || {
                let mut way = vec![*input];
                let mut at = index;
                while at != 0 {
                    way.insert(0, ways[at].1);
                    at = ways[at].0;
                }
                format!("{way:?}")
            };
            let accepted = outcome.is_ok();
            if !accepted && (!events.is_empty() || key(&session, &past) != key(&before, &past)) {
                return Err(format!("a refused input changes nothing: {}", way()));
            }
            let step = Step {
                input: *input,
                credential,
                accepted,
                events: &events,
                alarms: &alarms,
                raised_before,
                after: &session,
            };
            let past = past.step(&step).map_err(|rule| format!("{rule}: {}", way()))?;
            explored.steps += 1;
            let to = explored.table.entry((before.state(), *input)).or_default();
            if accepted && !to.contains(&session.state()) {
                to.push(session.state());
            }
            let next = *known.entry(key(&session, &past)).or_insert_with(|| {
                explored.nodes.push((session, past));
                ways.push((index, *input));
                queue.push_back(explored.nodes.len() - 1);
                explored.nodes.len() - 1
            });
            if *input == Input::Tick {
                explored.ticks.push(next);
            }
            if explored.nodes.len() > MOST {
                return Err("the state space has no end".to_owned());
            }
        }
    }
    explored.ends_by_the_clock_alone()?;
    Ok(explored)
}

impl Explored {
    /// From every state, ticks alone lead to the end.
    fn ends_by_the_clock_alone(&self) -> Result<(), String> {
        let mut ends: Vec<Option<bool>> =
            self.nodes.iter().map(|(session, _)| session.is_finished().then_some(true)).collect();
        for start in 0..self.nodes.len() {
            let mut path = Vec::new();
            let mut at = start;
            while ends[at].is_none() {
                // On the way; whoever comes here again goes in a circle.
                ends[at] = Some(false);
                path.push(at);
                at = self.ticks[at];
            }
            if ends[at] == Some(false) {
                return Err(format!("the clock alone leads to no end from {:?}", self.nodes[at].0.state()));
            }
            path.into_iter().for_each(|at| ends[at] = Some(true));
        }
        Ok(())
    }
}

#[test]
fn every_input_in_every_state_keeps_every_rule() {
    for credential in [Credential::Card, Credential::Phone] {
        let explored = explore(credential, None).unwrap();
        eprintln!("{credential:?}: {} states, {} steps", explored.nodes.len(), explored.steps);
        let words: Vec<_> = (1..=9)
            .map(|number| explored.nodes.iter().filter(|(session, _)| session.state() as u8 == number).count())
            .collect();
        assert!(words.iter().all(|count| *count > 0), "a state was never reached: {words:?}");
        assert_eq!(explored.table.len(), 9 * Input::all().len(), "every input was tried in every state");
        for event in ["owed", "forgotten", "released", "delivered", "erasure_bad", "kept", "capture_refused"] {
            assert!(
                explored.nodes.iter().any(|(_, past)| format!("{past:?}").contains(&format!("{event}: true"))),
                "{event}"
            );
        }
    }
}

#[test]
fn every_defect_is_noticed() {
    for defect in Defect::ALL {
        let found = [Credential::Card, Credential::Phone]
            .into_iter()
            .find_map(|credential| explore(credential, Some(defect)).err());
        let found = found.unwrap_or_else(|| panic!("{defect:?} was not noticed"));
        eprintln!("{defect:?}: {found}");
    }
}

#[test]
fn an_input_that_comes_late_finds_the_deadline_passed() {
    for credential in [Credential::Card, Credential::Phone] {
        let explored = explore(credential, None).unwrap();
        for (session, _) in explored.nodes.iter().step_by(7) {
            let Some(deadline) = session.next_deadline() else { continue };
            for input in Input::all() {
                let (mut first, mut late) = (session.clone(), session.clone());
                first.handle_timeout(at(deadline.0));
                let first_outcome = input.give(&mut first, at(deadline.0));
                let late_outcome = input.give(&mut late, at(deadline.0));
                let past = Past::default();
                assert_eq!((first_outcome, key(&first, &past)), (late_outcome, key(&late, &past)), "{input:?}");
                assert_eq!(drain(&mut first), drain(&mut late), "{input:?}");
            }
        }
    }
}

#[test]
fn the_table_in_the_documentation_is_what_the_machine_does() {
    let mut lines = Vec::new();
    let both = [Credential::Card, Credential::Phone].map(|credential| explore(credential, None).unwrap().table);
    for state in (1..=8).filter_map(CustomerState::from_number) {
        let mut entries: Vec<(&str, Vec<&str>)> = Vec::new();
        for input in Input::all() {
            let mut to: Vec<_> = both.iter().flat_map(|table| table[&(state, input)].clone()).collect();
            to.sort_unstable();
            to.dedup();
            let name = input.name();
            if to.is_empty() || ["time", "cancel", "jam", "door opened", "`Finished`"].contains(&name) {
                continue;
            }
            let to: Vec<_> = to.into_iter().map(CustomerState::name).collect();
            match entries.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => known.extend(to),
                None => entries.push((name, to)),
            }
        }
        let entries: Vec<_> = entries
            .into_iter()
            .map(|(name, mut to)| {
                to.sort_unstable();
                to.dedup();
                format!("{name} → {}", to.join(" or "))
            })
            .collect();
        lines.push(format!("| {} | {} |", state.name(), entries.join(" · ")));
    }
    let documentation = include_str!("../../../../docs/kiosk.md");
    for line in &lines {
        assert!(documentation.contains(line.as_str()), "docs/kiosk.md must hold these lines:\n{}", lines.join("\n"));
    }
}
