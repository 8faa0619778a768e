//! Mutual TLS 1.3 (RFC 8446) between neighbours, and nothing older.
//!
//! Each side accepts one role only, the neighbour that the service puts there. No resumption, no tickets, no early data, no key
//! log: every connection is a full handshake with both certificates. What travels inside is sealed already; TLS shows who the
//! neighbour is and makes a tapped line worthless. This module must never accept a certificate that [`Authorities`] refuses.

mod explain;
mod verifier;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, CommonState, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

pub(crate) use explain::{explain, explain_tls};

use crate::error::Error;
use crate::station::config::{Config, downstream_of, upstream_of};
use crate::station::profile::{self, CertificateUse, StationName};
use crate::station::trust::{self, Authorities, Refusal};
use verifier::NeighbourVerifier;

/// The application protocol (RFC 7301) that both sides must agree on.
pub const PROTOCOL: &[u8] = b"shokyo/1";

/// A station's side towards its upstream neighbour.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
}

/// A station's side towards its downstream neighbours.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
}

impl ClientTls {
    /// From a station's configuration: its TLS certificate and key, and the role (and station) that its upstream must have.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the station has no upstream, or its certificate or key cannot be used.
    pub fn new(config: &Config, authorities: &Arc<Authorities>) -> Result<Self, Error> {
        let (Some(role), Some(upstream)) = (upstream_of(config.role), &config.upstream) else {
            return Err(no_neighbour(config, "upstream"));
        };
        let server_name = match &upstream.station {
            Some(station) => profile::station_dns_name(role, station),
            None => profile::role_dns_name(role),
        };
        let server_name = ServerName::try_from(server_name)
            .map_err(|_| Error::Configuration { reason: "`upstream.station` is not a station's name".to_owned() })?;
        let provider = provider();
        let verifier = Arc::new(NeighbourVerifier::new(Arc::clone(authorities), role, &provider));
        let (chain, key) = (own_chain(config, authorities)?, trust::tls_private_key(config)?);
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|_| Error::Unsupported { what: "TLS 1.3" })?
            .dangerous() // Not dangerous here: the verifier does full path validation.
            .with_custom_certificate_verifier(verifier)
            .with_client_auth_cert(chain, key)
            .map_err(|_| unusable_key(config))?;
        tls.alpn_protocols = vec![PROTOCOL.to_vec()];
        tls.resumption = rustls::client::Resumption::disabled();
        tls.enable_early_data = false;
        tls.enable_sni = false;
        Ok(Self { config: Arc::new(tls), server_name })
    }

    /// The rustls configuration.
    #[must_use]
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// The name that the upstream's certificate must have.
    #[must_use]
    pub fn server_name(&self) -> &ServerName<'static> {
        &self.server_name
    }

    /// The handshake. The upstream has *not* accepted this side's certificate before it sends its first bytes (RFC 8446,
    /// section 4.4.2.4): [`Link`](crate::station::link::Link) waits for them.
    ///
    /// # Errors
    /// [`Error::Untrusted`] about the neighbour's certificate, [`Error::Configuration`] when the neighbour refused this
    /// station's, [`Error::Malformed`] when it does not speak TLS, [`Error::Mismatch`] when versions or protocols differ,
    /// [`Error::Io`] when the connection broke.
    pub async fn connect<S>(&self, socket: S) -> Result<(TlsStream<S>, StationName), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        match connector.connect(self.server_name.clone(), socket).into_fallible().await {
            Ok(stream) => {
                let name = peer_identity(stream.get_ref().1)?;
                Ok((TlsStream::from(stream), name))
            }
            Err((error, socket)) => Err(let_alert_arrive(explain(&error), socket).await),
        }
    }
}

impl ServerTls {
    /// From a station's configuration: its TLS certificate and key, and the role that its downstream must have.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the station has no downstream, or its certificate or key cannot be used.
    pub fn new(config: &Config, authorities: &Arc<Authorities>) -> Result<Self, Error> {
        let role = downstream_of(config.role).ok_or_else(|| no_neighbour(config, "downstream"))?;
        let provider = provider();
        let verifier = Arc::new(NeighbourVerifier::new(Arc::clone(authorities), role, &provider));
        let (chain, key) = (own_chain(config, authorities)?, trust::tls_private_key(config)?);
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|_| Error::Unsupported { what: "TLS 1.3" })?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(|_| unusable_key(config))?;
        tls.alpn_protocols = vec![PROTOCOL.to_vec()];
        tls.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        tls.send_tls13_tickets = 0;
        tls.max_early_data_size = 0;
        Ok(Self { config: Arc::new(tls) })
    }

    /// The rustls configuration.
    #[must_use]
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// The handshake, after which the downstream's certificate is verified.
    ///
    /// # Errors
    /// As [`ClientTls::connect`].
    pub async fn accept<S>(&self, socket: S) -> Result<(TlsStream<S>, StationName), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match TlsAcceptor::from(Arc::clone(&self.config)).accept(socket).into_fallible().await {
            Ok(stream) => {
                let name = peer_identity(stream.get_ref().1)?;
                Ok((TlsStream::from(stream), name))
            }
            Err((error, socket)) => Err(let_alert_arrive(explain(&error), socket).await),
        }
    }
}

/// Who is at the other end of a finished handshake. The certificate was verified by the handshake.
///
/// # Errors
/// [`Error::Untrusted`] when the neighbour showed no station's certificate, [`Error::Mismatch`] when it agreed on no protocol.
pub fn peer_identity(connection: &CommonState) -> Result<StationName, Error> {
    if connection.alpn_protocol() != Some(PROTOCOL) {
        return Err(Error::Mismatch { what: "the neighbour's application protocol" });
    }
    let certificate = connection.peer_certificates().and_then(<[_]>::first);
    let certificate = certificate.ok_or(Error::Untrusted { what: "a neighbour without a certificate" })?;
    match profile::claimed_by_station(certificate) {
        Some((name, CertificateUse::Tls)) => Ok(name),
        _ => Err(Refusal::Nameless.into()),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn own_chain(config: &Config, authorities: &Authorities) -> Result<Vec<CertificateDer<'static>>, Error> {
    Ok(vec![CertificateDer::from(trust::own_certificate(config, authorities, CertificateUse::Tls)?)])
}

fn no_neighbour(config: &Config, which: &str) -> Error {
    Error::Configuration { reason: format!("a station of role {} has no {which} neighbour", config.role) }
}

fn unusable_key(config: &Config) -> Error {
    let file = config.tls.key.display();
    Error::Configuration {
        reason: format!(
            "`tls.key` ({file}): is not the key of `tls.certificate`, or of a kind that TLS 1.3 does not use"
        ),
    }
}

/// Closes a refused connection so that the alert is read: closing with unread bytes would send a reset that can overtake it.
async fn let_alert_arrive(refusal: Error, mut socket: impl AsyncRead + AsyncWrite + Unpin) -> Error {
    let drain = async {
        let mut scrap = [0; 1024];
        if socket.shutdown().await.is_ok() {
            for _ in 0..64 {
                if !matches!(socket.read(&mut scrap).await, Ok(1..)) {
                    break;
                }
            }
        }
    };
    // The refusal stands whether or not the other side reads it.
    let _unread = tokio::time::timeout(std::time::Duration::from_millis(500), drain).await;
    refusal
}
