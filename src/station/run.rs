//! Running a station that was opened from its configuration: links, driver.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::config::{Config, TrustFiles};
use super::connection::Connections;
use super::driver::{Driver, FRAMES_OF_A_SESSION, Machine, Order};
use super::issuer::IssuerStation;
use super::kiosk::{KioskCommand, KioskStation};
use super::link::{Link, LinkOptions, jittered};
use super::neighbours::Side;
use super::notice::{Notices, What};
use super::open::{Memory, Opened, Prepared};
use super::relay::RelayStation;
use super::tls::{ClientTls, ServerTls};
use super::trust::Authorities;
use crate::custody::Store;
use crate::error::Error;
use crate::types::Role;

/// How long a station tries to reach its upstream neighbour before it says so and tries again.
const RECONNECT: Duration = Duration::from_secs(10);

/// Pauses between connections to the upstream neighbour: the shortest after one that lasted, then twice as long each time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A connection that lasted this long was a good one.
const LASTING: Duration = Duration::from_secs(5);
/// Connections that may be in their handshake at once.
const HANDSHAKES: usize = 256;
/// How often revocation lists are read again.
const REVOCATION: Duration = Duration::from_secs(60);

/// What a kiosk is told, or any station: stop.
pub type Orders = UnboundedReceiver<Order<KioskCommand>>;

/// Runs a station until it is ordered to stop, or its orders' sender is gone.
///
/// # Errors
/// Whatever keeps it from starting: configuration, memory, keys, store, address. Once it runs, problems are notices.
pub async fn run(config: Config, mut orders: Orders, notices: Notices) -> Result<(), Error> {
    let prepared = Prepared::new(&config, &Memory::default())?;
    notices.tell(None, What::Protected(prepared.protections));
    let Opened { crypto, trust, store, lost } = prepared.open_store(&config)?;
    for lost in lost {
        notices.tell(Some(lost.session), What::Lost { print_started: lost.print_started });
    }
    match config.role {
        Role::Issuer => {
            let machine = IssuerStation::new(&config, crypto, Arc::clone(&trust))?;
            serve(&config, machine, store, trust, only_stop(orders), notices).await
        }
        Role::CertificateCentre | Role::EcCentre => {
            let machine = RelayStation::new(&config, crypto, Arc::clone(&trust))?;
            serve(&config, machine, store, trust, only_stop(orders), notices).await
        }
        Role::Kiosk => {
            let machine = KioskStation::new(&config, crypto, Arc::clone(&trust))?;
            let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
            let pump = tokio::spawn(async move {
                while let Some(order) = orders.recv().await {
                    if sender.send(order).is_err() {
                        break;
                    }
                }
            });
            let served = serve(&config, machine, store, trust, receiver, notices).await;
            pump.abort();
            served
        }
    }
}

/// Orders of a station that takes no commands: anything else than stopping is passed over.
fn only_stop<C: Send + 'static>(mut orders: Orders) -> UnboundedReceiver<Order<C>> {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(order) = orders.recv().await {
            if matches!(order, Order::Stop) {
                break;
            }
        }
        // Dropping the sender is the order to stop.
        drop(sender);
    });
    receiver
}

async fn serve<M: Machine + Send + 'static>(
    config: &Config,
    machine: M,
    store: Store,
    trust: Arc<Authorities>,
    orders: UnboundedReceiver<Order<M::Command>>,
    notices: Notices,
) -> Result<(), Error> {
    let options = link_options(config);
    let (driver, connections) = Driver::new(machine, store, config.custody.retention(), notices.clone())?;
    // They end with this future, however it ends.
    let mut beside = JoinSet::new();
    let notices_for_lists = notices.clone();
    if let Some(address) = config.listen {
        let tls = Arc::new(ServerTls::new(config, &trust)?);
        let listener =
            TcpListener::bind(address).await.map_err(|error| Error::io("listening for neighbours", &error))?;
        let bound = listener.local_addr().map_err(|error| Error::io("listening for neighbours", &error))?;
        notices.tell(None, What::Listening(bound));
        beside.spawn(listen(listener, tls, options.clone(), connections.clone(), notices.clone()));
    }
    if let Some(upstream) = &config.upstream {
        let tls = ClientTls::new(config, &trust)?;
        let address = upstream.address.clone();
        beside.spawn(keep_connected(address, tls, options, connections.clone(), notices));
    }
    drop(connections);
    beside.spawn(reload_revocation(config.trust.clone(), trust, notices_for_lists));
    // A task like the connections', so that what passes between them need not wake another thread.
    let mut driving = JoinSet::new();
    driving.spawn(driver.run(orders));
    match driving.join_next().await {
        Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        _ => Ok(()),
    }
}

async fn listen(
    listener: TcpListener,
    tls: Arc<ServerTls>,
    options: LinkOptions,
    connections: Connections,
    notices: Notices,
) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        // Whoever connects and says nothing takes a place here, not memory and descriptors without end.
        let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await else { return };
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                notices.tell(None, What::Problem(Error::io("accepting a neighbour", &error)));
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (tls, options, connections) = (Arc::clone(&tls), options.clone(), connections.clone());
        let notices = notices.clone();
        tokio::spawn(async move {
            let accepted = Link::accept(socket, &tls, options).await;
            drop(permit);
            let served = match accepted {
                Ok(link) => connections.serve(link, Side::Downstream).await,
                Err(error) => Err(error),
            };
            if let Err(error) = served {
                notices.tell(None, What::Problem(error));
            }
        });
    }
}

async fn reload_revocation(files: TrustFiles, trust: Arc<Authorities>, notices: Notices) {
    loop {
        tokio::time::sleep(REVOCATION).await;
        if let Err(error) = trust.reload_revocation(&files) {
            notices.tell(None, What::Problem(error));
        }
    }
}

async fn keep_connected(
    address: String,
    tls: ClientTls,
    options: LinkOptions,
    connections: Connections,
    notices: Notices,
) {
    let mut pause = SHORTEST_PAUSE;
    loop {
        let begun = Instant::now();
        let served = match Link::connect(&address, &tls, options.clone(), begun + RECONNECT).await {
            Ok(link) => connections.serve(link, Side::Upstream).await,
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            notices.tell(None, What::Problem(error));
        }
        // A neighbour that takes connections and drops them must not be asked without a pause.
        pause = if begun.elapsed() > LASTING { SHORTEST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        tokio::time::sleep(jittered(pause)).await;
    }
}

/// How a station's links behave. The most frames that wait for one neighbour are what all sessions together may have under way, and some
/// that are about no session yet. A relay's are bounded in bytes for each session too.
pub(crate) fn link_options(config: &Config) -> LinkOptions {
    let queue = config.limits.sessions as usize * FRAMES_OF_A_SESSION + 64;
    LinkOptions { queue, ..LinkOptions::from(&config.link) }
}
