//! A fresh infrastructure for each test, and neighbours that break the rules.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use shokyo::Error;
use shokyo::station::config::{Config, Credential};
use shokyo::station::link::{Link, LinkOptions};
use shokyo::station::pki::{self, Authority, Validity};
use shokyo::station::profile::{CertificateUse, StationName};
use shokyo::station::tls::{ClientTls, PROTOCOL, ServerTls};
use shokyo::station::trust::Authorities;
use shokyo::types::Role;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) const DAY: u64 = 86_400;

pub(crate) struct Infrastructure {
    _folder: tempfile::TempDir,
    pub(crate) keys: PathBuf,
}

impl Infrastructure {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        pki::init(&keys).unwrap();
        Self { _folder: folder, keys }
    }

    pub(crate) fn config(&self, role: Role) -> Config {
        Config::load(&self.keys.join(format!("{role}.toml"))).unwrap()
    }

    pub(crate) fn authorities(&self, role: Role) -> Arc<Authorities> {
        Arc::new(Authorities::load(&self.config(role).trust).unwrap())
    }

    pub(crate) fn client(&self, role: Role) -> ClientTls {
        ClientTls::new(&self.config(role), &self.authorities(role)).unwrap()
    }

    pub(crate) fn server(&self, role: Role) -> ServerTls {
        ServerTls::new(&self.config(role), &self.authorities(role)).unwrap()
    }

    /// A municipality's authority that the test holds, believed for issuers in the configuration that is returned, without
    /// revocation lists.
    pub(crate) fn with_own_authority(&self, role: Role, authority: &Authority) -> Config {
        let mut config = self.config(role);
        let file = self.keys.join("own-authority.pem");
        std::fs::write(&file, authority.certificate_pem()).unwrap();
        config.trust.issuer = vec![file];
        config.trust.revocation.clear();
        config
    }
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn this_year() -> Validity {
    Validity::starting(now(), Duration::from_secs(300 * DAY))
}

pub(crate) fn last_year() -> Validity {
    Validity { not_before: now() - 700 * DAY, not_after: now() - 300 * DAY }
}

pub(crate) fn issuer_name() -> StationName {
    StationName::new(Role::Issuer, "issuer-1", "municipality").unwrap()
}

/// Writes a newly issued credential into the infrastructure's folder.
pub(crate) fn issue(
    folder: &Path,
    authority: &Authority,
    name: &StationName,
    used: CertificateUse,
    validity: Validity,
) -> Credential {
    use std::os::unix::fs::OpenOptionsExt;
    let issued = authority.issue(name, used, validity).unwrap();
    let stem = format!("{}-{}", name.station, used.name());
    let credential =
        Credential { certificate: folder.join(format!("{stem}-new.pem")), key: folder.join(format!("{stem}-new.key")) };
    std::fs::write(&credential.certificate, &issued.certificate_pem).unwrap();
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&credential.key).unwrap();
    std::io::Write::write_all(&mut file, &issued.key).unwrap();
    credential
}

pub(crate) fn certificate(file: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file).unwrap()
}

pub(crate) fn private_key(file: &Path) -> PrivateKeyDer<'static> {
    let bytes = std::fs::read(file).unwrap();
    PrivateKeyDer::from_pem_slice(&bytes).unwrap_or_else(|_| PrivateKeyDer::try_from(bytes).unwrap())
}

/// A neighbour that believes everyone and shows any certificate, or none.
pub(crate) async fn careless_client(
    address: SocketAddr,
    credential: Option<&Credential>,
    protocol: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Careless));
    let mut config = match credential {
        Some(of) => builder.with_client_auth_cert(vec![certificate(&of.certificate)], private_key(&of.key)).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    let socket = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("anything").unwrap(), socket).await
}

pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Takes up one connection; the outcome is the server's side of the story.
pub(crate) fn serve_one(
    listener: TcpListener,
    tls: ServerTls,
    options: LinkOptions,
) -> tokio::task::JoinHandle<Result<Link, Error>> {
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        Link::accept(socket, &tls, options).await
    })
}

pub(crate) async fn connect(address: SocketAddr, tls: &ClientTls) -> Result<Link, Error> {
    Link::connect(&address.to_string(), tls, LinkOptions::default(), soon()).await
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

/// The certificate centre's link to the issuer, both ends.
pub(crate) async fn pair(upper: LinkOptions, lower: LinkOptions) -> (Link, Link) {
    let ground = Infrastructure::new();
    let (listener, address) = listener().await;
    let server = serve_one(listener, ground.server(Role::Issuer), upper);
    let client = ground.client(Role::CertificateCentre);
    let lower = Link::connect(&address.to_string(), &client, lower, soon()).await.unwrap();
    (server.await.unwrap().unwrap(), lower)
}

/// An issuer's link whose other end is bare TLS in the test's hands, past the first ping.
pub(crate) async fn bare_neighbour(options: LinkOptions) -> (Link, TlsStream<TcpStream>) {
    use tokio::io::AsyncReadExt;
    let ground = Infrastructure::new();
    let (listener, address) = listener().await;
    let server = serve_one(listener, ground.server(Role::Issuer), options);
    let credential = ground.config(Role::CertificateCentre).tls;
    let mut bare = careless_client(address, Some(&credential), PROTOCOL).await.unwrap();
    let mut ping = [0; 5];
    bare.read_exact(&mut ping).await.unwrap();
    assert_eq!(ping, [0, 0, 0, 1, 2]);
    (server.await.unwrap().unwrap(), bare)
}

#[derive(Debug)]
struct Careless;

impl ServerCertVerifier for Careless {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ED25519]
    }
}
