//! What is true in a world, kept beside the machines and never told to them: who holds what at this moment, what was printed for
//! whom, and which findings there are.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use shokyo::handover::Outcome;
use shokyo::types::{Role, SessionId};

/// What must never happen, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub enum Check {
    Misdelivered,
    TwoReaders,
    LeftUnerased,
    Overclaimed,
    PrintedTwice,
    WithoutEnd,
    AlarmsCleared,
}

impl Check {
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Misdelivered, "misdelivered"),
        (Self::TwoReaders, "readable in two places at once"),
        (Self::LeftUnerased, "left unerased"),
        (Self::Overclaimed, "receipts that overclaim"),
        (Self::PrintedTwice, "printed twice"),
        (Self::WithoutEnd, "without an end record"),
        (Self::AlarmsCleared, "alarms cleared"),
    ];
}

/// What is held of a document or for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Kind {
    PrivateKey,
    SubjectKey,
    Application,
    Writer,
    Document,
    Incoming,
}

impl Kind {
    /// Key cells at most.
    const fn cells(self) -> u64 {
        match self {
            Self::Incoming => 0,
            // The unfinished tail has a key of its own.
            Self::Writer => 2,
            _ => 1,
        }
    }
}

/// One application, from the applicant's side.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    pub printed: u32,
    /// How its issuer said that it ended.
    pub called: Option<Outcome>,
    /// Live handles through which the issuer, and the kiosk, could read the document.
    readable: [u32; 2],
    /// Everything that the kiosk holds for it.
    at_kiosk: u32,
    /// Everything that the issuer is known to hold for it.
    at_issuer: u32,
}

/// The truth about one world.
pub struct Ledger {
    pub at: u64,
    trace: bool,
    digest: DefaultHasher,
    pub findings: [u64; 7],
    pub texts: Vec<String>,
    pub counts: BTreeMap<&'static str, u64>,
    ids: HashMap<SessionId, usize>,
    pub transactions: Vec<Transaction>,
    /// Key cells at most in use, and handles, by station.
    cells: Vec<u64>,
    handles: Vec<u64>,
}

pub type Shared = Rc<RefCell<Ledger>>;

impl Ledger {
    pub fn new(stations: usize, transactions: usize, trace: bool) -> Self {
        Self {
            at: 0,
            trace,
            digest: DefaultHasher::new(),
            findings: [0; 7],
            texts: Vec::new(),
            counts: BTreeMap::new(),
            ids: HashMap::new(),
            transactions: vec![Transaction::default(); transactions],
            cells: vec![0; stations],
            handles: vec![0; stations],
        }
    }

    pub fn name(&mut self, id: SessionId, transaction: usize) {
        self.ids.insert(id, transaction);
    }

    /// Which transaction a session or an exchange is; identifiers themselves are random and never go into the digest.
    pub fn transaction(&self, id: SessionId) -> Option<usize> {
        self.ids.get(&id).copied()
    }

    /// An event, in words that the same seed gives again.
    pub fn note(&mut self, station: usize, transaction: Option<usize>, what: &str, detail: u64) {
        (self.at, station, transaction, what, detail).hash(&mut self.digest);
        if self.trace {
            let session = transaction.map_or(String::new(), |number| format!("#{number} "));
            println!("{:>12.3} ms  station {station:2}  {session}{what} {detail}", self.at as f64 / 1000.0);
        }
    }

    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
        self.note(usize::MAX, None, what, 0);
    }

    pub fn find(&mut self, check: Check, station: usize, transaction: Option<usize>, text: &str) {
        self.findings[check as usize] += 1;
        self.note(station, transaction, text, check as u64);
        if self.texts.len() < 10 {
            let (_, name) = Check::ALL[check as usize];
            self.texts.push(format!("{name}: station {station}, transaction {transaction:?}: {text}"));
        }
    }

    pub fn digest(&self) -> u64 {
        self.digest.finish()
    }

    pub fn issuer_can_read(&self, transaction: usize) -> bool {
        self.transactions[transaction].readable[0] > 0
    }

    pub fn kiosk_can_read(&self, transaction: usize) -> bool {
        self.transactions[transaction].readable[1] > 0
    }

    pub fn kiosk_holds(&self, transaction: usize) -> u32 {
        self.transactions[transaction].at_kiosk
    }

    pub fn issuer_holds(&self, transaction: usize) -> u32 {
        self.transactions[transaction].at_issuer
    }

    pub fn cells(&self, station: usize) -> u64 {
        self.cells[station]
    }

    pub fn handles(&self, station: usize) -> u64 {
        self.handles[station]
    }

    fn change(&mut self, token: &Token, by: i32) {
        let add = |value: &mut u32| *value = value.checked_add_signed(by).unwrap();
        let cells = i64::from(by) * token.kind.cells() as i64;
        self.cells[token.station] = self.cells[token.station].checked_add_signed(cells).unwrap();
        self.handles[token.station] = self.handles[token.station].checked_add_signed(i64::from(by)).unwrap();
        let Some(number) = token.transaction else { return };
        let transaction = &mut self.transactions[number];
        match token.role {
            Role::Kiosk => add(&mut transaction.at_kiosk),
            _ => add(&mut transaction.at_issuer),
        }
        if matches!(token.kind, Kind::Writer | Kind::Document) {
            add(&mut transaction.readable[usize::from(token.role == Role::Kiosk)]);
            if by > 0 && transaction.readable.iter().all(|readers| *readers > 0) {
                self.find(Check::TwoReaders, token.station, Some(number), "the issuer and the kiosk can read it");
            }
        }
    }
}

/// Says that something is held as long as it lives.
pub struct Token {
    ledger: Shared,
    pub station: usize,
    role: Role,
    kind: Kind,
    transaction: Option<usize>,
}

impl Token {
    pub fn new(ledger: &Shared, station: usize, role: Role, kind: Kind, transaction: Option<usize>) -> Self {
        let token = Self { ledger: Rc::clone(ledger), station, role, kind, transaction };
        ledger.borrow_mut().change(&token, 1);
        token
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let ledger = Rc::clone(&self.ledger);
        ledger.borrow_mut().change(self, -1);
    }
}
