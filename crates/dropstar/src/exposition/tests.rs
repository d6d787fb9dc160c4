use super::*;

fn written(exposition: Exposition) -> String {
    let mut page = Samples::new(exposition);
    page.family("rem_checks_total", Family::Counter, "a \\ and\na \"line\"");
    page.sample(&[("verdict", "o\"k\\\n")], Some(3.0));
    page.sample(&[("verdict", "bad")], None);
    page.one("rem_up", Family::Gauge, "up", 0.25);
    page.end()
}

#[test]
fn prometheus_text_is_exact() {
    assert_eq!(
        written(Exposition::Text),
        "# HELP rem_checks_total a \\\\ and\\na \"line\"\n\
         # TYPE rem_checks_total counter\n\
         rem_checks_total{verdict=\"o\\\"k\\\\\\n\"} 3\n\
         rem_checks_total{verdict=\"bad\"} NaN\n\
         # HELP rem_up up\n\
         # TYPE rem_up gauge\n\
         rem_up 0.25\n"
    );
}

#[test]
fn openmetrics_names_a_counter_without_its_suffix_and_has_an_end() {
    assert_eq!(
        written(Exposition::OpenMetrics),
        "# HELP rem_checks a \\\\ and\\na \\\"line\\\"\n\
         # TYPE rem_checks counter\n\
         rem_checks_total{verdict=\"o\\\"k\\\\\\n\"} 3\n\
         rem_checks_total{verdict=\"bad\"} NaN\n\
         # HELP rem_up up\n\
         # TYPE rem_up gauge\n\
         rem_up 0.25\n\
         # EOF\n"
    );
}

#[test]
fn the_accept_header_decides_which_text() {
    let of = Exposition::accepted;
    assert_eq!(of(""), Exposition::Text);
    assert_eq!(of("*/*"), Exposition::Text);
    assert_eq!(of("application/json"), Exposition::Text);
    assert_eq!(
        of("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"),
        Exposition::OpenMetrics
    );
    assert_eq!(
        of("application/openmetrics-text;q=0.2, text/plain;q=0.9"),
        Exposition::Text
    );
}

#[test]
fn numbers_are_written_as_go_reads_them() {
    let written = |value| {
        let mut text = String::new();
        number(&mut text, value);
        text
    };
    assert_eq!(written(0.0), "0");
    assert_eq!(written(-1.5), "-1.5");
    assert_eq!(written(1e30), "1e30");
    assert_eq!(written(2.5e-9), "2.5e-9");
    assert_eq!(written(f64::INFINITY), "+Inf");
    assert_eq!(written(f64::NEG_INFINITY), "-Inf");
    assert_eq!(written(f64::NAN), "NaN");
}
