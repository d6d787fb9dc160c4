mod judge;

use std::sync::Arc;

use rem_time::{Span, Timestamp};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;

use self::judge::Measure;
use crate::check::Finding;
use crate::net::{Path, Peer, seconds};
use crate::tls::{self, Certificate};
use crate::{Check, Reading, Running, StartTls, TrustError, Unit, Verdict, Verify};

/// What [`TlsCert`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsCertOptions {
    /// Name or address, and port: `www.example.com:443`.
    pub target: String,
    /// How to ask for encryption where it does not begin at once.
    pub start: Option<StartTls>,
    /// The name that is asked for; the target's host unless told.
    pub server_name: Option<String>,
    /// The names that the certificate must be for; the one that is asked for
    /// unless told.
    pub names: Vec<String>,
    /// Whose certificates are trusted. With [`Verify::Off`] only the dates count.
    pub verify: Verify,
    /// A certificate that ends in fewer days than this is a warning; 21 unless told.
    pub warn_days: u32,
    /// A certificate that ends in fewer days than this is critical; 7 unless told.
    pub crit_days: u32,
    /// How long all of it may take; 10 s unless told.
    pub deadline: Span,
}

impl TlsCertOptions {
    /// TLS at once, a warning three weeks before the end, critical one week before.
    pub fn new(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            start: None,
            server_name: None,
            names: Vec::new(),
            verify: Verify::Public,
            warn_days: 21,
            crit_days: 7,
            deadline: Span::from_seconds(10),
        }
    }
}

/// Options that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum TlsCertError {
    /// Not a host and a port.
    #[error("not a host and a port such as www.example.com:443: {0}")]
    Target(String),
    /// Nobody can be trusted as was asked.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// `tls`: the certificates that a server shows, judged by their dates, their
/// names and who vouches for them. All defects are told, the worst first.
///
/// Readings: `certificate_days` until the server's own certificate ends,
/// `chain_days` until the first of all that it showed does, `chain_length`,
/// `key_bits`, `tls_version` (1.2 or 1.3), and in seconds `dns`, `connect`,
/// `tls` (the handshake) and `duration`, which is all of it.
///
/// ```no_run
/// use rem_check::{Check, StartTls, TlsCert, TlsCertOptions};
/// # use rem_time::{Clock, SystemClock};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rem_check::TlsCertError> {
/// let mail = TlsCert::new(TlsCertOptions {
///     start: Some(StartTls::Smtp),
///     ..TlsCertOptions::new("mail.example.com:25")
/// })?;
/// println!("{}", mail.run(SystemClock.now()).await);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TlsCert {
    peer: Peer,
    options: TlsCertOptions,
    server_name: String,
    names: Vec<String>,
    /// For the handshake, which accepts whatever comes so that it can be judged.
    config: Arc<ClientConfig>,
    authorities: Option<Arc<RootCertStore>>,
}

/// What a server showed.
#[derive(Debug)]
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    version: Option<f64>,
    address: String,
}

impl TlsCert {
    /// A check that is ready to run. Reads the CA file, if there is one.
    pub fn new(options: TlsCertOptions) -> Result<Self, TlsCertError> {
        let Some(peer) = Peer::parse(&options.target) else {
            return Err(TlsCertError::Target(options.target));
        };
        let server_name = options.server_name.as_ref().unwrap_or(&peer.host).clone();
        let names = match options.names.is_empty() {
            true => vec![server_name.clone()],
            false => options.names.clone(),
        };
        Ok(Self {
            config: tls::config(&Verify::Off, &[])?,
            authorities: tls::authorities(&options.verify)?,
            peer,
            server_name,
            names,
            options,
        })
    }

    async fn look(&self, now: Timestamp, started: Instant) -> Finding {
        let deadline = started + self.options.deadline.as_duration();
        let mut path = Path::default();
        let shown = match timeout_at(deadline, self.shake_hands(deadline, &mut path)).await {
            Ok(Ok(shown)) => Ok(shown),
            Ok(Err(reason)) => Err(reason),
            Err(_) => {
                let (doing, within) = (path.doing, self.options.deadline);
                Err(format!("{doing} {} within {within}", self.peer))
            }
        };
        let duration = shown.is_ok().then(|| started.elapsed());
        let (shown, failure) = match shown {
            Ok(shown) => (Some(shown), None),
            Err(reason) => (None, Some(reason)),
        };
        let chain = shown.as_ref().map_or(&[][..], |shown| &shown.chain);
        let leaf = chain.first().and_then(|leaf| Certificate::parse(leaf));
        let first_end = chain.iter().filter_map(|der| Certificate::ends(der)).min();
        let days = |ends: Option<Timestamp>| ends.map(|ends| tls::days(now, ends));
        let length = shown.as_ref().map(|shown| shown.chain.len() as f64);
        let bits = leaf.as_ref().and_then(|leaf| leaf.key_bits).map(f64::from);
        let version = shown.as_ref().and_then(|shown| shown.version);
        let ends = leaf.as_ref().map(|leaf| leaf.ends);
        let mut readings = vec![
            Reading::gauge("certificate_days", days(ends), Unit::Days),
            Reading::gauge("chain_days", days(first_end), Unit::Days),
            Reading::gauge("chain_length", length, Unit::One),
            Reading::gauge("key_bits", bits, Unit::One),
            Reading::gauge("tls_version", version, Unit::One),
        ];
        readings.extend(path.readings(true));
        readings.push(seconds("duration", duration));
        let (verdict, message) = match (failure, &shown, leaf) {
            (Some(reason), _, _) => (Verdict::Critical, reason),
            (None, Some(shown), Some(leaf)) => self.judge(shown, &leaf, now),
            (None, _, _) => {
                let message = format!("{}: the certificate is malformed", self.peer);
                (Verdict::Critical, message)
            }
        };
        Finding::new(verdict, message).with(readings)
    }

    async fn shake_hands(&self, deadline: Instant, path: &mut Path) -> Result<Shown, String> {
        let (stream, address) = path.open(&self.peer, deadline).await?;
        let (start, name) = (self.options.start, &self.server_name);
        let stream: TlsStream<TcpStream> = path
            .encrypt(stream, address, start, name, &self.config)
            .await?;
        Ok(Shown {
            chain: tls::chain(&stream).to_vec(),
            version: tls::version(&stream),
            address: address.to_string(),
        })
    }

    fn judge(&self, shown: &Shown, leaf: &Certificate, now: Timestamp) -> (Verdict, String) {
        let measure = Measure {
            names: &self.names,
            authorities: self.authorities.as_ref(),
            warn_days: self.options.warn_days,
            crit_days: self.options.crit_days,
        };
        let defects = judge::defects(&shown.chain, leaf, &measure, now);
        let address = &shown.address;
        let Some((verdict, _)) = defects.first() else {
            let version = shown.version.unwrap_or_default();
            let days = tls::days(now, leaf.ends);
            let message = format!(
                "{address}: {} by {}, {days:.0} days until {}, {}, TLS {version}",
                leaf.subject, leaf.issuer, leaf.ends, leaf.key
            );
            return (Verdict::Ok, message);
        };
        let mut reasons: Vec<String> = defects.iter().map(|(_, reason)| reason.clone()).collect();
        if reasons.iter().any(|reason| reason.contains(" is not for ")) {
            reasons.push(format!("it is for {}", some_of(&leaf.names)));
        }
        (*verdict, format!("{address}: {}", reasons.join(", ")))
    }
}

/// The first few names; a certificate can have hundreds.
fn some_of(names: &[String]) -> String {
    const NAMES_MAX: usize = 5;
    let some = names.iter().take(NAMES_MAX).map(String::as_str);
    let some = some.collect::<Vec<_>>().join(" ");
    match names.len() {
        0 => "no name".into(),
        count if count > NAMES_MAX => format!("{some} and {} more", count - NAMES_MAX),
        _ => some,
    }
}

impl Check for TlsCert {
    fn name(&self) -> &str {
        "tls"
    }

    fn deadline(&self) -> Span {
        self.options.deadline
    }

    fn run(&self, now: Timestamp) -> Running<'_> {
        Box::pin(async move {
            let started = Instant::now();
            self.look(now, started).await.stamp(now, started)
        })
    }
}
