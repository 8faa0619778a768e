//! The ground under the stations: certificates, configurations, mutual TLS and links, from outside and against wrong neighbours.
#![cfg(feature = "net")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "station_links/certificates.rs"]
mod certificates;
#[path = "station_links/configurations.rs"]
mod configurations;
#[path = "station_links/frames.rs"]
mod frames;
#[path = "station_links/handshakes.rs"]
mod handshakes;
#[path = "station_links/machines.rs"]
mod machines;
#[path = "station_links/support.rs"]
mod support;
