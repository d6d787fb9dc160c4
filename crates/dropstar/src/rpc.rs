mod json;
mod xml;

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jsonrpsee::RpcModule;
use jsonrpsee::types::ErrorObjectOwned;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Caller, Role, encoding};

/// One call of a method.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Arc<str>,
    /// Named parameters as an object, positional ones as a list, none as null.
    /// The one struct that XML-RPC callers use for named parameters is an object.
    pub params: Value,
    /// Who calls.
    pub caller: Caller,
}

impl Call {
    /// The parameter with this name, or at this place where they are positional.
    pub fn param(&self, place: usize, name: &str) -> Option<&Value> {
        match &self.params {
            Value::Object(map) => map.get(name),
            Value::Array(list) => list.get(place),
            _ => None,
        }
    }

    /// A parameter that has to be text.
    pub fn text(&self, place: usize, name: &str) -> Result<&str, RpcError> {
        self.param(place, name)
            .and_then(Value::as_str)
            .ok_or_else(|| RpcError::invalid_params(format!("{name} has to be a string")))
    }

    /// A parameter that has to be a number.
    pub fn number(&self, place: usize, name: &str) -> Result<f64, RpcError> {
        self.param(place, name)
            .and_then(Value::as_f64)
            .ok_or_else(|| RpcError::invalid_params(format!("{name} has to be a number")))
    }

    /// All parameters as one type of the method's own.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, RpcError> {
        T::deserialize(&self.params).map_err(|error| RpcError::invalid_params(error.to_string()))
    }
}

/// Why a method gave no result; the same number and text over both protocols.
///
/// Any error becomes an `RpcError` by `?`: the caller is told no more than
/// "internal error", and the log has the error with its sources.
#[derive(Clone, Debug)]
pub struct RpcError {
    code: i32,
    message: String,
    data: Option<Value>,
}

impl RpcError {
    /// Not JSON, not XML.
    pub const PARSE: i32 = -32_700;
    /// Not a call.
    pub const INVALID_REQUEST: i32 = -32_600;
    /// No such method.
    pub const METHOD_NOT_FOUND: i32 = -32_601;
    /// Wrong parameters.
    pub const INVALID_PARAMS: i32 = -32_602;
    /// A fault of ours.
    pub const INTERNAL: i32 = -32_603;
    /// The caller's role does not allow it.
    pub const NOT_ALLOWED: i32 = -32_003;

    /// An error of the method's own; codes from -32768 to -32000 are reserved.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// The caller sent wrong parameters.
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(Self::INVALID_PARAMS, message)
    }

    /// Something to show beside the message; XML-RPC callers do not get it.
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    /// The code.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl<E: std::error::Error> From<E> for RpcError {
    fn from(error: E) -> Self {
        tracing::error!(error = %encoding::chain(&error), "method failed");
        Self::new(Self::INTERNAL, "internal error")
    }
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        ErrorObjectOwned::owned(error.code, error.message, error.data)
    }
}

type Method = Arc<dyn Fn(Call) -> BoxFuture<'static, Result<Value, RpcError>> + Send + Sync>;

/// The methods of a site, for both protocols.
pub(crate) struct Rpc {
    module: RpcModule<()>,
    methods: BTreeMap<Arc<str>, (Role, Method)>,
}

impl Rpc {
    pub(crate) fn new() -> Self {
        Self {
            module: RpcModule::new(()),
            methods: BTreeMap::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.methods.is_empty()
    }

    /// `false` if the name is taken.
    pub(crate) fn add<F, Fut>(&mut self, role: Role, name: &str, method: F) -> bool
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, RpcError>> + Send + 'static,
    {
        let shared: Arc<str> = name.into();
        let method: Method = Arc::new(move |call| Box::pin(method(call)));
        if !json::register(&mut self.module, interned(name), role, method.clone()) {
            return false;
        }
        self.methods.insert(shared, (role, method)).is_none()
    }

    pub(crate) async fn call(
        &self,
        name: &str,
        params: Value,
        caller: Caller,
    ) -> Result<Value, RpcError> {
        let Some((method, (role, run))) = self.methods.get_key_value(name) else {
            return Err(RpcError::new(
                RpcError::METHOD_NOT_FOUND,
                "Method not found",
            ));
        };
        allowed(&caller, *role)?;
        run(Call {
            method: method.clone(),
            params,
            caller,
        })
        .await
    }
}

pub(crate) use json::answer as answer_json;
pub(crate) use xml::answer as answer_xml;

fn allowed(caller: &Caller, role: Role) -> Result<(), RpcError> {
    if caller.may(role) {
        return Ok(());
    }
    let message = format!("this method needs the role {role}");
    Err(RpcError::new(RpcError::NOT_ALLOWED, message))
}

/// jsonrpsee wants method names that live for ever; each distinct name is kept
/// once, however often a site is built anew.
fn interned(name: &str) -> &'static str {
    static NAMES: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    let mut names = NAMES.lock();
    let names = names.get_or_insert_with(HashSet::new);
    if let Some(known) = names.get(name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(kept);
    kept
}

#[cfg(test)]
mod tests;
