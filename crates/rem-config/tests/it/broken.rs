//! Every file in `tests/broken` is refused, with exactly the words in the
//! `.expected` file next to it. `UPDATE_GOLDEN=1 cargo test -p rem-config`
//! rewrites those; read the difference before you commit it.

use std::fs;
use std::path::{Path, PathBuf};

use rem_config::load;

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
