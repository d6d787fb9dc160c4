use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

/// The certificate and key of a listener.
#[derive(Clone)]
pub struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    certificate: PathBuf,
}

/// Why a listener's TLS cannot be set up.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read or holds no certificate or key.
    #[error("cannot read {what} from {path}")]
    Read {
        /// Certificate or key.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// The file is readable and empty of certificates.
    #[error("no certificate in {0}")]
    Empty(PathBuf),
    /// A generated file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A certificate cannot be made for these names.
    #[error("cannot make a certificate")]
    Generate {
        /// Why.
        source: rcgen::Error,
    },
    /// Certificate and key do not belong together, or cannot be used.
    #[error("cannot use certificate {path}")]
    Use {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

impl Tls {
    /// A certificate chain and its key, each a PEM file.
    pub fn files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |what, path: &Path| {
            let path = path.to_owned();
            move |source| TlsError::Read { what, path, source }
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(read("a certificate", certificate))?;
        if chain.is_empty() {
            return Err(TlsError::Empty(certificate.to_owned()));
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(read("a key", key))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|source| TlsError::Use {
                path: certificate.to_owned(),
                source,
            })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            certificate: certificate.to_owned(),
        })
    }

    /// A self-signed certificate for `names` (host names and addresses), made on
    /// the first start and kept in `folder` as `certificate.pem` and `key.pem`.
    /// Clients have to be told to trust it.
    pub fn generated(folder: &Path, names: &[&str]) -> Result<Self, TlsError> {
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        if !certificate.exists() || !key.exists() {
            generate(folder, &certificate, &key, names)?;
        }
        Self::files(&certificate, &key)
    }

    /// The file that holds the certificate.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

fn generate(folder: &Path, certificate: &Path, key: &Path, names: &[&str]) -> Result<(), TlsError> {
    let generate = |source| TlsError::Generate { source };
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let common_name = names.first().cloned().unwrap_or_else(|| "dropstar".into());
    let pair = KeyPair::generate().map_err(generate)?;
    let mut params = CertificateParams::new(names).map_err(generate)?;
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    let made = params.self_signed(&pair).map_err(generate)?;
    fs::create_dir_all(folder).map_err(|source| TlsError::Write {
        path: folder.to_owned(),
        source,
    })?;
    // The key first: a certificate without one would be taken for a whole pair.
    write(key, 0o600, &pair.serialize_pem())?;
    write(certificate, 0o644, &made.pem())
}

/// Whole or not at all, and never readable by more than `mode` allows.
fn write(path: &Path, mode: u32, text: &str) -> Result<(), TlsError> {
    let new = path.with_extension("pem.new");
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&new)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&new, path));
    written.map_err(|source| TlsError::Write {
        path: path.to_owned(),
        source,
    })
}
