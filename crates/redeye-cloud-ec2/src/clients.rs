//! The SDK's clients, made when the first request is.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;

use crate::guard::Guard;
use crate::settings::Settings;

/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Who asks EC2, and its load balancers.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) elb: aws_sdk_elasticloadbalancingv2::Client,
}

impl Clients {
    pub(crate) async fn new(settings: &Settings) -> Self {
        let patience = settings.patience.as_duration();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT.min(patience))
            .operation_timeout(patience)
            .build();
        let plain = http(None);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(settings.scope.region.to_string()))
            // The door tries again, and nobody else.
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .timeout_config(timeouts)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(plain);
        if let Some(profile) = &settings.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(endpoint) = &settings.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(keys) = &settings.keys {
            let keys = Credentials::new(&keys.id, keys.secret.reveal(), None, None, "settings");
            loader = loader.credentials_provider(SharedCredentialsProvider::new(keys));
        }
        let shared = loader.load().await;
        let guarded = SharedHttpClient::new(Guard(http(settings.endpoint.as_deref())));
        let guarded = shared.into_builder().http_client(guarded).build();
        Self {
            ec2: aws_sdk_ec2::Client::new(&guarded),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(&guarded),
        }
    }
}

/// An HTTP client; one that never speaks TLS needs no certificates.
fn http(endpoint: Option<&str>) -> SharedHttpClient {
    match endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")) {
        true => Builder::new().build_http(),
        false => Builder::new()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .build_https(),
    }
}
