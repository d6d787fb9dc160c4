//! A certificate for 127.0.0.1 and localhost, and who believes it.

use std::path::PathBuf;
use std::sync::Arc;

use rem_notify::Trust;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub(crate) struct Identity {
    folder: tempfile::TempDir,
    certificate: String,
    key: String,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let identity = Self {
            folder: tempfile::tempdir().unwrap(),
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        };
        std::fs::write(identity.certificate_file(), &identity.certificate).unwrap();
        std::fs::write(identity.key_file(), &identity.key).unwrap();
        identity
    }

    pub(crate) fn certificate_file(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::nobody()
            .and_pem(self.certificate.as_bytes())
            .unwrap()
    }

    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Arc::new(config)
    }
}
