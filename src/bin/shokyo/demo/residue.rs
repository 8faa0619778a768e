//! The scan of every process for pieces of the document, before and after.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shokyo::scan::{self, Baseline, Needles, ScanReport};

use super::Stop;
use super::document::Document;
use super::processes::Stations;

/// What was found in one process.
pub(crate) struct Residue {
    pub(crate) role: String,
    /// `None` when the document has no piece that could be looked for.
    pub(crate) report: Option<ScanReport>,
}

impl Residue {
    pub(crate) fn is_clean(&self) -> bool {
        self.report.as_ref().is_some_and(ScanReport::is_clean)
    }

    /// Whether nothing speaks against this process except that the document is too plain to be recognised.
    pub(crate) fn is_only_too_plain(&self) -> bool {
        let Some(report) = &self.report else { return true };
        report.control_found && report.total_hits() == 0 && !report.assessable && report.unexplained().next().is_none()
    }

    pub(crate) fn to_json(&self) -> Value {
        let Some(report) = &self.report else {
            return json!({ "role": self.role, "clean": false, "assessable": false });
        };
        let kinds: BTreeMap<_, _> = report.counts.iter().map(|(kind, count)| (format!("{kind:?}"), *count)).collect();
        json!({
            "role": self.role,
            "clean": self.is_clean(),
            "control_found": report.control_found,
            "assessable": report.assessable,
            "hits": report.total_hits(),
            "hits_by_kind": kinds,
            "bytes_scanned": report.bytes_scanned,
            "threads": report.threads,
            "unreadable": report.unreadable.len(),
        })
    }
}

/// The scans of a run: needles, and what each process held of them before it saw the document.
pub(crate) struct Scans {
    needles: Needles,
    baselines: Vec<Baseline>,
}

impl Scans {
    pub(crate) fn before(stations: &Stations, document: &Document) -> Result<Self, Stop> {
        let needles = needles(document);
        let scanned = if needles.is_empty() { &[][..] } else { &stations.stations[..] };
        let baselines = scanned
            .iter()
            .map(|station| scan::baseline(pid(station.process.id()), &needles))
            .collect::<Result<_, _>>()?;
        Ok(Self { needles, baselines })
    }

    pub(crate) fn after(&self, stations: &Stations) -> Result<Vec<Residue>, Stop> {
        let mut found = Vec::new();
        for (index, station) in stations.stations.iter().enumerate() {
            let report = match self.baselines.get(index) {
                Some(baseline) => {
                    let id = pid(station.process.id());
                    Some(scan::scan(id, &self.needles, &station.marker, Some(baseline))?)
                }
                None => None,
            };
            found.push(Residue { role: station.role.clone(), report });
        }
        Ok(found)
    }
}

/// Pieces of the document; and, where a build for tests uses a known document key, that key and what is derived from it.
fn needles(document: &Document) -> Needles {
    let needles = Needles::of_document(&document.bytes);
    #[cfg(shokyo_faults)]
    if shokyo::faults::active(shokyo::faults::Fault::KnownKey) {
        return needles.merge(Needles::of_key(&shokyo::faults::known_key()));
    }
    needles
}

fn pid(id: u32) -> i32 {
    i32::try_from(id).unwrap_or(0)
}
