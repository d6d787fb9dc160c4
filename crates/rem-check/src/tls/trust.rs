use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// Whose certificates are trusted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verify {
    /// Mozilla's list of authorities, as compiled in.
    Public,
    /// Those, and the authorities in this PEM file.
    PublicAnd(PathBuf),
    /// Only the authorities in this PEM file.
    Only(PathBuf),
    /// Any certificate for any name. Its end is still read.
    Off,
}

/// Nobody can be trusted as was asked.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The authorities could not be read.
    #[error("cannot read the certificates in {path}")]
    Authorities {
        /// The PEM file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no certificate that could be trusted.
    #[error("no usable certificate in {0}")]
    NoAuthority(PathBuf),
    /// The TLS library refused its configuration.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}

/// The TLS side of a check that offers these protocols. Without session
/// resumption: a handshake that is cut short would not measure the whole path,
/// nor see the certificate.
pub(crate) fn config(
    verify: &Verify,
    protocols: &[&[u8]],
) -> Result<Arc<ClientConfig>, TrustError> {
    let mut config = match authorities(verify)? {
        Some(authorities) => builder()?
            .with_root_certificates(authorities)
            .with_no_client_auth(),
        None => builder()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(TrustAnybody(provider())))
            .with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

/// The authorities that are trusted; `None` if anybody is.
pub(crate) fn authorities(verify: &Verify) -> Result<Option<Arc<RootCertStore>>, TrustError> {
    // Nearly every check has these; thousands of them share them.
    static PUBLIC: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let public = || RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    Ok(match verify {
        Verify::Off => None,
        Verify::Public => Some(Arc::clone(PUBLIC.get_or_init(|| Arc::new(public())))),
        Verify::PublicAnd(path) => Some(Arc::new(and_those_in(path, public())?)),
        Verify::Only(path) => Some(Arc::new(and_those_in(path, RootCertStore::empty())?)),
    })
}

/// The sorts of signature that are understood.
pub(crate) fn algorithms() -> WebPkiSupportedAlgorithms {
    provider().signature_verification_algorithms
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(ring::default_provider())))
}

type Builder = rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>;

fn builder() -> Result<Builder, TrustError> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TrustError::Tls(error.to_string()))
}

fn and_those_in(path: &Path, mut authorities: RootCertStore) -> Result<RootCertStore, TrustError> {
    let pem = std::fs::read(path).map_err(|source| TrustError::Authorities {
        path: path.to_owned(),
        source,
    })?;
    let found = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
    let (added, _) = authorities.add_parsable_certificates(found);
    match added {
        0 => Err(TrustError::NoAuthority(path.to_owned())),
        _ => Ok(authorities),
    }
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
