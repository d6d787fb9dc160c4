use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use redeye_cloud::{Class, CloudError};
use rem_time::Span;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Call, duration};
use crate::contract::{Code, Said};
use crate::function::Form;

/// Bytes of an answer that are read; a longer one is an error.
const ANSWER_MAX: usize = 1 << 20;

/// Makes one request on a connection of its own.
pub(super) async fn run(call: &Call<'_>) -> Result<Said, CloudError> {
    let limit = call.function.timeout;
    let answer = tokio::time::timeout(duration(limit), ask(call)).await;
    answer.unwrap_or_else(|_| {
        let message = format!("no answer within {limit}");
        Err(CloudError::new(Class::Unavailable, call.doing, message))
    })
}

async fn ask(call: &Call<'_>) -> Result<Said, CloudError> {
    let Form::Http {
        url,
        insecure,
        fingerprint,
        ..
    } = &call.function.form
    else {
        return Err(CloudError::new(Class::Invalid, call.doing, "no request"));
    };
    let invalid = |message: String| CloudError::new(Class::Invalid, call.doing, message);
    let down = |message: String| CloudError::new(Class::Unavailable, call.doing, message);
    let shown = url.show(call.values);
    let uri: Uri = url
        .fill(call.values)
        .parse()
        .map_err(|why| invalid(format!("not a URL: {shown}: {why}")))?;
    let host = uri
        .host()
        .ok_or_else(|| invalid(format!("no host in {shown}")))?;
    let secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(invalid(format!("neither http nor https: {shown}"))),
    };
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let bare = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let request = request(call, &uri, host)?;
    let stream = TcpStream::connect((bare.as_str(), port))
        .await
        .map_err(|why| down(format!("cannot connect to {bare}:{port}: {why}")))?;
    // Small requests must not wait for company.
    let _ = stream.set_nodelay(true);
    let (status, retry_after, body) = match secure {
        false => exchange(stream, request).await,
        true => {
            let name = ServerName::try_from(bare.clone())
                .map_err(|_| invalid(format!("not the name of a host: {bare}")))?;
            let pin = fingerprint.as_ref().map(|pin| pin.fill(call.values));
            let pin = pin.filter(|pin| !pin.is_empty());
            let trust = Trust::of(pin.as_deref(), *insecure).map_err(invalid)?;
            let connector = TlsConnector::from(Arc::new(config(trust)));
            let connected = connector.connect(name, stream).await;
            let stream = connected.map_err(|why| {
                let error = down(format!("TLS with {bare}:{port}: {why}"));
                match is_refusal(&why) {
                    // The same certificate comes next time.
                    true => CloudError::new(Class::Denied, error.doing, error.message),
                    false => error,
                }
            })?;
            exchange(stream, request).await
        }
    }
    .map_err(|why| down(format!("{bare}:{port}: {why}")))?;
    let text = String::from_utf8_lossy(&body);
    judge(
        call,
        status,
        retry_after,
        &call.values.without_secrets(&text),
    )
}

fn request(call: &Call<'_>, uri: &Uri, host: &str) -> Result<Request<Full<Bytes>>, CloudError> {
    let Form::Http {
        method,
        headers,
        body,
        user,
        password,
        ..
    } = &call.function.form
    else {
        return Err(CloudError::new(Class::Invalid, call.doing, "no request"));
    };
    let broken = |why: String| CloudError::new(Class::Invalid, call.doing, why);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let body = body.as_ref().map(|body| body.fill(call.values));
    let mut request = Request::builder().method(method.as_str()).uri(path);
    let authority = match uri.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    request = request.header(HOST, authority);
    if body.is_some()
        && !headers
            .keys()
            .any(|name| name.eq_ignore_ascii_case("content-type"))
    {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    for (name, value) in headers {
        let name = HeaderName::try_from(name.as_str())
            .map_err(|_| broken(format!("not the name of a header: {name}")))?;
        let value = HeaderValue::try_from(value.fill(call.values))
            .map_err(|_| broken(format!("header {name} has letters that no header has")))?;
        request = request.header(name, value);
    }
    if let Some(user) = user {
        let password = password.as_ref().map(|password| password.fill(call.values));
        let pair = format!(
            "{}:{}",
            user.fill(call.values),
            password.unwrap_or_default()
        );
        let word = base64::engine::general_purpose::STANDARD.encode(pair);
        request = request.header(AUTHORIZATION, format!("Basic {word}"));
    }
    request
        .body(Full::new(Bytes::from(body.unwrap_or_default())))
        .map_err(|why| broken(format!("no request can be made: {why}")))
}

type Heard = (StatusCode, Option<u64>, Bytes);

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Heard, String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let why = |error: hyper::Error| error.to_string();
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(why)?;
    let talk = async move {
        let response = sender.send_request(request).await.map_err(why)?;
        let status = response.status();
        let header = response.headers().get(RETRY_AFTER);
        let retry_after = header.and_then(|value| value.to_str().ok()?.parse().ok());
        let body = Limited::new(response.into_body(), ANSWER_MAX);
        let body = body.collect().await.map_err(|error| error.to_string())?;
        Ok((status, retry_after, body.to_bytes()))
    };
    tokio::pin!(connection);
    tokio::pin!(talk);
    tokio::select! {
        heard = &mut talk => heard,
        ended = &mut connection => {
            // What was read before the end may still be on its way to us.
            match ended {
                Ok(()) => talk.await,
                Err(error) => Err(error.to_string()),
            }
        }
    }
}

fn judge(
    call: &Call<'_>,
    status: StatusCode,
    retry_after: Option<u64>,
    text: &str,
) -> Result<Said, CloudError> {
    let class = match status.as_u16() {
        200..=299 => return Ok(Said::new(Code::Done, text.to_owned())),
        304 => return Ok(Said::new(Code::Already, text.to_owned())),
        401 | 403 => Class::Denied,
        404 | 410 => Class::NotFound,
        409 => Class::Conflict,
        429 => Class::Throttled,
        501 => Class::Unsupported,
        500..=599 => Class::Unavailable,
        _ => Class::Invalid,
    };
    let message = match text.trim() {
        "" => format!("answered {status}"),
        text => format!("answered {status}: {text}"),
    };
    let error = CloudError::new(class, call.doing, message).code(status.as_u16().to_string());
    Err(match retry_after {
        Some(seconds) => error.retry_after(Span::from_seconds(seconds)),
        None => error,
    })
}

/// Which certificates are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// Those that the usual authorities vouch for.
    Usual,
    /// The one with this SHA-256.
    One([u8; 32]),
    /// All, because controllers sign their own.
    Any,
}

impl Trust {
    fn of(pin: Option<&str>, insecure: bool) -> Result<Self, String> {
        let Some(pin) = pin else {
            return Ok(match insecure {
                true => Self::Any,
                false => Self::Usual,
            });
        };
        let digits: String = pin.chars().filter(|letter| *letter != ':').collect();
        let mut hash = [0; 32];
        let wrong = || format!("not the SHA-256 of a certificate, 64 hexadecimal digits: {pin}");
        if digits.len() != 64 || !digits.chars().all(|letter| letter.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        for (at, byte) in hash.iter_mut().enumerate() {
            let pair = &digits[2 * at..2 * at + 2];
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self::One(hash))
    }
}

/// Whether a handshake failed for the certificate.
fn is_refusal(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
}

fn config(trust: Trust) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    #[allow(clippy::expect_used, reason = "the versions are those that ring has")]
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("ring has TLS 1.2 and 1.3");
    let pin = match trust {
        Trust::Usual => {
            let roots = RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            };
            return builder.with_root_certificates(roots).with_no_client_auth();
        }
        Trust::One(pin) => Some(pin),
        Trust::Any => None,
    };
    let own = Arc::new(OwnCertificate { provider, pin });
    let builder = builder.dangerous().with_custom_certificate_verifier(own);
    builder.with_no_client_auth()
}

/// Trusts the certificate with a fingerprint, or every one. Signatures of the handshake
/// are checked all the same.
#[derive(Debug)]
struct OwnCertificate {
    provider: Arc<rustls::crypto::CryptoProvider>,
    pin: Option<[u8; 32]>,
}

impl ServerCertVerifier for OwnCertificate {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let hash = ring::digest::digest(&ring::digest::SHA256, certificate);
        match self.pin {
            Some(pin) if hash.as_ref() != pin => Err(rustls::Error::InvalidCertificate(
                rustls::CertificateError::ApplicationVerificationFailure,
            )),
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_sixty_four_digits_as_openssl_writes_them() {
        let pairs = ["AB"; 32];
        let one = Ok(Trust::One([0xab; 32]));
        assert_eq!(Trust::of(Some(&pairs.join(":")), true), one);
        assert_eq!(Trust::of(Some(&pairs.concat()), false), one);
        assert_eq!(Trust::of(None, true), Ok(Trust::Any));
        assert_eq!(Trust::of(None, false), Ok(Trust::Usual));
        for wrong in ["ab", &"ä".repeat(32), &"+1".repeat(32)] {
            assert!(Trust::of(Some(wrong), true).is_err(), "{wrong}");
        }
    }
}
