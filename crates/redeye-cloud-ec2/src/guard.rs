//! What goes over the wire: whole answers that are what was asked for, and failures
//! of which it is known whether the request can have arrived.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use crate::shape;

/// The largest answer; the sizes of a region are 10 MB.
const ANSWER_BYTES_MAX: usize = 128 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nobody was reached; nothing was sent.
    #[error("cannot connect: {0}")]
    NotSent(String),
    /// It broke off; the request may have arrived.
    #[error("{0}")]
    BrokeOff(String),
    /// There was an answer, and it is none.
    #[error("the answer is not one to {action}: {why}")]
    Nonsense {
        /// What was asked for.
        action: String,
        /// What is wrong.
        why: String,
    },
}

/// An HTTP client that hands on only what [`shape::wrong`] finds nothing wrong with.
#[derive(Debug)]
pub(crate) struct Guard(pub(crate) SharedHttpClient);

#[derive(Debug)]
struct GuardedConnector(SharedHttpConnector);

impl HttpClient for Guard {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.0.http_connector(settings, components);
        SharedHttpConnector::new(GuardedConnector(inner))
    }
}

impl HttpConnector for GuardedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let action = action_of(&request);
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let response = answer.await.map_err(told)?;
            whole(&action, response).await
        })
    }
}

/// `Action=…` of the query protocol.
fn action_of(request: &HttpRequest) -> String {
    let body = request.body().bytes().unwrap_or_default();
    let text = std::str::from_utf8(body).unwrap_or("");
    let mut pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let found = pairs.find(|(name, _)| *name == "Action");
    found.map_or_else(String::new, |(_, action)| action.to_owned())
}

/// Whether a request that failed can have arrived.
fn told(error: ConnectorError) -> ConnectorError {
    if error.is_timeout() {
        return error;
    }
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    let mut last = String::new();
    let mut connecting = false;
    while let Some(one) = source {
        if let Some(hyper) = one.downcast_ref::<hyper_util::client::legacy::Error>() {
            connecting |= hyper.is_connect();
        }
        last = one.to_string();
        source = one.source();
    }
    let trouble = match connecting {
        true => Trouble::NotSent(last),
        false => Trouble::BrokeOff(last),
    };
    ConnectorError::other(trouble.into(), None)
}

async fn whole(action: &str, response: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let fail = |trouble: Trouble| ConnectorError::other(trouble.into(), None);
    let nonsense = |why: String| {
        fail(Trouble::Nonsense {
            action: action.to_owned(),
            why,
        })
    };
    let mut response = response;
    let body = std::mem::replace(response.body_mut(), SdkBody::taken());
    let mut stream = ByteStream::new(body);
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| {
            let why = std::error::Error::source(&error).map(ToString::to_string);
            let why = why.unwrap_or_else(|| error.to_string());
            fail(Trouble::BrokeOff(format!("the answer broke off: {why}")))
        })?;
        bytes.extend_from_slice(&chunk);
        if ANSWER_BYTES_MAX < bytes.len() {
            return Err(nonsense(format!(
                "it has more than {ANSWER_BYTES_MAX} bytes"
            )));
        }
    }
    if response.status().is_success()
        && let Some(why) = shape::wrong(action, &bytes)
    {
        return Err(nonsense(why));
    }
    *response.body_mut() = SdkBody::from(bytes);
    Ok(response)
}
