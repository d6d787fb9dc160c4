#![allow(clippy::needless_pass_by_value)]

use serde_json::{Value, json};

use super::{Call, Rpc, RpcError, answer_json, answer_xml};
use crate::{Caller, Role};

fn rpc() -> Rpc {
    let mut rpc = Rpc::new();
    rpc.add(Role::Viewer, "echo", async |call: Call| Ok(call.params));
    rpc.add(Role::Viewer, "sum", async |call: Call| {
        Ok(json!(call.number(0, "a")? + call.number(1, "b")?))
    });
    rpc.add(Role::Admin, "erase", async |_| Ok(json!(true)));
    rpc.add(Role::Viewer, "fail", async |_| {
        Err(RpcError::new(42, "no").with_data(json!({"why": "so"})))
    });
    rpc.add(Role::Viewer, "broken", async |_| {
        let text = std::fs::read_to_string("/nonexistent/secret")?;
        Ok(json!(text))
    });
    rpc
}

#[track_caller]
fn json_call(body: &str, expected: Value) {
    let caller = Caller::nobody(Some(Role::Viewer));
    let answer = block_on(answer_json(&rpc(), body.as_bytes(), &caller));
    let answer = answer.map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap());
    assert_eq!(answer, expected, "{body}");
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

fn error(id: Value, code: i32, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

#[test]
fn json_calls_by_name_and_by_place() {
    json_call(
        r#"{"jsonrpc":"2.0","id":1,"method":"sum","params":{"a":1,"b":2}}"#,
        json!({"jsonrpc": "2.0", "id": 1, "result": 3.0}),
    );
    json_call(
        r#" {"jsonrpc":"2.0","id":"x","method":"sum","params":[1.5,2]}"#,
        json!({"jsonrpc": "2.0", "id": "x", "result": 3.5}),
    );
    json_call(
        r#"{"jsonrpc":"2.0","id":1,"method":"echo"}"#,
        json!({"jsonrpc": "2.0", "id": 1, "result": null}),
    );
}

#[test]
fn json_errors_have_the_codes_of_the_specification() {
    json_call("{", error(Value::Null, -32700, "Parse error"));
    json_call("[1", error(Value::Null, -32700, "Parse error"));
    json_call("", error(Value::Null, -32700, "Parse error"));
    json_call("[]", error(Value::Null, -32600, "Invalid request"));
    json_call("1", error(Value::Null, -32600, "Invalid request"));
    json_call(r#"{"id":1}"#, error(Value::Null, -32600, "Invalid request"));
    json_call(
        r#"{"jsonrpc":"2.0","id":1,"method":"none"}"#,
        error(json!(1), -32601, "Method not found"),
    );
    json_call(
        r#"{"jsonrpc":"2.0","id":1,"method":"sum","params":[1]}"#,
        error(json!(1), -32602, "b has to be a number"),
    );
    json_call(
        r#"{"jsonrpc":"2.0","id":1,"method":"fail"}"#,
        json!({"jsonrpc": "2.0", "id": 1,
            "error": {"code": 42, "message": "no", "data": {"why": "so"}}}),
    );
}

#[test]
fn what_went_wrong_inside_stays_inside() {
    json_call(
        r#"{"jsonrpc":"2.0","id":1,"method":"broken"}"#,
        error(json!(1), -32603, "internal error"),
    );
}

#[test]
fn a_method_above_ones_role_is_refused_over_both_protocols() {
    let message = "this method needs the role admin";
    json_call(
        r#"{"jsonrpc":"2.0","id":1,"method":"erase"}"#,
        error(json!(1), -32003, message),
    );
    let answer = xml_call("<methodCall><methodName>erase</methodName></methodCall>");
    assert!(
        answer.contains("-32003") && answer.contains(message),
        "{answer}"
    );
}

#[test]
fn batches_answer_calls_and_not_notifications() {
    let one = r#"{"jsonrpc":"2.0","id":1,"method":"echo","params":[1]}"#;
    let note = r#"{"jsonrpc":"2.0","method":"echo","params":[1]}"#;
    json_call(
        &format!("[{one},{note},7]"),
        json!([{"jsonrpc": "2.0", "id": 1, "result": [1]},
            error(Value::Null, -32600, "Invalid request")]),
    );
    json_call(&format!("[{note},{note}]"), Value::Null);
    json_call(note, Value::Null);
    let many = vec![one; 101].join(",");
    json_call(
        &format!("[{many}]"),
        error(Value::Null, -32600, "a batch holds at most 100 calls"),
    );
}

#[test]
fn deep_json_is_an_error_and_not_a_crash() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"echo","params":{deep}}}"#);
    let caller = Caller::nobody(Some(Role::Viewer));
    let answer = block_on(answer_json(&rpc(), body.as_bytes(), &caller)).unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert!(
        answer["error"]["code"].as_i64().unwrap() <= -32600,
        "{answer}"
    );
    block_on(answer_json(&rpc(), deep.as_bytes(), &caller)).unwrap();
}

fn xml_call(body: &str) -> String {
    let caller = Caller::nobody(Some(Role::Viewer));
    let bytes = block_on(answer_xml(&rpc(), body.as_bytes(), &caller));
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn xml(method: &str, params: &str) -> String {
    xml_call(&format!(
        "<?xml version=\"1.0\"?>\n<methodCall><methodName>{method}</methodName>\
         <params>{params}</params></methodCall>"
    ))
}

fn param(value: &str) -> String {
    format!("<param><value>{value}</value></param>")
}

#[test]
fn xml_calls_by_place_and_by_name() {
    let sum = xml(
        "sum",
        &[param("<i4>1</i4>"), param("<double>2.5</double>")].concat(),
    );
    assert!(sum.contains("<double>3.5</double>"), "{sum}");
    let named = "<struct><member><name>a</name><value><int>1</int></value></member>\
        <member><name>b</name><value><i8>2</i8></value></member></struct>";
    let sum = xml("sum", &param(named));
    assert!(sum.contains("<double>3</double>"), "{sum}");
    let echo = xml(
        "echo",
        &[
            param("<string>&lt;a&gt;</string>"),
            param("<boolean>1</boolean>"),
        ]
        .concat(),
    );
    assert!(echo.contains("<string>&lt;a&gt;</string>") && echo.contains("<boolean>1</boolean>"));
}

#[test]
fn xml_faults_have_the_same_codes() {
    for (body, code) in [
        ("<methodCall>", "-32700"),
        ("", "-32700"),
        ("<methodCall></methodCall>", "-32700"),
        (
            "<methodCall><methodName>none</methodName></methodCall>",
            "-32601",
        ),
        (
            "<methodCall><methodName>sum</methodName></methodCall>",
            "-32602",
        ),
        (
            "<methodCall><methodName>fail</methodName></methodCall>",
            "42",
        ),
    ] {
        let answer = xml_call(body);
        let wanted = format!("<name>faultCode</name><value><i4>{code}</i4>");
        assert!(answer.contains(&wanted), "{body}: {answer}");
    }
}

#[test]
fn entity_bombs_and_deep_xml_are_refused() {
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>\
        <methodCall><methodName>&b;</methodName></methodCall>";
    assert!(xml_call(bomb).contains("document type"));
    let deep = "<value><array><data>".repeat(50_000);
    let deep = xml_call(&format!(
        "<methodCall><methodName>echo</methodName><params><param>{deep}"
    ));
    assert!(deep.contains("nested too deeply"), "{deep}");
    let entity = "<methodCall><methodName>&unknown;</methodName></methodCall>";
    assert!(xml_call(entity).contains("-32700"));
}

#[test]
fn xml_lists_methods_and_calls_several_at_once() {
    let list = xml("system.listMethods", "");
    assert!(list.contains("<string>echo</string>") && list.contains("<string>sum</string>"));
    let call = |name: &str| {
        format!(
            "<value><struct><member><name>methodName</name><value><string>{name}</string></value>\
             </member><member><name>params</name><value><array><data/></array></value></member>\
             </struct></value>"
        )
    };
    let calls = [call("echo"), call("none"), call("system.multicall")].concat();
    let answer = xml(
        "system.multicall",
        &param(&format!("<array><data>{calls}</data></array>")),
    );
    assert_eq!(answer.matches("faultCode").count(), 2, "{answer}");
}

#[test]
fn a_control_character_does_not_break_the_answer() {
    let mut rpc = Rpc::new();
    rpc.add(Role::Viewer, "odd", async |_| {
        Ok(json!({"a\u{1}": "b\u{0}c\n"}))
    });
    let caller = Caller::nobody(Some(Role::Viewer));
    let body = b"<methodCall><methodName>odd</methodName></methodCall>";
    let answer = block_on(answer_xml(&rpc, body, &caller));
    let answer = String::from_utf8(answer.to_vec()).unwrap();
    assert!(answer.contains("b\u{fffd}c\n"), "{answer}");
    assert!(dxr::MethodResponse::from_xml(&answer).is_ok());
}
