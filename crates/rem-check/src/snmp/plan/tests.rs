use super::*;
use crate::SnmpVersion;

fn options() -> SnmpOptions {
    SnmpOptions::new(
        "192.0.2.1",
        SnmpVersion::V2c {
            community: "public".into(),
        },
    )
}

fn objects(objects: &[(&str, &str)]) -> Vec<SnmpObject> {
    let object = |(field, object): &(&str, &str)| SnmpObject::new(*field, *object);
    objects.iter().map(object).collect()
}

fn table(label: Option<&str>, columns: &[(&str, &str)]) -> SnmpTable {
    SnmpTable {
        columns: objects(columns),
        label: label.map(str::to_owned),
        ..SnmpTable::new("things")
    }
}

/// A plan of one table whose rows are found as written.
#[track_caller]
fn check(table: SnmpTable, rows: &[&[Option<Value>]], expected: &[&str]) {
    let options = SnmpOptions {
        tables: vec![table],
        ..options()
    };
    let plan = Plan::new(&options).unwrap();
    let mut seen = plan.nothing_seen();
    for (index, cells) in rows.iter().enumerate() {
        let index = vec![index as u32 + 1].into();
        seen.walks[0].rows.insert(index, (*cells).into());
    }
    let readings = plan.readings(seen, None);
    let lines: Vec<String> = readings.iter().map(ToString::to_string).collect();
    let (last, lines) = lines.split_last().unwrap();
    assert_eq!(last, "duration unknown s");
    assert_eq!(lines, expected);
}

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.into()))
}

fn integer(value: i64) -> Option<Value> {
    Some(Value::Integer(value))
}

#[test]
fn a_row_without_a_name_is_called_by_its_index() {
    check(
        table(Some("ifName"), &[("mtu", "ifMtu")]),
        &[
            &[integer(1500), text("eth0")],
            &[integer(1400), text("")],
            &[None, None],
        ],
        &["eth0 mtu 1500 B", "2 mtu 1400 B", "3 mtu unknown B"],
    );
}

#[test]
fn rows_of_one_name_stay_apart() {
    let name = || text("eth0 (2)");
    check(
        table(Some("ifName"), &[("mtu", "ifMtu")]),
        &[
            &[integer(1), text("eth0")],
            &[integer(2), text("eth0")],
            &[integer(3), name()],
        ],
        &["eth0 mtu 1 B", "eth0 (2) mtu 2 B", "eth0 (2) (3) mtu 3 B"],
    );
}

#[test]
fn storage_without_the_size_of_its_units_is_unknown() {
    check(
        table(None, &[("used", "hrStorageUsed")]),
        &[&[integer(3), integer(4096)], &[integer(3), None]],
        &["1 used 12288 B", "2 used unknown B"],
    );
}

#[test]
fn a_unit_of_the_users_own_comes_with_his_factor() {
    let of = |unit: Option<Unit>, factor: Option<f64>| SnmpTable {
        columns: vec![SnmpObject {
            unit,
            factor,
            ..SnmpObject::new("x", "memTotalReal")
        }],
        ..SnmpTable::new("things")
    };
    let row: &[&[Option<Value>]] = &[&[integer(2)]];
    check(of(None, None), row, &["1 x 2048 B"]);
    check(of(None, Some(10.0)), row, &["1 x 20 B"]);
    check(of(Some(Unit::One), None), row, &["1 x 2"]);
    check(of(Some(Unit::Seconds), Some(0.5)), row, &["1 x 1 s"]);
}

#[test]
fn an_unknown_number_is_of_the_sort_that_it_was() {
    let options = SnmpOptions {
        get: objects(&[("count", "1.3.1.0"), ("time", "1.3.2.0")]),
        ..options()
    };
    let plan = Plan::new(&options).unwrap();
    let mut seen = plan.nothing_seen();
    seen.get[0] = Some(Ok(Value::Counter(5)));
    seen.get[1] = Some(Ok(Value::Ticks(150)));
    let sort = |reading: &Reading| (reading.kind, reading.unit.clone(), reading.value);
    let first = plan.readings(seen, None);
    assert_eq!(sort(&first[0]), (Kind::Counter, Unit::One, Some(5.0)));
    assert_eq!(sort(&first[1]), (Kind::Gauge, Unit::Seconds, Some(1.5)));
    let second = plan.readings(plan.nothing_seen(), None);
    assert_eq!(sort(&second[0]), (Kind::Counter, Unit::One, None));
    assert_eq!(sort(&second[1]), (Kind::Gauge, Unit::Seconds, None));
}

#[test]
fn a_hole_in_a_column_of_counters_is_a_counter() {
    let options = SnmpOptions {
        tables: vec![table(None, &[("in", "ifHCInOctets")])],
        ..options()
    };
    let plan = Plan::new(&options).unwrap();
    let mut seen = plan.nothing_seen();
    seen.walks[0].rows.insert([1].into(), [None].into());
    let cell = Some(Value::Counter(1));
    seen.walks[0].rows.insert([2].into(), [cell].into());
    let readings = plan.readings(seen, None);
    assert_eq!(readings[0].kind, Kind::Counter);
}

#[test]
fn objects_that_are_missing_are_named() {
    let options = SnmpOptions {
        get: objects(&[
            ("a", "1.3.1"),
            ("b", "1.3.2"),
            ("c", "1.3.3"),
            ("d", "1.3.4"),
            ("e", "1.3.5"),
        ]),
        ..options()
    };
    let plan = Plan::new(&options).unwrap();
    let peer = Peer::parse("192.0.2.1:161").unwrap();
    let mut seen = plan.nothing_seen();
    let (verdict, message) = plan.judge(&seen, &peer);
    assert_eq!(verdict, Verdict::Unknown);
    assert_eq!(
        message,
        "0 of 5 objects from 192.0.2.1:161: a missing in the answer (1.3.1), \
         b missing in the answer (1.3.2), c missing in the answer (1.3.3) and 2 more"
    );
    seen.get = vec![Some(Ok(Value::Integer(1))); 4];
    seen.get.push(Some(Ok(Value::NoSuchObject)));
    let (verdict, message) = plan.judge(&seen, &peer);
    assert_eq!(verdict, Verdict::Warning);
    assert_eq!(
        message,
        "4 of 5 objects from 192.0.2.1:161: e no such object (1.3.5)"
    );
}
