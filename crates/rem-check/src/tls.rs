//! What every check over TLS shares: whom to trust, the handshake, and a
//! failure in an operator's words.

mod certificate;
mod starttls;
mod trust;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rem_time::Timestamp;
use rustls::{CertificateError, ClientConfig, Error, ProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) use self::certificate::Certificate;
pub use self::starttls::{StartTls, StartTlsError};
pub use self::trust::{TrustError, Verify};
pub(crate) use self::trust::{algorithms, authorities, config};

/// An encrypted stream and what was learnt on the way to it.
#[derive(Debug)]
pub(crate) struct Encrypted<S> {
    pub(crate) stream: TlsStream<S>,
    pub(crate) took: Duration,
    /// When the server's certificate ends.
    pub(crate) ends: Option<Timestamp>,
}

/// Why there is no encrypted stream.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) reason: String,
    /// When the certificate ended, if that is why.
    pub(crate) ended: Option<Timestamp>,
}

/// Shakes hands as a client of `name`.
pub(crate) async fn encrypt<S>(
    stream: S,
    name: &str,
    config: &Arc<ClientConfig>,
) -> Result<Encrypted<S>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let server = ServerName::try_from(name.to_owned()).map_err(|_| Failure {
        reason: format!("a certificate cannot be for this name: {name}"),
        ended: None,
    })?;
    let started = Instant::now();
    let handshake = TlsConnector::from(Arc::clone(config)).connect(server, stream);
    let stream = handshake.await.map_err(|error| failure(&error, name))?;
    let ends = chain(&stream)
        .first()
        .and_then(|leaf| Certificate::ends(leaf));
    Ok(Encrypted {
        took: started.elapsed(),
        ends,
        stream,
    })
}

/// The certificates that the server showed, its own first.
pub(crate) fn chain<S>(stream: &TlsStream<S>) -> &[CertificateDer<'static>] {
    stream.get_ref().1.peer_certificates().unwrap_or_default()
}

/// `1.3` for TLS 1.3, a number that a level can compare.
pub(crate) fn version<S>(stream: &TlsStream<S>) -> Option<f64> {
    match stream.get_ref().1.protocol_version()? {
        ProtocolVersion::TLSv1_2 => Some(1.2),
        ProtocolVersion::TLSv1_3 => Some(1.3),
        _ => None,
    }
}

/// Days from `now` until `ends`; negative once it has.
pub(crate) fn days(now: Timestamp, ends: Timestamp) -> f64 {
    (ends.as_secs_f64() - now.as_secs_f64()) / 86_400.0
}

fn failure(error: &io::Error, name: &str) -> Failure {
    let Some(error) = error.get_ref().and_then(|e| e.downcast_ref::<Error>()) else {
        return Failure {
            reason: format!("{} in the TLS handshake", crate::reason::io(error)),
            ended: None,
        };
    };
    let reason = match error {
        Error::InvalidCertificate(why) => return refusal(why, name),
        Error::AlertReceived(alert) => format!("the server ended the TLS handshake: {alert:?}"),
        Error::InvalidMessage(_) => "the server does not speak TLS".to_owned(),
        Error::NoApplicationProtocol => "the server speaks none of the wanted protocols".to_owned(),
        other => format!("the TLS handshake failed: {other}"),
    };
    Failure {
        reason,
        ended: None,
    }
}

/// Why a certificate is not accepted for `name`.
pub(crate) fn refusal(why: &CertificateError, name: &str) -> Failure {
    let mut ended = None;
    let reason = match why {
        CertificateError::Expired => "the certificate has expired".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            let seconds = i64::try_from(not_after.as_secs()).unwrap_or(i64::MAX);
            let at = Timestamp::from_seconds(seconds.min(i64::MAX / 1_000_000_000));
            ended = Some(at);
            format!("the certificate has expired: {at}")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate is for another name than {name}")
        }
        CertificateError::UnknownIssuer => "the certificate's issuer is not trusted".to_owned(),
        CertificateError::Revoked => "the certificate is revoked".to_owned(),
        CertificateError::BadEncoding => "the certificate is malformed".to_owned(),
        other => format!("the certificate is not accepted: {other}"),
    };
    Failure { reason, ended }
}

/// Whether that is fewer than `warn_days`, of which 0 means never to warn.
pub(crate) fn is_near(days: f64, warn_days: u32) -> bool {
    warn_days > 0 && days < f64::from(warn_days)
}

/// `the certificate ends in 3.2 days`, or has.
pub(crate) fn ends_in(days: f64) -> String {
    match days < 0.0 {
        true => format!("the certificate ended {:.1} days ago", -days),
        false => format!("the certificate ends in {days:.1} days"),
    }
}
