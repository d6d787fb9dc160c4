use rem_yaml::{At, IMPORT_DEPTH_MAX, Loader, Located, Node, Problems};

/// Follows `import:` (a pattern or a list of them) and collects every `name:`.
fn names(loader: &mut Loader, node: &Node, problems: &mut Problems) -> Option<Vec<String>> {
    let mut map = At::root(node).map(problems)?;
    let mut names: Vec<String> = map.optional("name", problems).into_iter().collect();
    let imports: Vec<Located<String>> = map.with_default("import", Vec::new(), problems);
    map.finish(problems);
    for pattern in imports {
        for file in loader.expand(&pattern, problems) {
            let more = loader.import(&file, problems, |loader, node, problems| {
                self::names(loader, &node, problems)
            });
            names.extend(more.into_iter().flatten());
        }
    }
    Some(names)
}

fn load(mut loader: Loader, path: &str) -> (Option<Vec<String>>, String, Vec<String>) {
    let mut problems = Problems::new();
    let names = loader.load(path, &mut problems, |loader, node, problems| {
        names(loader, &node, problems)
    });
    let files = loader.files().iter().map(|file| file.display().to_string());
    (names, problems.to_string(), files.collect())
}

#[test]
fn imports_are_relative_to_the_importing_file() {
    let loader = Loader::from_memory([
        ("etc/top.yaml", "import: [parts/a.yaml]\nname: top\n"),
        (
            "etc/parts/a.yaml",
            "import: [../b.yaml, ./c.yaml]\nname: a\n",
        ),
        ("etc/b.yaml", "name: b\n"),
        ("etc/parts/c.yaml", "name: c\n"),
    ]);
    let (names, problems, files) = load(loader, "etc/top.yaml");
    assert_eq!(problems, "");
    assert_eq!(names.unwrap(), ["top", "a", "b", "c"]);
    assert_eq!(
        files,
        [
            "etc/top.yaml",
            "etc/parts/a.yaml",
            "etc/b.yaml",
            "etc/parts/c.yaml"
        ]
    );
}

#[test]
fn a_circle_is_refused_with_the_whole_chain() {
    let loader = Loader::from_memory([
        ("top.yaml", "import: [a.yaml]\n"),
        ("a.yaml", "import: [x/../b.yaml]\n"),
        ("b.yaml", "import: [a.yaml]\n"),
    ]);
    let (_, problems, _) = load(loader, "top.yaml");
    assert_eq!(
        problems,
        "b.yaml:1:10: import[0]: imports in a circle: a.yaml → b.yaml → a.yaml\n  \
         help: remove one of these imports"
    );
}

#[test]
fn a_missing_file_is_a_problem_of_the_import() {
    let loader = Loader::from_memory([("etc/top.yaml", "import: [a.yaml, b.yaml]\n")]);
    let (names, problems, _) = load(loader, "etc/top.yaml");
    assert!(names.is_some(), "what is there is still read");
    let help = "\n  help: paths are relative to the folder of etc/top.yaml";
    assert_eq!(
        problems,
        format!(
            "etc/top.yaml:1:10: import[0]: cannot read etc/a.yaml: it does not exist{help}\n\
             etc/top.yaml:1:18: import[1]: cannot read etc/b.yaml: it does not exist{help}"
        )
    );
}

#[test]
fn the_first_file_can_be_missing_too() {
    let (_, problems, _) = load(Loader::from_memory([("a", "")]), "top.yaml");
    assert_eq!(
        problems,
        "top.yaml: cannot read the file: it does not exist"
    );
}

#[test]
fn mistakes_of_all_files_are_listed() {
    let loader = Loader::from_memory([
        ("top.yaml", "import: [a.yaml, b.yaml]\nnmae: x\n"),
        ("a.yaml", "name: [\n"),
        ("b.yaml", "name: 5\n"),
    ]);
    let (_, problems, _) = load(loader, "top.yaml");
    let places: Vec<&str> = problems
        .lines()
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(places, ["a.yaml:1:7", "b.yaml:1:7", "top.yaml:2:1"]);
}

#[test]
fn patterns_name_files_in_order_and_may_name_none() {
    let loader = Loader::from_memory([
        (
            "etc/top.yaml",
            "import: ['*.yaml', 'conf.d/*.yaml', 'conf.d/*.yml', '*/deep/?.yaml']\n",
        ),
        ("etc/conf.d/b.yaml", "name: b\n"),
        ("etc/conf.d/a.yaml", "name: a\n"),
        ("etc/conf.d/.hidden.yaml", "name: hidden\n"),
        ("etc/conf.d/readme.txt", "not yaml: ["),
        ("etc/x/deep/1.yaml", "name: one\n"),
        ("etc/x/deep/10.yaml", "name: ten\n"),
    ]);
    let (names, problems, _) = load(loader, "etc/top.yaml");
    assert_eq!(problems, "");
    assert_eq!(names.unwrap(), ["a", "b", "one"]);
}

#[test]
fn a_pattern_in_a_folder_that_does_not_exist_is_a_problem() {
    let loader = Loader::from_memory([("top.yaml", "import: ['conf.d/*.yaml']\n")]);
    let (_, problems, _) = load(loader, "top.yaml");
    assert_eq!(
        problems,
        "top.yaml:1:10: import[0]: cannot list conf.d: it does not exist"
    );
}

#[test]
fn a_long_row_of_imports_is_refused() {
    let files = (0..100).map(|n| (format!("{n}.yaml"), format!("import: [{}.yaml]\n", n + 1)));
    let (_, problems, files) = load(Loader::from_memory(files), "0.yaml");
    assert_eq!(
        problems,
        "31.yaml:1:10: import[0]: more than 32 imports in a row"
    );
    assert_eq!(files.len(), IMPORT_DEPTH_MAX);
}

#[test]
fn files_are_read_from_the_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "top.yaml",
        "import: ['part-*.yaml', gone.yaml, .]\nname: top\n",
    );
    write("part-2.yaml", "name: two\n");
    write("part-1.yaml", "name: one\n");
    let top = folder.path().join("top.yaml");
    let (names, problems, _) = load(Loader::new(), top.to_str().unwrap());
    assert_eq!(names.unwrap(), ["top", "one", "two"]);
    assert!(
        problems.contains("gone.yaml: it does not exist"),
        "{problems}"
    );
    assert!(problems.contains("it is a folder"), "{problems}");
}
