use super::*;

fn readings(fields: &[(Option<&str>, &str, Unit)]) -> Vec<Reading> {
    let reading = |(group, field, unit): &(Option<&str>, &str, Unit)| {
        let reading = Reading::gauge(*field, 1.0, unit.clone());
        group.map_or(reading.clone(), |group| reading.of(group))
    };
    fields.iter().map(reading).collect()
}

#[track_caller]
fn lines(graph: &Graph) -> Vec<&str> {
    graph.lines.iter().map(|line| line.label.as_str()).collect()
}

#[test]
fn a_script_gets_a_graph_for_each_group_and_unit_without_being_told() {
    let readings = readings(&[
        (None, "ads_sold", Unit::One),
        (None, "latency", Unit::Seconds),
        (None, "ads_shown", Unit::One),
        (Some("eu"), "ads_sold", Unit::One),
    ]);
    let graphs = graphs("script", &readings);
    assert_eq!(
        graphs.iter().map(lines).collect::<Vec<_>>(),
        [
            vec!["ads sold", "ads shown"],
            vec!["latency"],
            vec!["ads sold"],
        ]
    );
    assert_eq!(graphs[2].group.as_deref(), Some("eu"));
}

#[test]
fn mounts_share_one_graph_and_have_a_row_each() {
    let readings = readings(&[
        (Some("/"), "used_percent", Unit::Percent),
        (Some("/"), "total", Unit::Bytes),
        (Some("/var"), "used_percent", Unit::Percent),
    ]);
    let graphs = graphs("local.disk", &readings);
    assert_eq!(graphs.len(), 1);
    assert_eq!(lines(&graphs[0]), ["/", "/var"]);
    assert_eq!(graphs[0].top, Some(100.0));
    let rows: Vec<_> = rows("local.disk", &readings)
        .iter()
        .map(|row| row.group)
        .collect();
    assert_eq!(rows, [Some("/"), Some("/var")]);
}

#[test]
fn processors_one_by_one_do_not_crowd_the_machine() {
    let readings = readings(&[
        (None, "used", Unit::Percent),
        (None, "user", Unit::Percent),
        (Some("cpu0"), "used", Unit::Percent),
    ]);
    assert_eq!(rows("local.cpu", &readings).len(), 1);
    let graphs = graphs("local.cpu", &readings);
    assert_eq!(lines(&graphs[0]), ["user"]);
    assert!(graphs[0].stacked);
}

#[test]
fn more_lines_than_can_be_told_apart_go_on_in_another_graph() {
    let many: Vec<String> = (0..20).map(|n| format!("queue{n}")).collect();
    let readings: Vec<_> = many
        .iter()
        .map(|name| Reading::gauge(name, 1.0, Unit::One))
        .collect();
    let counts: Vec<_> = graphs("script", &readings)
        .iter()
        .map(|g| g.lines.len())
        .collect();
    assert_eq!(counts, [8, 8, 4]);
}

#[test]
fn interfaces_share_one_graph_of_as_many_lines_as_can_be_told_apart() {
    let of = |names: &[&str]| {
        let fields = ["rx_bytes", "tx_bytes"];
        let readings: Vec<_> = names
            .iter()
            .flat_map(|name| fields.map(|f| Reading::gauge(f, 1.0, Unit::BytesPerSecond).of(*name)))
            .collect();
        graphs("local.network", &readings)
    };
    assert_eq!(lines(&of(&["eth0"])[0]), ["received", "sent"]);
    assert_eq!(
        lines(&of(&["eth0", "eth1"])[0])[..2],
        ["eth0 received", "eth0 sent"]
    );
    assert_eq!(
        lines(&of(&["a", "b", "c", "d", "e", "f"])[0]).len(),
        LINES_MAX
    );
}
