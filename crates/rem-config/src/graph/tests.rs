use rem_yaml::Loader;

use crate::load_with;

/// The problems of a file, without those beyond the first line of each.
#[track_caller]
fn problems(yaml: &str) -> Vec<String> {
    let loader = Loader::from_memory([("f", yaml)]);
    match load_with(loader, "f") {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .sorted()
            .into_iter()
            .map(|problem| problem.message.clone())
            .collect(),
    }
}

/// Nodes `a: b c|d` need both b and one of c and d.
fn nodes(lines: &[&str]) -> String {
    let mut yaml = "nodes:\n".to_owned();
    for line in lines {
        let (name, needs) = line.split_once(':').unwrap_or((line, ""));
        let groups: Vec<String> = needs
            .split_whitespace()
            .enumerate()
            .map(|(number, group)| {
                let of: Vec<String> = group.split('|').map(|one| format!("node:{one}")).collect();
                format!("{{group: g{number}, of: [{}]}}", of.join(", "))
            })
            .collect();
        yaml.push_str(&format!("  {name}: {{depends: [{}]}}\n", groups.join(", ")));
    }
    yaml
}

#[test]
fn a_circle_with_a_way_in_from_outside_is_fine() {
    assert!(problems(&nodes(&["a: b|c", "b: a", "c"])).is_empty());
}

#[test]
fn a_circle_nothing_can_enter_is_refused_from_its_first_node() {
    assert_eq!(
        problems(&nodes(&["x", "a: c x", "b: a", "c: b"])),
        [
            "nothing in this circle could come up: node:a needs (g0) node:c needs (g0) node:b needs (g0) node:a"
        ]
    );
}

#[test]
fn what_only_hangs_on_a_circle_is_not_blamed() {
    let found = problems(&nodes(&["before: a", "a: b", "b: a", "after: before"]));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(!found[0].contains("before") && !found[0].contains("after"));
}

#[test]
fn each_circle_is_told_and_one_of_itself_too() {
    let found = problems(&nodes(&["a: b", "b: a", "c: c", "d: d|e", "e"]));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[1].contains("node:c needs (g0) node:c"), "{found:?}");
}

#[test]
fn a_chain_of_thousands_is_no_circle_and_costs_no_stack() {
    let mut lines: Vec<String> = (1..5_000).map(|n| format!("n{n}: n{}", n - 1)).collect();
    lines.push("n0".to_owned());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert!(problems(&nodes(&lines)).is_empty());
}

#[test]
fn a_circle_of_thousands_is_told_once() {
    let lines: Vec<String> = (0..5_000)
        .map(|n| format!("n{n}: n{}", (n + 1) % 5_000))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(problems(&nodes(&lines)).len(), 1);
}
