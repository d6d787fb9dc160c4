//! Whose certificates are believed.

use std::sync::Arc;

use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// Certificate authorities: those of Mozilla's list, an own one, or both.
#[derive(Clone)]
pub struct Trust {
    roots: RootCertStore,
}

/// A list of certificates that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no usable certificate: {0}")]
pub struct TrustError(String);

impl Trust {
    /// The authorities browsers know.
    pub fn public() -> Self {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        Self { roots }
    }

    /// Nobody, until [`and_pem`](Self::and_pem) adds somebody.
    pub fn nobody() -> Self {
        Self {
            roots: RootCertStore::empty(),
        }
    }

    /// Also the certificates in `pem`, which may hold several.
    pub fn and_pem(mut self, pem: &[u8]) -> Result<Self, TrustError> {
        let refused = |error: &dyn std::fmt::Display| TrustError(error.to_string());
        let mut added = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| refused(&error))?;
            self.roots
                .add(certificate)
                .map_err(|error| refused(&error))?;
            added += 1;
        }
        if added == 0 {
            return Err(TrustError("it holds none".into()));
        }
        Ok(self)
    }

    /// A client that checks the other side's certificate and name.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        let config = builder()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        Arc::new(config)
    }

    /// A client that takes any certificate: for connections that would be
    /// made without TLS as well.
    pub(crate) fn client_of_anybody() -> Arc<ClientConfig> {
        let config = builder()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(anybody::Anybody(provider())))
            .with_no_client_auth();
        Arc::new(config)
    }
}

impl Default for Trust {
    fn default() -> Self {
        Self::public()
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trust({} authorities)", self.roots.len())
    }
}

fn builder() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has suites for TLS 1.2 and 1.3")
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

mod anybody {
    use std::sync::Arc;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};
    use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

    #[derive(Debug)]
    pub(super) struct Anybody(pub(super) Arc<CryptoProvider>);

    impl ServerCertVerifier for Anybody {
        fn verify_server_cert(
            &self,
            _end_entity: &CertificateDer<'_>,
            _intermediates: &[CertificateDer<'_>],
            _server_name: &ServerName<'_>,
            _ocsp: &[u8],
            _now: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let known = &self.0.signature_verification_algorithms;
            verify_tls12_signature(message, cert, signed, known)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let known = &self.0.signature_verification_algorithms;
            verify_tls13_signature(message, cert, signed, known)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}
