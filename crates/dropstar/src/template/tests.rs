use std::time::Duration;

use serde_json::json;

use super::Templates;

#[test]
fn what_a_template_prints_is_escaped() {
    let templates = Templates::new().embedded("a.html", "<p>{{ text }}</p>");
    let html = templates
        .render("a.html", json!({"text": "<b>&\"'"}))
        .unwrap();
    assert_eq!(html, "<p>&lt;b&gt;&amp;&quot;&#x27;</p>");
}

#[test]
fn a_changed_file_is_read_again_and_a_new_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let templates = Templates::new()
        .folder(folder.path())
        .embedded("a.html", "embedded")
        .check_every(Duration::ZERO);
    let render = || templates.render("a.html", json!({})).unwrap();
    assert_eq!(render(), "embedded");
    let path = folder.path().join("a.html");
    std::fs::write(&path, "one").unwrap();
    assert_eq!(render(), "one");
    std::fs::write(&path, "two").unwrap();
    let later = std::time::SystemTime::now() + Duration::from_secs(2);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(later).unwrap();
    assert_eq!(render(), "two");
    std::fs::remove_file(path).unwrap();
    assert_eq!(render(), "embedded");
}

#[test]
fn a_template_cannot_be_taken_from_outside_of_its_folder() {
    let outer = tempfile::tempdir().unwrap();
    let inner = outer.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(outer.path().join("secret.html"), "secret").unwrap();
    let templates = Templates::new().folder(inner);
    let absolute = outer.path().join("secret.html");
    for name in [
        "../secret.html",
        absolute.to_str().unwrap(),
        "a\0b",
        "./../secret.html",
    ] {
        assert!(templates.render(name, json!({})).is_err(), "{name}");
    }
}

#[test]
fn a_mistake_names_the_template_and_the_line() {
    let templates = Templates::new().embedded("a.html", "one\n{% if %}");
    let error = templates
        .render("a.html", json!({}))
        .unwrap_err()
        .to_string();
    assert!(error.contains("a.html:2"), "{error}");
    let error = templates
        .render("none.html", json!({}))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cannot render template none.html"),
        "{error}"
    );
}

#[test]
fn a_loop_without_end_is_stopped() {
    let source = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
    let templates = Templates::new().embedded("a.html", source);
    let error = templates
        .render("a.html", json!({}))
        .unwrap_err()
        .to_string();
    assert!(error.contains("fuel"), "{error}");
}

#[test]
fn every_macro_renders_without_style_attributes_and_scripts() {
    let source = r#"{% from "macros.html" import pill, state, heartbeat, card, figure, chart,
        sparkline, csrf, when, note, empty, icon %}
        {% for s in ["ok", "warning", "critical", "unknown", "paused"] %}
        {{ pill(s) }}{{ pill(s, "<x>", large=true) }}{{ state(s) }}{% endfor %}
        {{ heartbeat(["ok", "critical", {"status": "unknown", "title": "no answer"}], slots=5) }}
        {{ heartbeat([]) }}
        {% call card("Disk", "warning") %}inside{% endcall %}
        {{ figure("Load", 3.5, "%", live="load.one") }}
        {{ chart("Latency", "/latency.json?range=1h&x=1", refresh=10, large=true) }}
        {{ sparkline([1, none, 3, 2], "trend") }}{{ sparkline([5], "flat") }}{{ sparkline([5, 5], "flat") }}
        {{ csrf("tok\"en") }}{{ when("2010-08-18T06:54:51Z") }}
        {% call note("critical") %}careful{% endcall %}{{ empty("Nothing", "yet") }}"#;
    let templates = Templates::new().embedded("all.html", source);
    let html = templates.render("all.html", json!({})).unwrap();
    assert!(!html.contains("style=") && !html.contains("<script") && !html.contains("onclick"));
    assert_eq!(html.matches("beat-none").count(), 2 + 40);
    assert!(html.contains("newest Unknown"), "{html}");
    assert!(
        html.contains("&lt;x&gt;") && html.contains("M0.0 30.0L50.0 2.0"),
        "{html}"
    );
    assert!(html.contains("value=\"tok&quot;en\""));
}
