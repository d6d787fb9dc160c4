use bytes::Bytes;
use jsonrpsee::ConnectionId;
use jsonrpsee::core::server::{MethodCallback, MethodResponse, RpcModule};
use jsonrpsee::types::{ErrorObjectOwned, Id, Params, Request};
use jsonrpsee::{Extensions, ResponsePayload};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Call, Method, Rpc, RpcError, allowed};
use crate::{Caller, Role};

/// Calls in one batch; more are refused as a whole.
const BATCH_MAX: usize = 100;
/// Bytes of one method's result; a larger one becomes an error.
const RESULT_BYTES_MAX: usize = 16 << 20;

/// Registers a method with jsonrpsee; `false` if the name is taken.
pub(super) fn register(
    module: &mut RpcModule<()>,
    name: &'static str,
    role: Role,
    method: Method,
) -> bool {
    let run = move |params: Params<'static>, _, extensions: Extensions| {
        let method = method.clone();
        async move {
            let caller = extensions.get::<Caller>().cloned();
            let caller = caller.unwrap_or_else(|| Caller::nobody(None));
            allowed(&caller, role)?;
            let params = params.parse::<Option<Value>>().map_err(|error| {
                RpcError::invalid_params(format!("parameters cannot be read: {}", error.message()))
            })?;
            method(Call {
                method: name.into(),
                params: params.unwrap_or(Value::Null),
                caller,
            })
            .await
        }
    };
    let added = module.register_async_method(name, move |params, context, extensions| {
        let result = run(params, context, extensions);
        async move { result.await.map_err(ErrorObjectOwned::from) }
    });
    added.is_ok()
}

/// Answers one call or a batch; `None` where only notifications came.
pub(crate) async fn answer(rpc: &Rpc, body: &[u8], caller: &Caller) -> Option<Bytes> {
    let is_batch = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if !is_batch {
        return match serde_json::from_slice::<&RawValue>(body) {
            Ok(call) => one(rpc, call.get(), caller).await.map(into_bytes),
            Err(_) => Some(into_bytes(error(RpcError::PARSE, "Parse error"))),
        };
    }
    let Ok(calls) = serde_json::from_slice::<Vec<&RawValue>>(body) else {
        return Some(into_bytes(error(RpcError::PARSE, "Parse error")));
    };
    if calls.is_empty() {
        return Some(into_bytes(error(
            RpcError::INVALID_REQUEST,
            "Invalid request",
        )));
    }
    if calls.len() > BATCH_MAX {
        let message = format!("a batch holds at most {BATCH_MAX} calls");
        return Some(into_bytes(error(RpcError::INVALID_REQUEST, &message)));
    }
    let mut answers: Vec<u8> = vec![b'['];
    for call in calls {
        if let Some(answer) = one(rpc, call.get(), caller).await {
            if answers.len() > 1 {
                answers.push(b',');
            }
            answers.extend_from_slice(answer.get().as_bytes());
        }
    }
    answers.push(b']');
    (answers.len() > 2).then(|| answers.into())
}

async fn one(rpc: &Rpc, text: &str, caller: &Caller) -> Option<Box<RawValue>> {
    let Ok(request) = serde_json::from_str::<Request<'_>>(text) else {
        return not_a_request(rpc, text, caller).await;
    };
    let (id, params) = (request.id, request.params);
    let params = Params::new(params.as_ref().map(|params| params.get()));
    Some(
        run(rpc, &request.method, id, params, caller)
            .await
            .into_json(),
    )
}

/// A notification runs and stays unanswered; anything else is an error.
async fn not_a_request(rpc: &Rpc, text: &str, caller: &Caller) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    struct Loose<'a> {
        jsonrpc: Option<String>,
        method: Option<String>,
        #[serde(borrow)]
        params: Option<&'a RawValue>,
        #[serde(borrow)]
        id: Option<&'a RawValue>,
    }
    let Ok(loose) = serde_json::from_str::<Loose<'_>>(text) else {
        return Some(error(RpcError::INVALID_REQUEST, "Invalid request"));
    };
    let is_notification = loose.id.is_none() && loose.jsonrpc.as_deref() == Some("2.0");
    let Some(method) = loose.method.filter(|_| is_notification) else {
        return Some(error(RpcError::INVALID_REQUEST, "Invalid request"));
    };
    let params = Params::new(loose.params.map(RawValue::get));
    run(rpc, &method, Id::Null, params, caller).await;
    None
}

async fn run(
    rpc: &Rpc,
    method: &str,
    id: Id<'_>,
    params: Params<'_>,
    caller: &Caller,
) -> MethodResponse {
    let mut extensions = Extensions::new();
    extensions.insert(caller.clone());
    match rpc.module.method(method) {
        Some(MethodCallback::Async(run)) => {
            let (id, params) = (id.into_owned(), params.into_owned());
            run(id, params, ConnectionId(0), RESULT_BYTES_MAX, extensions).await
        }
        Some(MethodCallback::Sync(run)) => run(id, params, RESULT_BYTES_MAX, extensions),
        Some(MethodCallback::Subscription(_) | MethodCallback::Unsubscription(_)) | None => {
            let error =
                ErrorObjectOwned::owned::<()>(RpcError::METHOD_NOT_FOUND, "Method not found", None);
            MethodResponse::response(id, ResponsePayload::<()>::error(error), RESULT_BYTES_MAX)
        }
    }
}

fn error(code: i32, message: &str) -> Box<RawValue> {
    let error = ErrorObjectOwned::owned::<()>(code, message, None);
    MethodResponse::error(Id::Null, error).into_json()
}

fn into_bytes(json: Box<RawValue>) -> Bytes {
    String::from(Box::<str>::from(json)).into()
}
