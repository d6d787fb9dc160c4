#![allow(clippy::unwrap_used)]

use super::*;

fn graph() -> Graph {
    Graph::new(Timestamp::from_seconds(1000), Timestamp::from_seconds(2000))
}

#[track_caller]
fn check(graph: &Graph, expected: &[&str]) {
    let path = Path::new("/a:b/x.rrd");
    let sources: Vec<_> = graph
        .lines
        .iter()
        .map(|_| (path, "ds", Consolidation::Average))
        .collect();
    let arguments = arguments(graph, &sources);
    let drawn: Vec<&str> = arguments.iter().skip(16).map(String::as_str).collect();
    assert_eq!(drawn, expected);
}

#[test]
fn stacked_fields_are_areas_with_lines_on_their_sums() {
    let graph = graph()
        .line(Line::new("s", "in"))
        .line(Line::new("s", "out").label("sent"));
    check(
        &graph,
        &[
            "DEF:v0=/a\\:b/x.rrd:ds:AVERAGE",
            "DEF:v1=/a\\:b/x.rrd:ds:AVERAGE",
            "CDEF:s0=v0",
            "AREA:v0#EA644A:legend=in",
            "GPRINT:v0:LAST:%8.2lf%s\\l",
            "CDEF:s1=s0,v1,ADDNAN",
            "AREA:v1#EC9D48:legend=sent:STACK",
            "GPRINT:v1:LAST:%8.2lf%s\\l",
            "LINE1:s0#CA442A",
            "LINE1:s1#CC7D28",
            "COMMENT:1970-01-01T00\\:33\\:20Z\\r",
        ],
    );
}

#[test]
fn a_line_between_ends_the_stack() {
    let red: Colour = "ff000080".parse().unwrap();
    let graph = graph()
        .line(Line::new("s", "a"))
        .line(Line::new("s", "b").method(Method::Line).colour(red))
        .line(Line::new("s", "c"));
    check(
        &graph,
        &[
            "DEF:v0=/a\\:b/x.rrd:ds:AVERAGE",
            "DEF:v1=/a\\:b/x.rrd:ds:AVERAGE",
            "DEF:v2=/a\\:b/x.rrd:ds:AVERAGE",
            "CDEF:s0=v0",
            "AREA:v0#EA644A:legend=a",
            "GPRINT:v0:LAST:%8.2lf%s\\l",
            "LINE1:v1#FF000080:legend=b",
            "GPRINT:v1:LAST:%8.2lf%s\\l",
            "LINE1:s0#CA442A",
            "CDEF:s2=v2",
            "AREA:v2#ECD748:legend=c",
            "GPRINT:v2:LAST:%8.2lf%s\\l",
            "LINE1:s2#CCB728",
            "COMMENT:1970-01-01T00\\:33\\:20Z\\r",
        ],
    );
}

#[test]
fn texts_lose_their_meaning_and_keep_their_look() {
    assert_eq!(legend("a:b=c%d\\l\n"), "legend=a\\:b=c%d\u{2216}l ");
    assert_eq!(plain(&"ä".repeat(200)).len(), TEXT_MAX);
    assert_eq!("#ca442a".parse::<Colour>().unwrap().to_string(), "#CA442A");
    assert!("#ca442a:STACK".parse::<Colour>().is_err());
    assert_eq!("stack".parse::<Method>().unwrap(), Method::Stack);
    assert!("pie".parse::<Method>().is_err());
}
