use super::*;

#[track_caller]
fn mistakes(fill: impl FnOnce(&mut Builder)) -> String {
    let mut builder = Builder::new();
    fill(&mut builder);
    builder.build().expect_err("it is wrong").to_string()
}

#[test]
fn a_name_nobody_declared_is_shown_with_who_wants_it_and_what_it_looks_like() {
    let text = mistakes(|b| {
        b.node("machine:web-01");
        b.node("machine:pdu-4a");
        b.require("machine:web-01", "power", 1, ["machine:pud-4a"]);
        b.require("machine:web-01", "net", 1, ["tor"]);
        b.require("machine:Web-01", "x", 0, ["machine:pdu-4a"]);
    });
    assert_eq!(
        text,
        "unknown node, required by machine:web-01 in power: machine:pud-4a (did you mean machine:pdu-4a)\n\
         unknown node, required by machine:web-01 in net: tor (declare tor, or take it out of the requirements)\n\
         unknown node: machine:Web-01 (did you mean machine:web-01)"
    );
}

#[test]
fn needs_that_cannot_be_met_and_things_said_twice_are_all_named() {
    let text = mistakes(|b| {
        for name in ["a", "b", "c"] {
            b.node(name);
        }
        b.require("a", "power", 3, ["b", "c"]);
        b.require("a", "power", 1, ["b"]);
        b.require("b", "net", 1, ["c", "c"]);
        b.require("c", "self", 1, ["c", "a"]);
        b.require("c", "none", 1, [""; 0]);
    });
    assert_eq!(
        text,
        "a needs 3 of 2 in power (ask for at most 2, or name more members)\n\
         b names a member of net twice: c (name each member once)\n\
         c requires itself in self (take c out of its own members)\n\
         c needs 1 of 0 in none (name at least one member)\n\
         a has two groups of one kind: power (put the members into one group, or call the second one power-2)"
    );
}

#[test]
fn an_empty_name_and_an_id_from_elsewhere_are_mistakes() {
    let text = mistakes(|b| {
        b.node("");
        let a = b.node("a");
        b.require_ids(a, "x", 1, &[NodeId(9)]);
        b.require_ids(NodeId(9), "x", 0, &[a]);
    });
    assert!(text.starts_with("a node has an empty name (give every"));
    assert_eq!(text.matches("unknown node").count(), 2);
}

#[test]
fn thousands_of_mistakes_are_counted_and_the_first_hundred_listed() {
    let mut builder = Builder::new();
    builder.node("a");
    builder.require("a", "x", 1, (0..5000).map(|i| format!("gone-{i}")));
    let error = builder.build().expect_err("none is declared");
    assert_eq!((error.mistakes.len(), error.count), (MISTAKES_MAX, 5000));
    assert!(error.to_string().ends_with("\nand 4900 more"));
}

#[test]
fn more_kinds_than_fit_are_refused() {
    let text = mistakes(|b| {
        let (a, c) = (b.node("a"), b.node("c"));
        for i in 0..=KINDS_MAX {
            b.require_ids(a, &i.to_string(), 1, &[c]);
        }
    });
    assert!(text.contains("65535 kinds"), "{text}");
}

#[test]
fn ids_count_up_and_the_graph_gives_back_what_it_was_told() {
    let mut b = Builder::new();
    // Named before it is declared.
    b.require("a", "power", 1, ["p", "q"]);
    let ids: Vec<NodeId> = ["x", "a", "p", "q", "a"].map(|name| b.node(name)).to_vec();
    assert_eq!(ids[1], ids[4]);
    b.require_ids(ids[0], "on", 1, &[ids[1]]);
    let graph = b.build().expect("nothing is wrong");
    assert_eq!(graph.len(), 4);
    assert_eq!((graph.group_count(), graph.member_count()), (2, 3));
    assert_eq!(graph.name(ids[0]), "x");
    assert_eq!(graph.node("q"), Some(ids[3]));
    assert_eq!(graph.node("no"), None);
    let group = &graph.groups(ids[1])[0];
    assert_eq!((group.kind, group.need), ("power", 1));
    assert_eq!(group.members, [ids[2], ids[3]]);
    assert_eq!(graph.groups(ids[0])[0].members, [ids[1]]);
    assert!(graph.groups(ids[2]).is_empty());
}
