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
    pub(crate) report: ScanReport,
}

impl Residue {
    pub(crate) fn is_clean(&self) -> bool {
        self.report.is_clean()
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "role": self.role,
            "clean": self.is_clean(),
            "control_found": self.report.control_found,
            "assessable": self.report.assessable,
            "hits": self.report.total_hits(),
            "hits_by_kind": self.report.counts.iter().map(|(kind, count)| (format!("{kind:?}"), *count)).collect::<BTreeMap<_, _>>(),
            "bytes_scanned": self.report.bytes_scanned,
            "threads": self.report.threads,
            "unreadable": self.report.unreadable.len(),
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
        let baselines = stations
            .stations
            .iter()
            .map(|station| scan::baseline(pid(station.process.id()), &needles))
            .collect::<Result<_, _>>()?;
        Ok(Self { needles, baselines })
    }

    pub(crate) fn after(&self, stations: &Stations) -> Result<Vec<Residue>, Stop> {
        let mut found = Vec::new();
        for (station, baseline) in stations.stations.iter().zip(&self.baselines) {
            let report = scan::scan(pid(station.process.id()), &self.needles, &station.marker, Some(baseline))?;
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
