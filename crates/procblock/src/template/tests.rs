use serde_json::json;

use super::*;

#[track_caller]
fn shows(template: &str, expected: Result<&str, &str>) {
    let data =
        json!({"name": "web 1", "load": {"short": 4.5}, "hosts": ["a", "b"], "evil": "'; rm"});
    let rendered = render(template, &Scope::of(data.as_object().unwrap()));
    assert_eq!(
        rendered.as_deref(),
        expected.map_err(str::to_owned).as_deref(),
        "{template}"
    );
}

#[test]
fn templates_show_values_of_both_notations() {
    shows("{{ name }}: {{ load.short }}", Ok("web 1: 4.5"));
    shows("{% for h in hosts %}[{{ h }}]{% endfor %}", Ok("[a][b]"));
    shows("%(name)s: %(load.short)s", Ok("web 1: 4.5"));
    shows(
        "width: 100%; %% %(hosts)s",
        Ok("width: 100%; % [\"a\",\"b\"]"),
    );
    shows("no template", Ok("no template"));
}

#[test]
fn a_name_nobody_knows_is_an_error_in_the_old_notation() {
    shows("%(nobody)s", Err("nothing is known as nobody"));
}

#[test]
fn the_sh_filter_makes_one_word() {
    shows("echo {{ evil|sh }}", Ok("echo ''\\''; rm'"));
}

#[test]
fn a_broken_template_says_where() {
    assert!(check("{{ name").unwrap_err().contains("line 1"));
    assert_eq!(check("{{ name }}"), Ok(()));
}

#[test]
fn an_endless_template_ends() {
    shows(
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        Err("engine ran out of fuel, line 1"),
    );
}
