use bytes::Bytes;
use dxr::{Fault, FaultResponse, MethodCall, MethodResponse, Value as Xml};
use serde_json::{Map, Number, Value};

use super::{Rpc, RpcError};
use crate::{Caller, encoding};

/// Elements inside elements; an honest call needs about four per level of data.
const DEPTH_MAX: usize = 256;
/// Calls in one `system.multicall`.
const MULTICALL_MAX: usize = 100;

/// Answers one XML-RPC call: always a document, a fault where it went wrong.
pub(crate) async fn answer(rpc: &Rpc, body: &[u8], caller: &Caller) -> Bytes {
    let document = match answered(rpc, body, caller).await {
        Ok(value) => MethodResponse { value }.to_xml(),
        Err(error) => FaultResponse {
            fault: fault(&error),
        }
        .to_xml(),
    };
    match document {
        Ok(xml) => format!("<?xml version=\"1.0\"?>{xml}").into(),
        Err(error) => {
            tracing::error!(error = %encoding::chain(&error), "XML-RPC answer cannot be written");
            Bytes::from_static(UNWRITABLE.as_bytes())
        }
    }
}

const UNWRITABLE: &str = "<?xml version=\"1.0\"?><methodResponse><fault><value><struct>\
    <member><name>faultCode</name><value><i4>-32603</i4></value></member>\
    <member><name>faultString</name><value><string>internal error</string></value></member>\
    </struct></value></fault></methodResponse>";

async fn answered(rpc: &Rpc, body: &[u8], caller: &Caller) -> Result<Xml, RpcError> {
    let text = std::str::from_utf8(body)
        .map_err(|_| RpcError::new(RpcError::PARSE, "the call is not UTF-8"))?;
    check(text)?;
    let call = MethodCall::from_xml(text)
        .map_err(|_| RpcError::new(RpcError::PARSE, "not an XML-RPC call"))?;
    match call.name.trim() {
        "system.listMethods" => Ok(Xml::Array(
            rpc.methods
                .keys()
                .map(|name| Xml::String(name.to_string()))
                .collect(),
        )),
        "system.multicall" => multicall(rpc, call.params, caller).await,
        name => single(rpc, name, call.params, caller).await,
    }
}

async fn single(
    rpc: &Rpc,
    name: &str,
    mut params: Vec<Xml>,
    caller: &Caller,
) -> Result<Xml, RpcError> {
    let params = match (params.len(), params.pop()) {
        (0, _) => Value::Null,
        (1, Some(named @ Xml::Struct(_))) => to_json(named),
        (_, last) => Value::Array(params.into_iter().chain(last).map(to_json).collect()),
    };
    to_xml(rpc.call(name, params, caller.clone()).await?)
}

async fn multicall(rpc: &Rpc, params: Vec<Xml>, caller: &Caller) -> Result<Xml, RpcError> {
    let invalid = |_| RpcError::invalid_params("not a list of calls");
    let calls = dxr::multicall::from_multicall_params(params).map_err(invalid)?;
    if calls.len() > MULTICALL_MAX {
        let message = format!("a multicall holds at most {MULTICALL_MAX} calls");
        return Err(RpcError::new(RpcError::INVALID_REQUEST, message));
    }
    let mut results = Vec::with_capacity(calls.len());
    for call in calls {
        let result = match call {
            Ok((name, _)) if name.starts_with("system.") => Err(RpcError::new(
                RpcError::INVALID_REQUEST,
                "system methods cannot be called from a multicall",
            )),
            Ok((name, params)) => single(rpc, &name, params, caller).await,
            Err(_) => Err(RpcError::invalid_params("not a call")),
        };
        results.push(result.map_err(|error| fault(&error)));
    }
    Ok(dxr::multicall::into_multicall_response(results))
}

fn fault(error: &RpcError) -> Fault {
    Fault::new(error.code, error.message.clone())
}

/// Refuses what could blow up while it is read: documents that define entities,
/// and nesting that would exhaust the stack.
fn check(text: &str) -> Result<(), RpcError> {
    let refused = |why: &str| Err(RpcError::new(RpcError::PARSE, why));
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if rest.starts_with("!--") {
            rest = rest.find("-->").map_or("", |end| &rest[end + 3..]);
        } else if rest.starts_with("![CDATA[") {
            rest = rest.find("]]>").map_or("", |end| &rest[end + 3..]);
        } else if rest.starts_with('!') {
            return refused("a document type is not allowed in a call");
        } else if rest.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !rest.starts_with('?') {
            let end = rest.find('>').unwrap_or(rest.len());
            if !rest[..end].ends_with('/') {
                depth += 1;
            }
        }
        if depth > DEPTH_MAX {
            return refused("the call is nested too deeply");
        }
    }
    Ok(())
}

fn to_json(value: Xml) -> Value {
    match value {
        Xml::Integer(n) => n.into(),
        Xml::Long(n) => n.into(),
        Xml::Boolean(b) => b.into(),
        Xml::String(text) => text.into(),
        Xml::Double(n) => Number::from_f64(n).map_or(Value::Null, Value::Number),
        Xml::DateTime(time) => time.to_string().into(),
        Xml::Base64(bytes) => encoding::base64(&bytes).into(),
        Xml::Struct(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| (name, to_json(value)))
                .collect::<Map<_, _>>(),
        ),
        Xml::Array(list) => list.into_iter().map(to_json).collect(),
        // Nil, and whatever a later version of the format may bring.
        _ => Value::Null,
    }
}

fn to_xml(value: Value) -> Result<Xml, RpcError> {
    Ok(match value {
        Value::Null => Xml::Nil,
        Value::Bool(b) => Xml::Boolean(b),
        Value::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(n), _) => i32::try_from(n).map_or(Xml::Long(n), Xml::Integer),
            (None, Some(n)) => Xml::Double(n),
            (None, None) => return Err(RpcError::new(RpcError::INTERNAL, "internal error")),
        },
        Value::String(text) => Xml::String(printable(text)),
        Value::Array(list) => Xml::Array(list.into_iter().map(to_xml).collect::<Result<_, _>>()?),
        Value::Object(map) => Xml::Struct(
            map.into_iter()
                .map(|(name, value)| Ok((printable(name), to_xml(value)?)))
                .collect::<Result<_, RpcError>>()?,
        ),
    })
}

/// XML has no way to write most control characters.
fn printable(text: String) -> String {
    let bad = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    if text.contains(bad) {
        return text.replace(bad, "\u{fffd}");
    }
    text
}
