//! Mutual TLS between neighbours, and every wrong neighbour.

use std::sync::Arc;
use std::time::Duration;

use shokyo::Error;
use shokyo::station::config::{Credential, downstream_of};
use shokyo::station::link::{Link, LinkOptions};
use shokyo::station::pki::Authority;
use shokyo::station::profile::{CertificateUse, StationName};
use shokyo::station::tls::{ClientTls, PROTOCOL, ServerTls};
use shokyo::station::trust::Authorities;
use shokyo::types::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::support::{
    Infrastructure, careless_client, certificate, connect, issue, issuer_name, last_year, listener, private_key,
    serve_one, soon, this_year,
};

#[tokio::test]
async fn every_pair_of_neighbours_opens_a_link_and_each_knows_the_other() {
    let ground = Infrastructure::new();
    for pair in Role::ALL.windows(2) {
        let (listener, address) = listener().await;
        let server = serve_one(listener, ground.server(pair[0]), LinkOptions::default());
        let lower = connect(address, &ground.client(pair[1])).await.unwrap();
        let upper = server.await.unwrap().unwrap();
        assert_eq!(lower.peer(), &ground.config(pair[0]).name().unwrap());
        assert_eq!(upper.peer(), &ground.config(pair[1]).name().unwrap());
    }
}

/// What both sides say when `credential` is shown to the issuer by a client that believes everyone.
async fn shown_to_issuer(ground: &Infrastructure, credential: Option<&Credential>, protocol: &[u8]) -> (Error, String) {
    let (listener, address) = listener().await;
    let server = serve_one(listener, ground.server(Role::Issuer), LinkOptions::default());
    let client = async {
        let mut stream = careless_client(address, credential, protocol).await?;
        stream.read_u8().await
    };
    let said = client.await.unwrap_err().to_string();
    (server.await.unwrap().map(|_| ()).unwrap_err(), said)
}

#[tokio::test]
async fn a_client_of_the_wrong_role_is_refused() {
    let ground = Infrastructure::new();
    for role in [Role::Issuer, Role::EcCentre, Role::Kiosk] {
        let (error, alert) = shown_to_issuer(&ground, Some(&ground.config(role).tls), PROTOCOL).await;
        assert_eq!(error, Error::Untrusted { what: "a certificate of a station of another role" });
        assert!(alert.contains("AccessDenied"), "{alert}");
    }
}

#[tokio::test]
async fn a_client_of_a_foreign_authority_is_refused() {
    let (ground, foreign) = (Infrastructure::new(), Infrastructure::new());
    let (error, alert) = shown_to_issuer(&ground, Some(&foreign.config(Role::CertificateCentre).tls), PROTOCOL).await;
    assert_eq!(error, Error::Untrusted { what: "a certificate that its authority did not sign" });
    assert!(alert.contains("DecryptError"), "{alert}");
    let stranger = Authority::new("stranger", this_year()).unwrap();
    let name = StationName::new(Role::CertificateCentre, "centre-1", "stranger").unwrap();
    let credential = issue(&ground.keys, &stranger, &name, CertificateUse::Tls, this_year());
    let (error, alert) = shown_to_issuer(&ground, Some(&credential), PROTOCOL).await;
    let what = "a certificate of an authority that is not configured for its role";
    assert_eq!(error, Error::Untrusted { what });
    assert!(alert.contains("UnknownCA"), "{alert}");
}

#[tokio::test]
async fn a_client_that_shows_a_signing_certificate_or_none_is_refused() {
    let ground = Infrastructure::new();
    let config = ground.config(Role::CertificateCentre);
    for credential in [&config.messages, &config.receipts] {
        let (error, alert) = shown_to_issuer(&ground, Some(credential), PROTOCOL).await;
        assert_eq!(error, Error::Untrusted { what: "a certificate for another use" });
        assert!(alert.contains("UnsupportedCertificate"), "{alert}");
    }
    let (error, alert) = shown_to_issuer(&ground, None, PROTOCOL).await;
    assert_eq!(error, Error::Untrusted { what: "a neighbour without a certificate" });
    assert!(alert.contains("CertificateRequired"), "{alert}");
}

#[tokio::test]
async fn another_application_protocol_is_refused() {
    let ground = Infrastructure::new();
    let credential = ground.config(Role::CertificateCentre).tls;
    let (error, alert) = shown_to_issuer(&ground, Some(&credential), b"shokyo/0").await;
    assert_eq!(error, Error::Mismatch { what: "the neighbour's application protocol" });
    assert!(alert.contains("NoApplicationProtocol"), "{alert}");
}

/// What the client and the server say when the centre shakes hands with a server that shows `credential`.
async fn shown_by_server(
    ground: &Infrastructure,
    client: &ClientTls,
    credential: &Credential,
) -> (Result<(), Error>, String) {
    let mut config = rustls::ServerConfig::clone(ground.server(Role::Issuer).config());
    let key = rustls::crypto::ring::sign::any_supported_type(&private_key(&credential.key)).unwrap();
    let certified = Arc::new(rustls::sign::CertifiedKey::new(vec![certificate(&credential.certificate)], key));
    config.cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
    let (listener, address) = listener().await;
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let outcome = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(socket).await;
        outcome.map_or_else(|alert| alert.to_string(), |_| "accepted".to_owned())
    });
    let socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let outcome = client.connect(socket).await.map(|_| ());
    (outcome, server.await.unwrap())
}

#[tokio::test]
async fn a_server_of_the_wrong_role_use_or_station_is_refused() {
    let ground = Infrastructure::new();
    let client = ground.client(Role::CertificateCentre);
    for role in [Role::CertificateCentre, Role::EcCentre, Role::Kiosk] {
        let (outcome, alert) = shown_by_server(&ground, &client, &ground.config(role).tls).await;
        assert_eq!(outcome, Err(Error::Untrusted { what: "a certificate of a station of another role" }));
        assert!(alert.contains("AccessDenied"), "{alert}");
    }
    let (outcome, _) = shown_by_server(&ground, &client, &ground.config(Role::Issuer).messages).await;
    assert_eq!(outcome, Err(Error::Untrusted { what: "a certificate for another use" }));

    let authority = Authority::new("municipality", this_year()).unwrap();
    let mut config = ground.with_own_authority(Role::CertificateCentre, &authority);
    let other = StationName::new(Role::Issuer, "issuer-2", "municipality").unwrap();
    let credential = issue(&ground.keys, &authority, &other, CertificateUse::Tls, this_year());
    let authorities = Arc::new(Authorities::load(&config.trust).unwrap());
    let pinned = ClientTls::new(&config, &authorities).unwrap();
    let (outcome, _) = shown_by_server(&ground, &pinned, &credential).await;
    assert_eq!(outcome, Err(Error::Untrusted { what: "a certificate of another station than the configured one" }));
    config.upstream.as_mut().unwrap().station = None;
    let any = ClientTls::new(&config, &authorities).unwrap();
    // The control: any issuer is accepted when none is named.
    assert_eq!(shown_by_server(&ground, &any, &credential).await, (Ok(()), "accepted".to_owned()));
}

#[tokio::test]
async fn an_expired_certificate_is_refused_on_either_side() {
    let ground = Infrastructure::new();
    let authority = Authority::new("municipality", this_year()).unwrap();
    let config = ground.with_own_authority(Role::CertificateCentre, &authority);
    let authorities = Arc::new(Authorities::load(&config.trust).unwrap());
    let client = ClientTls::new(&config, &authorities).unwrap();
    let credential = issue(&ground.keys, &authority, &issuer_name(), CertificateUse::Tls, last_year());
    let (outcome, alert) = shown_by_server(&ground, &client, &credential).await;
    assert_eq!(outcome, Err(Error::Untrusted { what: "an expired certificate" }));
    assert!(alert.contains("CertificateExpired"), "{alert}");

    let centre = Authority::new("centre", this_year()).unwrap();
    let mut config = ground.config(Role::Issuer);
    let file = ground.keys.join("centre.pem");
    std::fs::write(&file, centre.certificate_pem()).unwrap();
    (config.trust.certificate_centre, config.trust.revocation) = (vec![file], Vec::new());
    let name = StationName::new(Role::CertificateCentre, "centre-1", "centre").unwrap();
    let credential = issue(&ground.keys, &centre, &name, CertificateUse::Tls, last_year());
    let authorities = Arc::new(Authorities::load(&config.trust).unwrap());
    let (listener, address) = listener().await;
    let server = serve_one(listener, ServerTls::new(&config, &authorities).unwrap(), LinkOptions::default());
    let mut stream = careless_client(address, Some(&credential), PROTOCOL).await.unwrap();
    let alert = stream.read_u8().await.unwrap_err().to_string();
    assert!(alert.contains("CertificateExpired"), "{alert}");
    assert_eq!(server.await.unwrap().map(|_| ()).unwrap_err(), Error::Untrusted { what: "an expired certificate" });
}

#[tokio::test]
async fn a_station_that_is_refused_hears_why_and_what_to_do() {
    // The issuer does not know the centre's authority, but the centre knows the issuer's.
    let ground = Infrastructure::new();
    let mut config = ground.config(Role::Issuer);
    config.trust.certificate_centre = config.trust.kiosk.clone();
    let authorities = Arc::new(Authorities::load(&config.trust).unwrap());
    let (listener, address) = listener().await;
    let server = serve_one(listener, ServerTls::new(&config, &authorities).unwrap(), LinkOptions::default());
    let started = Instant::now();
    let heard = connect(address, &ground.client(Role::CertificateCentre)).await.map(|_| ()).unwrap_err().to_string();
    assert!(heard.contains("refused this station's TLS certificate") && heard.contains("[trust]"), "{heard}");
    assert!(started.elapsed() < Duration::from_secs(4), "a refusal is final, not tried again");
    let what = "a certificate of an authority that is not configured for its role";
    assert_eq!(server.await.unwrap().map(|_| ()).unwrap_err(), Error::Untrusted { what });
}

#[tokio::test]
async fn garbage_instead_of_tls_is_refused_on_either_side() {
    let ground = Infrastructure::new();
    let (upper, address) = listener().await;
    let server = serve_one(upper, ground.server(Role::Issuer), LinkOptions::default());
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: issuer\r\n\r\n").await.unwrap();
    assert_eq!(server.await.unwrap().map(|_| ()).unwrap_err(), Error::Malformed { what: "the neighbour's TLS" });

    let (upper, address) = listener().await;
    tokio::spawn(async move {
        let (mut socket, _) = upper.accept().await.unwrap();
        socket.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
        let mut scrap = Vec::new();
        socket.read_to_end(&mut scrap).await
    });
    let error = connect(address, &ground.client(Role::CertificateCentre)).await.map(|_| ()).unwrap_err();
    assert_eq!(error, Error::Malformed { what: "the neighbour's TLS" });
}

#[tokio::test]
async fn a_neighbour_that_says_nothing_does_not_hold_the_handshake_open() {
    let ground = Infrastructure::new();
    let (listener, address) = listener().await;
    let options = LinkOptions { handshake: Duration::from_millis(200), ..LinkOptions::default() };
    let server = serve_one(listener, ground.server(Role::Issuer), options);
    let _silent = tokio::net::TcpStream::connect(address).await.unwrap();
    let error = server.await.unwrap().map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Io { kind: std::io::ErrorKind::TimedOut, .. }), "{error}");
}

#[tokio::test]
async fn connecting_waits_for_a_neighbour_that_comes_late_and_gives_up_at_the_deadline() {
    let ground = Infrastructure::new();
    let (early, address) = listener().await;
    drop(early);
    let client = ground.client(Role::CertificateCentre);
    let deadline = Instant::now() + Duration::from_millis(400);
    let error = Link::connect(&address.to_string(), &client, LinkOptions::default(), deadline).await.map(|_| ());
    assert!(matches!(error, Err(Error::Io { kind: std::io::ErrorKind::ConnectionRefused, .. })), "{error:?}");

    let tls = ground.server(Role::Issuer);
    let late = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        Link::accept(socket, &tls, LinkOptions::default()).await
    });
    Link::connect(&address.to_string(), &client, LinkOptions::default(), soon()).await.unwrap();
    late.await.unwrap().unwrap();
}

#[test]
fn only_stations_with_such_a_neighbour_get_its_side_of_tls() {
    let ground = Infrastructure::new();
    for role in Role::ALL {
        let (config, authorities) = (ground.config(role), ground.authorities(role));
        assert_eq!(ClientTls::new(&config, &authorities).is_ok(), role != Role::Issuer);
        assert_eq!(ServerTls::new(&config, &authorities).is_ok(), downstream_of(role).is_some());
    }
    let mut config = ground.config(Role::EcCentre);
    config.tls.key = ground.config(Role::Kiosk).tls.key;
    let error = ServerTls::new(&config, &ground.authorities(Role::EcCentre)).unwrap_err().to_string();
    assert!(error.contains("`tls.key`"), "{error}");
}
