//! How long a customer may take for each step, and how often one is reminded.

use core::time::Duration;

use crate::error::Error;

/// Durations of one customer's session. None may be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CustomerPolicy {
    /// To show whose the credential is.
    pub authentication: Duration,
    /// To choose a document.
    pub choice: Duration,
    /// Between reminders to take the card.
    pub reminder: Duration,
    /// To take the card, once the document is chosen. Then the card counts as left.
    pub removal: Duration,
    /// From the application until the document is here.
    pub document: Duration,
    /// To pay.
    pub payment: Duration,
    /// From asking to print until that is on record.
    pub start: Duration,
    /// To print every page.
    pub printing: Duration,
    /// From the last page to the first warning of paper in the tray.
    pub paper_warning: Duration,
    /// Between such warnings.
    pub paper_repeat: Duration,
    /// From the last page until the paper counts as forgotten.
    pub paper_forgotten: Duration,
    /// From the erasure, a jam or an opened door until everything has left the kiosk and its attendant has come. It must be longer
    /// than `paper_forgotten`.
    pub attendance: Duration,
}

impl Default for CustomerPolicy {
    /// Authentication 60 s, choice 120 s, reminder 5 s, removal 60 s, document 150 s, payment 90 s, start 10 s, printing 180 s; paper:
    /// warning after 5 s, again every 10 s, forgotten after 60 s; attendance 600 s.
    ///
    /// Payment, start and printing together stay within `deliver` of [`Policy`](crate::handover::Policy), after which the kiosk's own
    /// machine erases whatever the customer does.
    fn default() -> Self {
        Self {
            authentication: Duration::from_secs(60),
            choice: Duration::from_secs(120),
            reminder: Duration::from_secs(5),
            removal: Duration::from_secs(60),
            document: Duration::from_secs(150),
            payment: Duration::from_secs(90),
            start: Duration::from_secs(10),
            printing: Duration::from_secs(180),
            paper_warning: Duration::from_secs(5),
            paper_repeat: Duration::from_secs(10),
            paper_forgotten: Duration::from_secs(60),
            attendance: Duration::from_secs(600),
        }
    }
}

impl CustomerPolicy {
    /// Whether the durations make sense together.
    pub(super) fn check(&self) -> Result<(), Error> {
        let all = [
            self.authentication,
            self.choice,
            self.reminder,
            self.removal,
            self.document,
            self.payment,
            self.start,
            self.printing,
            self.paper_warning,
            self.paper_repeat,
            self.paper_forgotten,
        ];
        // Times are kept in milliseconds: anything shorter would be over at once, and remind for ever.
        if all.iter().any(|duration| duration.as_millis() == 0) || self.attendance <= self.paper_forgotten {
            return Err(Error::Malformed {
                what: "a customer policy (a duration of 0, or attendance within paper_forgotten)",
            });
        }
        Ok(())
    }
}
