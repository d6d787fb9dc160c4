//! Files that are not in order: every mistake, with its place.

use std::fs;

use procblock::Block;

#[track_caller]
fn says(yaml: &str, expected: &str) {
    let problems = Block::parse("b.yaml", yaml).expect_err(yaml).to_string();
    assert_eq!(problems, expected, "{yaml}");
}

#[test]
fn run_verbs() {
    says(
        "run:\n  - scrpt: a.py\n",
        "b.yaml:2:5: run[0].scrpt: unknown run verb: scrpt\n  help: did you mean script?",
    );
    says(
        "run:\n  - script: a.py\n    shell: ls\n",
        "b.yaml:3:5: run[0].shell: a run item has one verb, found script and shell\n  help: make it two items",
    );
    says(
        "run:\n  - cache: 5\n",
        "b.yaml:2:5: run[0].cache: this run item has no verb\n  help: known: script, shell, set, call, except, cd",
    );
    says(
        "run: simplest.py\n",
        "b.yaml:1:6: run: a list of items is expected, found the text \"simplest.py\"\n  help: write - script: name.py",
    );
    says(
        "run:\n  - simplest.py\n",
        "b.yaml:2:5: run[0]: a run item is expected, found the text \"simplest.py\"\n  help: write - script: name.py",
    );
    says(
        "run:\n  - script: a.py\n    tiemout: 5\n",
        "b.yaml:3:5: run[0].tiemout: unknown key tiemout\n  help: did you mean timeout?",
    );
    says(
        "run:\n  - call: nobody\n",
        "b.yaml:2:5: unknown function: nobody\n  help: the file has no __functions",
    );
}

#[test]
fn conditions() {
    says(
        "a: 1\nif a = 1:\n  b: 2\n",
        "b.yaml:2:6: \"if a = 1\": condition: unknown operator =, equality is ==",
    );
    says(
        "c:\n  if a == \"x:\n    b: 2\n",
        "b.yaml:2:11: c.\"if a == \\\"x\": condition: the closing \" is missing",
    );
    says(
        "if a == 1:\n  elif b >:\n    c: 1\n",
        "b.yaml:2:11: \"if a == 1\".\"elif b >\": condition: a value or a name is missing",
    );
    says(
        "else:\n  b: 2\n",
        "b.yaml:1:1: else: else stands outside of an if block\n  help: put it inside the if block, as one of its keys",
    );
    says(
        "if a == 1: yes\n",
        "b.yaml:1:12: \"if a == 1\": a map is expected, found the text \"yes\"",
    );
    says(
        "conditions:\n  - else: {a: 1}\n  - if b: {a: 2}\n",
        "b.yaml:2:5: conditions[0].else: else must be the last item",
    );
}

#[test]
fn imports() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let says = |name: &str| {
        let problems = Block::load(folder.path().join(name))
            .unwrap_err()
            .to_string();
        problems.replace(&format!("{}/", folder.path().display()), "")
    };
    write("a.yaml", "x: 1\n__import__b: b.yaml\n");
    write("b.yaml", "__import__a: a.yaml\n");
    assert_eq!(
        says("a.yaml"),
        "b.yaml:1:14: __import__a: files import each other: a.yaml -> b.yaml -> a.yaml"
    );
    write("missing.yaml", "part:\n  __import__x: gone.yaml\n");
    assert_eq!(
        says("missing.yaml"),
        "missing.yaml:2:16: part.__import__x: imported file does not exist: gone.yaml"
    );
    write("wrong.yaml", "__import__x: [1]\n");
    assert_eq!(
        says("wrong.yaml"),
        "wrong.yaml:1:14: __import__x: a file is expected, found a list"
    );
    write("outer.yaml", "__import__x: inner.yaml\n");
    write("inner.yaml", "run:\n  - scrpt: a.py\n");
    assert_eq!(
        says("outer.yaml"),
        "inner.yaml:2:5: x.run[0].scrpt: unknown run verb: scrpt\n  help: did you mean script?"
    );
    assert!(says("nothing.yaml").starts_with("nothing.yaml: cannot read nothing.yaml: "));
}

#[test]
fn the_text_itself() {
    let tab = Block::parse("b.yaml", "run:\n\t- script: a.py\n")
        .unwrap_err()
        .to_string();
    assert!(tab.starts_with("b.yaml:2:1: "), "{tab}");
    let twice = Block::parse("b.yaml", "run: []\nload: 1\nrun: []\n")
        .unwrap_err()
        .to_string();
    assert!(twice.starts_with("b.yaml:3:1: "), "{twice}");
    says("- a\n- b\n", "b.yaml:1:1: a map is expected, found a list");
}

#[test]
fn priorities_and_threads() {
    says(
        "a:\n  __priority: soon\n",
        "b.yaml:2:15: a.__priority: a priority is a whole number, found the text \"soon\"",
    );
    says(
        "run:\n  - script: a.py\n    cache: [5]\n",
        "b.yaml:3:12: run[0].cache: cache is an interval or the name of the thread, found a list\n  help: cache: 5 runs it every 5 seconds",
    );
    says(
        "run:\n  - script: a.py\n    cache: -5\n",
        "b.yaml:3:12: run[0].cache: a length of time above zero is expected",
    );
    says(
        "run:\n  - script: a.py\n    thread_id: x\n",
        "b.yaml:3:5: run[0].thread_id: thread_id needs cache\n  help: add cache: 5 to run it every 5 seconds",
    );
    says(
        "run:\n  - script: a.py\n    cache: 5\n    history: 0\n",
        "b.yaml:4:14: run[0].history: a whole number of 1 or more is expected, found the number 0",
    );
}

#[test]
fn time_series() {
    let collect = |lines: &str| format!("run:\n  - script: a.py\n    timeseries collect:\n{lines}");
    says(
        &collect("      path: a.rrd\n      fields:\n        load: {type: GUAGE}\n"),
        "b.yaml:6:22: run[0].\"timeseries collect\".fields.load.type: unknown type of a field: GUAGE\n  help: did you mean GAUGE?",
    );
    says(
        &collect("      path: a.rrd\n"),
        "b.yaml:4:7: run[0].\"timeseries collect\": fields is missing\n  help: fields: {random: {type: GAUGE}}",
    );
    says(
        &collect(
            "      path: a.rrd\n      fields: {load: GAUGE}\n      graph:\n        - path: a.png\n          fields: [lod]\n",
        ),
        "b.yaml:8:19: run[0].\"timeseries collect\".graph[0].fields: this field is not collected: lod\n  help: did you mean load?",
    );
}

#[test]
fn programs_and_locks() {
    says(
        "run:\n  - script: a.sh\n    parse: jsn\n",
        "b.yaml:3:12: run[0].parse: unknown way to read output: jsn\n  help: did you mean json?",
    );
    says(
        "run:\n  - script: a.sh\n    pattern: 'up [0-9'\n",
        "b.yaml:3:14: run[0].pattern: not a regular expression: unclosed character class",
    );
    says(
        "run:\n  - script: a.sh\n    args: ['{{ x']\n",
        "b.yaml:3:12: run[0].args[0]: not a template: syntax error: unexpected end of input, expected end of variable block, line 1",
    );
    says(
        "require lock: {name: db, timeout_exception: busy}\n",
        "b.yaml:1:15: \"require lock\": timeout is missing: the wait would never end",
    );
    says(
        "run:\n  - shell: {command: ls}\n",
        "b.yaml:2:12: run[0].shell: cmd is missing\nb.yaml:2:13: run[0].shell.command: unknown key command\n  help: known keys: cmd, interpreter, pipefail, check",
    );
}

#[test]
fn usage() {
    says(
        "__usage:\n  daemon: true\n  optons: {}\n",
        "b.yaml:2:3: __usage.daemon: daemon is not offered\n  help: write longrunning: true and let the service manager start it\nb.yaml:3:3: __usage.optons: unknown key optons\n  help: did you mean options?",
    );
    says(
        "__usage:\n  options:\n    limit: {letter: ll, type: numbr}\n",
        "b.yaml:3:21: __usage.options.limit.letter: one letter is expected, found: ll\nb.yaml:3:31: __usage.options.limit.type: unknown type of an option: numbr\n  help: known: flag, value, number",
    );
}

#[test]
fn all_mistakes_at_once() {
    says(
        "if a = 1: {}\nrun:\n  - scrpt: a\n  - shell: ls\n    cache: []\nx:\n  __priority: no\n",
        "b.yaml:1:6: \"if a = 1\": condition: unknown operator =, equality is ==\n\
         b.yaml:3:5: run[0].scrpt: unknown run verb: scrpt\n  help: did you mean script?\n\
         b.yaml:5:12: run[1].cache: cache is an interval or the name of the thread, found a list\n  help: cache: 5 runs it every 5 seconds\n\
         b.yaml:7:15: x.__priority: a priority is a whole number, found the text \"no\"",
    );
}

#[test]
fn blocks_within_blocks_have_an_end() {
    let mut yaml = String::new();
    for depth in 0..80 {
        yaml.push_str(&format!("{}a:\n", " ".repeat(depth)));
    }
    let problems = Block::parse("b.yaml", &yaml).unwrap_err().to_string();
    assert!(
        problems.contains("nested deeper than 32 blocks"),
        "{problems}"
    );
}
