use std::fs;

use super::*;

async fn found(folder: &FilePath, yaml: &str) -> (String, String) {
    let file = folder.join("block.yaml");
    fs::write(&file, yaml).unwrap();
    let block = Block::load(&file).unwrap();
    let checked = check(&block, FilePath::new("python3")).await;
    let shown = |problems: &Problems| {
        problems
            .to_string()
            .replace(&format!("{}/", folder.display()), "")
    };
    (shown(&checked.problems), shown(&checked.warnings))
}

#[tokio::test]
async fn a_block_in_order_has_no_problems() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("load.py"),
        "def ProcessBlock(*a, **k):\n    return {'load': 4}\n",
    )
    .unwrap();
    let yaml = "run:\n  - script: load.py\nif load > 3:\n  high: true\n";
    assert_eq!(
        found(folder.path(), yaml).await,
        (String::new(), String::new())
    );
}

#[tokio::test]
async fn a_missing_script_is_named_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (problems, _) = found(folder.path(), "run:\n  - script: gone.py\n").await;
    assert_eq!(
        problems,
        "block.yaml:2:13: run[0].script: script does not exist: gone.py"
    );
}

#[tokio::test]
async fn python_two_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("old.py"), "import os\nprint 'hello'\n").unwrap();
    let (problems, _) = found(folder.path(), "run:\n  - script: old.py\n").await;
    assert!(
        problems.starts_with("old.py:2:1: Missing parentheses in call to 'print'"),
        "{problems}"
    );
    assert!(
        problems
            .ends_with("help: this looks like Python 2: scripts are Python 3, 2to3 converts most"),
        "{problems}"
    );
}

#[tokio::test]
async fn names_that_nothing_sets_and_exchanged_sides_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let yaml =
        "boing: up\nif boimg == \"up\":\n  a: 1\nif hosts in \"web\":\n  b: 1\nset hosts: []\n";
    let (problems, warnings) = found(folder.path(), yaml).await;
    assert_eq!(problems, "");
    assert_eq!(
        warnings,
        "block.yaml:2:1: nothing in this file or its scripts sets this name: boimg\n\
         block.yaml:4:1: \"in\" means that the left is a member of the right: hosts in \"web\"\n  \
         help: blocks of 2010 had the sides the other way round, there it is \"has\""
    );
}
