use bytes::Bytes;
use serde_json::json;

use super::{Form, parse};

fn form(query: &str, kind: &str, body: &'static str) -> Form {
    parse(query, kind, &Bytes::from_static(body.as_bytes()))
}

#[test]
fn query_and_form_are_merged_and_the_form_wins() {
    let form = form(
        "a=1&b=from+query&c%20d=%C3%A4",
        "application/x-www-form-urlencoded; charset=utf-8",
        "b=from%20form&e",
    );
    let expected = json!({"a": "1", "b": "from form", "c d": "ä", "e": ""});
    assert_eq!(serde_json::Value::Object(form.args), expected);
}

#[test]
fn names_with_brackets_are_lists() {
    let form = form("tag[]=x&tag[]=y&one=1&one=2", "", "");
    let expected = json!({"tag": ["x", "y"], "one": "2"});
    assert_eq!(serde_json::Value::Object(form.args), expected);
}

#[test]
fn an_uploaded_file_has_its_name_beside_it() {
    let body = "--X\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n\
        --X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\
        Content-Type: text/plain\r\n\r\nline\r\n\r\n--not the end\r\n--X--\r\n";
    let form = form("", "multipart/form-data; boundary=X", body);
    let expected = json!({
        "note": "hello", "file": "line\r\n\r\n--not the end", "file_filename": "a.txt"
    });
    assert_eq!(serde_json::Value::Object(form.args), expected);
    assert_eq!(form.uploads[0].content_type, "text/plain");
    assert_eq!(&form.uploads[0].bytes[..4], b"line");
}

#[test]
fn a_json_object_is_merged_and_other_json_is_not() {
    let with = |body| form("a=1", "application/json", body).args;
    assert_eq!(with(r#"{"b":[2]}"#).get("b"), Some(&json!([2])));
    assert_eq!(with("[1]").len(), 1);
    assert_eq!(with("{broken").len(), 1);
}

#[test]
fn broken_forms_are_read_as_far_as_they_go() {
    for body in [
        "--X",
        "--X\r\n",
        "--X--",
        "",
        "--X\r\n\r\n--X",
        "no boundary at all",
    ] {
        assert!(
            form("", "multipart/form-data; boundary=X", body)
                .args
                .is_empty()
        );
    }
    assert_eq!(form("%zz=%C3&=&&a", "", "").args.len(), 3);
    let many: String = (0..5_000).map(|n| format!("k{n}=1&")).collect();
    assert_eq!(form(&many, "", "").args.len(), 1_000);
}
