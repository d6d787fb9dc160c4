use std::path::Path;
use std::sync::{Arc, OnceLock};

use rem_time::Timestamp;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::{HttpError, Verify};

/// The TLS side of a check. Without session resumption: a handshake that is
/// cut short would not measure the whole path, nor see the certificate.
pub(super) fn config(verify: &Verify) -> Result<Arc<ClientConfig>, HttpError> {
    static PUBLIC: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    match verify {
        // Nearly every check has this one; a hundred of them share it.
        Verify::Public => match PUBLIC.get() {
            Some(config) => Ok(Arc::clone(config)),
            None => {
                let config = trusting(public_authorities())?;
                Ok(Arc::clone(PUBLIC.get_or_init(|| config)))
            }
        },
        Verify::PublicAnd(path) => {
            let mut authorities = public_authorities();
            add_authorities(&mut authorities, path)?;
            trusting(authorities)
        }
        Verify::Off => {
            let provider = Arc::new(ring::default_provider());
            let trust = Arc::new(TrustAnybody(Arc::clone(&provider)));
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(|error| HttpError::Tls(error.to_string()))?
                .dangerous()
                .with_custom_certificate_verifier(trust)
                .with_no_client_auth();
            Ok(finished(config))
        }
    }
}

fn trusting(authorities: RootCertStore) -> Result<Arc<ClientConfig>, HttpError> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError::Tls(error.to_string()))?
        .with_root_certificates(authorities)
        .with_no_client_auth();
    Ok(finished(config))
}

fn finished(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

fn public_authorities() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

fn add_authorities(authorities: &mut RootCertStore, path: &Path) -> Result<(), HttpError> {
    let pem = std::fs::read(path).map_err(|source| HttpError::Authorities {
        path: path.to_owned(),
        source,
    })?;
    let found = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
    let (added, _) = authorities.add_parsable_certificates(found);
    match added {
        0 => Err(HttpError::NoAuthority(path.to_owned())),
        _ => Ok(()),
    }
}

/// Why a handshake failed, and when the certificate ended if that was why.
pub(super) fn reason(error: &std::io::Error, host: &str) -> (String, Option<Timestamp>) {
    let Some(error) = error.get_ref().and_then(|e| e.downcast_ref::<Error>()) else {
        return (
            format!("{} in the TLS handshake", crate::reason::io(error)),
            None,
        );
    };
    let reason = match error {
        Error::InvalidCertificate(why) => match why {
            CertificateError::Expired => "the certificate has expired".to_owned(),
            CertificateError::ExpiredContext { not_after, .. } => {
                let seconds =
                    i64::try_from(not_after.as_secs()).unwrap_or(i64::MAX / 1_000_000_000);
                let ended = Timestamp::from_seconds(seconds);
                return (format!("the certificate has expired: {ended}"), Some(ended));
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the certificate is not valid yet".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("the certificate is for another name than {host}")
            }
            CertificateError::UnknownIssuer => "the certificate's issuer is not trusted".to_owned(),
            CertificateError::Revoked => "the certificate is revoked".to_owned(),
            CertificateError::BadEncoding => "the certificate is malformed".to_owned(),
            other => format!("the certificate is not accepted: {other}"),
        },
        Error::AlertReceived(alert) => format!("the server ended the TLS handshake: {alert:?}"),
        Error::InvalidMessage(_) => "the server does not speak TLS".to_owned(),
        other => format!("the TLS handshake failed: {other}"),
    };
    (reason, None)
}

/// Trusts every certificate, but still wants the server to own it.
#[derive(Debug)]
struct TrustAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
