use std::fs;

use super::{check, run};

fn rack(version: u32) -> String {
    format!(
        "megavisor: rack\nversion: {version}\nfunctions:\n  \
         query: {{argv: [cat, power], match: {{on: \"^on\", off: \"^off\"}}}}\n  \
         start: {{argv: [sh, -c, 'echo {version} >>started; echo on >power'], until: {{within: 5s}}}}\n\
         machines: {{web: {{}}}}\n"
    )
}

#[test]
fn versions_stand_side_by_side_and_one_may_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let put = |name: &str, text: &str| fs::write(here.join(name), text).unwrap();
    put("one.yaml", &rack(1));
    put("two.yaml", &rack(2));
    put("power", "off\n");
    put(
        "redeye-cloud.yaml",
        "data: data\nmegavisors: {rack@1: {file: one.yaml}, rack@2: {file: two.yaml}}\n",
    );
    check(here, "instance start web", 0, "web\n");
    put("power", "off\n");
    check(here, "instance start web -m rack@1", 0, "web\n");
    let started = fs::read_to_string(here.join("started")).unwrap();
    assert_eq!(started, "2\n1\n", "the newest, unless another is named");
    check(here, "instance list -m rack@3", 2, "");
    for (megavisors, why) in [
        (
            "{rack@2: {file: one.yaml}}",
            "its file is of version 1, not 2",
        ),
        (
            "{rack: {file: one.yaml}, rack@1: {file: one.yaml}}",
            "version 1 is there twice",
        ),
        ("{rack@x: {file: one.yaml}}", "the number of a version"),
    ] {
        put(
            "redeye-cloud.yaml",
            &format!("data: data\nmegavisors: {megavisors}\n"),
        );
        let output = run(here, "instance list");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(why), "{told}");
    }
}
