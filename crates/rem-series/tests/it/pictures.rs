use rem_series::{Declaration, Error, Field, Graph, ImageFormat, Line, Method, RrdFile};

use crate::{at, open, seconds};

#[test]
fn fields_are_drawn_as_png_and_svg() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for second in 0..300 {
        let sample = [
            ("in", Some(second as f64)),
            ("out", Some(100.0)),
            ("err", None),
        ];
        store
            .push("net/eth0", seconds(1), at(second), &sample)
            .unwrap();
    }
    let graph = Graph::new(at(0), at(300))
        .title("Traffic of eth0")
        .vertical_label("Bytes")
        .line(Line::new("net/eth0", "in"))
        .line(Line::new("net/eth0", "out").label("sent"))
        .line(
            Line::new("net/eth0", "err")
                .method(Method::Line)
                .colour("#00FF00".parse().unwrap()),
        );
    let png = store.graph(&graph).unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert!(
        side(16) >= 400 && side(20) >= 100,
        "{} x {}",
        side(16),
        side(20)
    );
    let bigger = store.graph(&graph.clone().size(800, 300)).unwrap();
    assert!(u32::from_be_bytes(bigger[16..20].try_into().unwrap()) >= side(16) + 400);
    let svg = String::from_utf8(store.graph(&graph.format(ImageFormat::Svg)).unwrap()).unwrap();
    assert!(svg.contains("<svg"));
    // The area and line colours of the first two, the chosen one of the third.
    for red in [234, 202, 236, 204] {
        let percent = f64::from(red) / 255.0 * 100.0;
        let colour = format!("rgb({}", percent.to_string().get(..5).unwrap_or("80%"));
        assert!(svg.contains(&colour), "{colour} is not in the picture");
    }
    assert!(svg.contains("rgb(0%,100%,0%"), "the chosen colour");
}

#[test]
fn no_text_of_a_user_is_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let field = "evil:STACK=x%s\\l'\"<b>&";
    store
        .push("a:b%n\\", seconds(1), at(0), &[(field, Some(1.0))])
        .unwrap();
    for text in [
        field,
        "STACK",
        "skipscale",
        "legend=x:color=ff0000",
        "%n%n%s%lf",
        "--daemon=/tmp/x",
        "\\",
        "a\\",
        "\\g",
        "",
        ":",
        "a\nb\0c",
        &"日本語".repeat(200),
    ] {
        let line = Line::new("a:b%n\\", field).label(text);
        let graph = Graph::new(at(-1), at(1)).title(text).vertical_label(text);
        let graph = graph.line(line.clone()).line(line);
        let png = store
            .graph(&graph)
            .unwrap_or_else(|e| panic!("{text:?}: {e}"));
        assert!(png.starts_with(b"\x89PNG"), "{text:?}");
    }
}

#[test]
fn what_cannot_be_drawn_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store
        .push("s", seconds(1), at(0), &[("v", Some(1.0))])
        .unwrap();
    let graph = Graph::new(at(0), at(10));
    let error = store
        .graph(&graph.clone().line(Line::new("s", "w")))
        .unwrap_err();
    assert_eq!(error.to_string(), "series s has no field: w");
    let error = store
        .graph(&graph.clone().line(Line::new("t", "v")))
        .unwrap_err();
    assert!(matches!(error, Error::NoSeries { .. }));
    let error = store.graph(&graph).unwrap_err();
    assert!(error.to_string().contains("at least one line"), "{error}");
    assert!("red".parse::<rem_series::Colour>().is_err());
}

#[test]
fn a_file_of_its_own_is_drawn_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("simplest.rrd");
    let declared = Declaration::default().field("random", Field::gauge());
    let mut file = RrdFile::open_or_create(&path, seconds(5), &declared).unwrap();
    file.push(at(0), &[("random", Some(67.0))]).unwrap();
    let graph = Graph::new(at(-10), at(0))
        .vertical_label("Random #s")
        .line(Line::new("", "random"));
    assert!(file.graph(&graph).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn the_example_leaves_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let picture = crate::embed::run(folder.path()).unwrap();
    assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"));
}
