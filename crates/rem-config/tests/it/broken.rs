//! Every file in `tests/broken` is refused, with exactly the words in the
//! `.expected` file next to it. `UPDATE_GOLDEN=1 cargo test -p rem-config`
//! rewrites those; read the difference before you commit it.

use std::fs;
use std::path::{Path, PathBuf};

use rem_config::{load, load_with};
use rem_yaml::Loader;

const FOLDER: &str = "tests/broken";

fn broken_files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| Path::new(FOLDER).join(entry.unwrap().file_name()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_broken_file_is_refused_in_the_expected_words() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut different = Vec::new();
    for file in broken_files() {
        let problems = load(&file).expect_err(&file.display().to_string());
        let found = format!("{problems}\n");
        let golden = file.with_extension("expected");
        if update {
            fs::write(&golden, &found).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            different.push(format!("{}:\n{found}expected:\n{expected}", file.display()));
        }
    }
    assert!(
        different.is_empty(),
        "{}\nUPDATE_GOLDEN=1 rewrites them",
        different.join("\n")
    );
}

#[test]
fn there_are_enough_broken_files_and_no_words_without_a_file() {
    let files = broken_files();
    assert!(files.len() >= 40, "{}", files.len());
    for entry in fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "expected") {
            assert!(path.with_extension("yaml").exists(), "{}", path.display());
        }
    }
}

#[test]
fn every_problem_says_where_and_what_instead() {
    for file in broken_files() {
        let problems = load(&file).unwrap_err();
        for problem in problems.sorted() {
            assert!(
                problem.place.file.starts_with(FOLDER),
                "{}: {problem}",
                file.display()
            );
            assert!(!problem.message.contains("hunter2"), "a secret is shown");
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_a_problem() {
    assert_eq!(
        load("tests/broken/nowhere.yaml").unwrap_err().to_string(),
        "tests/broken/nowhere.yaml: cannot read the file: it does not exist"
    );
}

#[test]
fn five_thousand_levels_in_one_circle_are_refused_with_the_circle() {
    const MONITORS: usize = 10;
    const LEVELS: usize = 500;
    let mut text =
        "machines: {web-01: {address: 192.0.2.1}}\npackages:\n  p:\n    monitors:\n".to_owned();
    for monitor in 0..MONITORS {
        text.push_str(&format!(
            "      m{monitor}:\n        check: ping\n        levels:\n"
        ));
        for level in monitor * LEVELS..(monitor + 1) * LEVELS {
            let next = (level + 1) % (MONITORS * LEVELS);
            text.push_str(&format!(
                "          l{level}: {{when: 'state(\"s{level}\") == 1', set: {{state: s{next}, value: 1}}}}\n"
            ));
        }
    }
    text.push_str("services: {web: {packages: [p], deployments: {prod: {machines: [web-01]}}}}\n");
    let loader = Loader::from_memory([("monitor.yaml", text.as_str())]);
    let problems = load_with(loader, "monitor.yaml")
        .expect_err("loaded")
        .to_string();
    assert_eq!(problems.lines().count(), 2, "{problems}");
    let start =
        "levels feed each other in a circle: m0/l0 sets `s1`, m0/l1 reads it and sets `s2`, ";
    assert!(problems.contains(start), "{problems}");
    assert!(problems.contains("4992 more, "), "{problems}");
    assert!(
        problems.contains("m9/l4999 reads it and sets `s0`, m0/l0 reads it"),
        "{problems}"
    );
    // And where the circle is open, it is a configuration like any other.
    let open = text.replace("state(\"s0\") == 1", "status != ok");
    let loader = Loader::from_memory([("monitor.yaml", open.as_str())]);
    let config = load_with(loader, "monitor.yaml").unwrap();
    assert_eq!(config.monitors().len(), MONITORS);
}
