//! In a child: many transactions of a slow kiosk over one connection. It applies for all of them, and once every document is
//! offered it asks for as much of each as it may and reads nothing more. What is on its way then waits in the relays.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use shokyo::handover::suite::{SigningKey, StationCrypto, StationKeys};
use shokyo::handover::{Application, Frame, Kiosk, KioskEvent, MessageType};
use shokyo::receipt::StationInfo;
use shokyo::station::config::Config;
use shokyo::station::link::{Link, LinkOptions, LinkReader, LinkWriter};
use shokyo::station::notice::now;
use shokyo::station::profile::CertificateUse;
use shokyo::station::tls::ClientTls;
use shokyo::station::trust::{Authorities, own_certificate};
use shokyo::types::SessionId;
use shokyo::{Vault, VaultOptions};
use tokio::time::{Instant, timeout};

use crate::Failure;
use crate::child::{answer, commands};
use crate::place::{KIND, subject};

/// Applications under way at once.
const IN_FLIGHT: usize = 16;

type Machine = Kiosk<StationCrypto, Arc<Authorities>>;

pub async fn run(config: Config) -> Result<(), Failure> {
    let trust = Arc::new(Authorities::load(&config.trust)?);
    let crypto = crypto(&config, &trust)?;
    let upstream = config.upstream.as_ref().ok_or("a kiosk without upstream")?;
    let tls = ClientTls::new(&config, &trust)?;
    let options = LinkOptions::from(&config.link);
    let link = Link::connect(&upstream.address, &tls, options, Instant::now() + Duration::from_secs(10)).await?;
    answer("connected");
    let (mut reader, writer) = link.split();
    let mut commands = commands();
    while let Some(command) = commands.recv().await {
        let numbers: Vec<usize> = command.split(' ').filter_map(|word| word.parse().ok()).collect();
        let [count, bytes] = *numbers.as_slice() else { return Err("an unknown command".into()) };
        let mut kiosks =
            Kiosks { config: &config, trust: &trust, crypto: &crypto, machines: HashMap::new(), withheld: Vec::new() };
        kiosks.apply(count, bytes, &mut reader, &writer).await?;
        answer("offered");
        // The next line is the word to ask for the documents.
        if commands.recv().await.is_none() {
            break;
        }
        for frame in kiosks.withheld {
            writer.send(frame).await?;
        }
        answer("asked");
    }
    Ok(())
}

struct Kiosks<'a> {
    config: &'a Config,
    trust: &'a Arc<Authorities>,
    crypto: &'a StationCrypto,
    machines: HashMap<SessionId, Machine>,
    /// What would bring the first chunks.
    withheld: Vec<Vec<u8>>,
}

impl Kiosks<'_> {
    /// Applies `count` times and returns when every document is offered.
    async fn apply(
        &mut self,
        count: usize,
        bytes: usize,
        reader: &mut LinkReader,
        writer: &LinkWriter,
    ) -> Result<(), Failure> {
        let (mut begun, mut offered) = (0, 0);
        let holder = subject(bytes);
        while offered < count {
            while begun < count && begun - offered < IN_FLIGHT {
                let application = Application {
                    operator: "municipality",
                    issuer: "issuer-1",
                    kind: KIND,
                    copies: 1,
                    subject: holder.as_bytes(),
                    details: b"",
                };
                let policy = self.config.policy();
                let machine = Kiosk::apply(now(), self.crypto.clone(), Arc::clone(self.trust), policy, &application)?;
                offered += usize::from(self.drain(machine, writer).await?);
                begun += 1;
            }
            let frame = timeout(Duration::from_secs(60), reader.next()).await??.ok_or("the EC centre is gone")?;
            let session = Frame::decode(&frame)?.session;
            let mut machine = self.machines.remove(&session).ok_or("a frame of an unknown session")?;
            machine.handle_frame(now(), &frame)?;
            offered += usize::from(self.drain(machine, writer).await?);
        }
        Ok(())
    }

    /// Does what a machine asks for, but withholds its word that it is ready for chunks. `true` once its document is offered.
    async fn drain(&mut self, mut machine: Machine, writer: &LinkWriter) -> Result<bool, Failure> {
        while let Some(persist) = machine.poll_persist() {
            machine.handle_persisted(now(), persist.token);
        }
        while let Some(transmit) = machine.poll_transmit() {
            if Frame::decode(&transmit.frame)?.kind == MessageType::Credit {
                self.withheld.push(transmit.frame);
            } else {
                writer.send(transmit.frame).await?;
            }
        }
        let mut offered = false;
        while let Some(event) = machine.poll_event() {
            offered |= matches!(event, KioskEvent::Offered { .. });
            if let KioskEvent::Finished { outcome } = event {
                return Err(format!("a session ended as {outcome:?}").into());
            }
        }
        self.machines.insert(machine.id(), machine);
        Ok(offered)
    }
}

fn crypto(config: &Config, trust: &Authorities) -> Result<StationCrypto, Failure> {
    let mut options = VaultOptions::new();
    options.agreement = true;
    let identity = Vault::open(options.clone())?;
    options.key_cells = config.vault.key_cells as usize;
    let documents = Vault::open(options)?;
    let key = |certificate_use| -> Result<SigningKey, Failure> {
        Ok(SigningKey::from_pkcs8(&identity, &mut File::open(&config.credential(certificate_use).key)?)?)
    };
    let keys = StationKeys {
        info: StationInfo {
            role: config.role,
            station: config.station.clone(),
            operator: config.operator.clone(),
            post: config.responsible_post.clone(),
        },
        messages: key(CertificateUse::Messages)?,
        certificate: own_certificate(config, trust, CertificateUse::Messages)?,
        receipts: key(CertificateUse::Receipts)?,
        receipt_certificate: own_certificate(config, trust, CertificateUse::Receipts)?,
        not_covered: Vec::new(),
    };
    Ok(StationCrypto::new(documents, Arc::new(keys), None))
}
