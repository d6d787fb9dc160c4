use super::*;

#[test]
fn the_kernels_line_becomes_five_readings() {
    let load = parse_loadavg("0.75 0.25 0.13 1/93 6693\n").unwrap();
    assert_eq!(load.averages, [0.75, 0.25, 0.13]);
    assert_eq!((load.runnable, load.tasks), (1, 93));
}

#[test]
fn what_is_no_loadavg_is_refused_with_its_place() {
    for text in [
        "",
        "0.75",
        "a b c 1/2 3",
        "0.1 0.2 0.3 12 3",
        "0.1 NaN 0.3 1/2 3",
    ] {
        let error = parse_loadavg(text).unwrap_err().to_string();
        assert!(error.starts_with("loadavg:1: expected"), "{text}: {error}");
    }
}
