use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;
use std::time::Duration;

use rem_check::{
    Check, Kind, Reading, Report, Snmp, SnmpCipher, SnmpError, SnmpHash, SnmpObject, SnmpOptions,
    SnmpSockets, SnmpTable, SnmpUser, SnmpVersion, Unit, Verdict,
};
use rem_time::Span;

use crate::snmp_agent::{AUTH, Agent, CIPHERS, HASHES, PRIVACY, user, v2c};
use crate::{expect, expect_part, run};

const IF_ENTRY: &str = "1.3.6.1.2.1.2.2.1";
const IF_X_ENTRY: &str = "1.3.6.1.2.1.31.1.1.1";

fn objects(objects: &[(&str, &str)]) -> Vec<SnmpObject> {
    let object = |(field, object): &(&str, &str)| SnmpObject::new(*field, *object);
    objects.iter().map(object).collect()
}

fn uptime(options: SnmpOptions) -> SnmpOptions {
    SnmpOptions {
        get: objects(&[("uptime", "sysUpTime.0")]),
        ..options
    }
}

fn table(columns: &[(&str, &str)]) -> SnmpTable {
    SnmpTable {
        columns: objects(columns),
        ..SnmpTable::new("things")
    }
}

async fn ask(options: SnmpOptions) -> Report {
    run(&Snmp::new(&SnmpSockets::new(), options).unwrap()).await
}

/// The numbers of one field, by group.
fn column(report: &Report, field: &str) -> BTreeMap<String, f64> {
    let of_field = report.readings.iter().filter(|r| r.field == field);
    of_field
        .filter_map(|r| Some((r.group.clone()?, r.value?)))
        .collect()
}

fn numbers(walked: &BTreeMap<String, String>) -> BTreeMap<String, f64> {
    let number = |(index, text): (&String, &String)| (index.clone(), text.parse().unwrap());
    walked.iter().map(number).collect()
}

#[tokio::test]
async fn objects_are_asked_for_by_number_and_by_name() {
    let agent = Agent::start().await;
    for version in [
        SnmpVersion::V1 {
            community: "public".into(),
        },
        v2c(),
    ] {
        let report = ask(SnmpOptions {
            get: objects(&[
                ("uptime", "sysUpTime.0"),
                ("services", ".1.3.6.1.2.1.1.7.0"),
                ("packets", "snmpInPkts.0"),
                ("load1", "laLoad.1"),
                ("exact", "laLoadFloat.1"),
                ("memory", "memTotalReal.0"),
            ]),
            ..agent.options(version)
        })
        .await;
        let message = format!("6 objects from 127.0.0.1:{}", agent.port);
        expect(&report, Verdict::Ok, &message);
        let uptime = report.value(None, "uptime").unwrap();
        assert!((0.0..600.0).contains(&uptime), "{uptime}");
        assert_eq!(report.value(None, "services"), Some(72.0));
        assert!(report.value(None, "packets").unwrap() >= 1.0);
        assert!(report.value(None, "load1").unwrap() >= 0.0);
        assert!(report.value(None, "exact").unwrap() >= 0.0);
        let total = agent.snmpwalk("1.3.6.1.4.1.2021.4.5");
        let total: f64 = total["0"].trim_end_matches(" kB").parse().unwrap();
        assert_eq!(report.value(None, "memory"), Some(total * 1024.0));
        let sort = |field: &str| {
            let found = report.readings.iter().find(|r| r.field == field).unwrap();
            (found.kind, found.unit.clone())
        };
        assert_eq!(sort("uptime"), (Kind::Gauge, Unit::Seconds));
        assert_eq!(sort("packets"), (Kind::Counter, Unit::One));
        assert_eq!(sort("memory"), (Kind::Gauge, Unit::Bytes));
    }
}

#[tokio::test]
async fn a_table_is_what_snmpwalk_says() {
    let agent = Agent::start().await;
    let walk = |column: u32| agent.snmpwalk(&format!("{IF_ENTRY}.{column}"));
    let names = walk(2);
    assert!(names.values().any(|name| name == "lo"), "{names:?}");
    for version in [
        SnmpVersion::V1 {
            community: "public".into(),
        },
        v2c(),
        SnmpVersion::V3(user(HASHES[1], Some(CIPHERS[1]))),
    ] {
        for max_repetitions in [1, 2, 20] {
            let octets = format!("{IF_X_ENTRY}.6");
            let before = numbers(&agent.snmpwalk(&octets));
            let report = ask(SnmpOptions {
                tables: vec![table(&[
                    ("mtu", "ifMtu"),
                    ("type", "ifType"),
                    ("state", "ifOperStatus"),
                    ("in", "ifHCInOctets"),
                ])],
                max_repetitions,
                ..agent.options(version.clone())
            })
            .await;
            let after = numbers(&agent.snmpwalk(&octets));
            expect_part(&report, Verdict::Ok, &format!("{} row", names.len()));
            assert_eq!(column(&report, "mtu"), numbers(&walk(4)));
            assert_eq!(column(&report, "type"), numbers(&walk(3)));
            assert_eq!(column(&report, "state"), numbers(&walk(8)));
            let ours = column(&report, "in");
            // An agent of version 1 has no 64 bit counters.
            if !matches!(version, SnmpVersion::V1 { .. }) {
                assert_eq!(ours.len(), before.len());
            }
            for (index, bytes) in ours {
                assert!(before[&index] <= bytes && bytes <= after[&index], "{index}");
            }
            let octets = report.readings.iter().filter(|r| r.field == "in");
            for reading in octets {
                assert_eq!(reading.unit, Unit::Bytes);
            }
        }
    }
}

#[tokio::test]
async fn a_long_table_is_read_in_many_steps() {
    let agent = Agent::start().await;
    // When each module was registered: dozens of rows that stay.
    let rows = agent.snmpwalk("1.3.6.1.2.1.1.9.1.3");
    assert!(rows.len() > 5, "{rows:?}");
    for max_repetitions in [1, 3, 100] {
        let report = ask(SnmpOptions {
            tables: vec![table(&[("up", "1.3.6.1.2.1.1.9.1.4")])],
            max_repetitions,
            ..agent.options(v2c())
        })
        .await;
        let found: BTreeSet<_> = column(&report, "up").into_keys().collect();
        assert_eq!(found, rows.keys().cloned().collect());
        assert!(report.readings.iter().all(|r| r.unit == Unit::Seconds));
    }
}

#[tokio::test]
async fn rows_are_named_by_a_column_and_chosen_by_patterns() {
    let agent = Agent::start().await;
    let with = |only: &[&str], without: &[&str]| {
        let owned = |globs: &[&str]| globs.iter().map(|glob| (*glob).to_owned()).collect();
        SnmpOptions {
            tables: vec![SnmpTable {
                label: Some("ifDescr".into()),
                only: owned(only),
                without: owned(without),
                ..table(&[("mtu", "ifMtu")])
            }],
            ..agent.options(v2c())
        }
    };
    let names: BTreeSet<_> = agent
        .snmpwalk(&format!("{IF_ENTRY}.2"))
        .into_values()
        .collect();
    let found = |report: &Report| column(report, "mtu").into_keys().collect::<BTreeSet<_>>();
    assert_eq!(found(&ask(with(&[], &[])).await), names);
    let lo = BTreeSet::from(["lo".to_owned()]);
    assert_eq!(found(&ask(with(&["l?"], &[])).await), lo);
    let others = found(&ask(with(&["*"], &["lo"])).await);
    assert_eq!(others, names.difference(&lo).cloned().collect());
}

#[tokio::test]
async fn storage_is_in_bytes() {
    let agent = Agent::start().await;
    let report = ask(SnmpOptions {
        tables: vec![SnmpTable {
            label: Some("hrStorageDescr".into()),
            ..table(&[("size", "hrStorageSize")])
        }],
        ..agent.options(v2c())
    })
    .await;
    let walk = |column: u32| agent.snmpwalk(&format!("1.3.6.1.2.1.25.2.3.1.{column}"));
    let names = walk(3);
    let index = names.iter().find(|(_, name)| *name == "Physical memory");
    let index = index.unwrap().0;
    let number = |column: u32| -> f64 {
        let text = walk(column)[index].clone();
        text.trim_end_matches(" Bytes").parse().unwrap()
    };
    let size = report.value(Some("Physical memory"), "size");
    assert_eq!(size, Some(number(4) * number(5)));
    let unit = report.readings.iter().find(|r| r.field == "size");
    assert_eq!(unit.unwrap().unit, Unit::Bytes);
}

#[tokio::test]
async fn objects_that_are_not_there_are_unknown() {
    let agent = Agent::start().await;
    for version in [
        SnmpVersion::V1 {
            community: "public".into(),
        },
        v2c(),
    ] {
        let report = ask(SnmpOptions {
            get: objects(&[
                ("uptime", "sysUpTime.0"),
                ("none", "1.3.6.1.4.1.99999.1.0"),
                ("seventh", "sysUpTime.7"),
                ("name", "sysName.0"),
            ]),
            tables: vec![table(&[("nothing", "1.3.6.1.4.1.99999.2")])],
            ..agent.options(version)
        })
        .await;
        expect_part(&report, Verdict::Warning, "1 of 4 objects and 0 rows");
        expect_part(&report, Verdict::Warning, "name not a number");
        assert!(report.value(None, "uptime").is_some());
        for field in ["none", "seventh", "name"] {
            let reading = report.readings.iter().find(|r| r.field == field);
            assert_eq!(reading.unwrap().value, None, "{field}");
        }
    }
    let hidden = SnmpOptions {
        get: objects(&[("load", "laLoad.1")]),
        ..agent.options(SnmpVersion::V2c {
            community: "narrow".into(),
        })
    };
    expect_part(&ask(hidden).await, Verdict::Unknown, "0 of 1 object");
}

#[tokio::test]
async fn more_objects_than_fit_one_packet_are_asked_for_in_turn() {
    let agent = Agent::start().await;
    let names: Vec<String> = (0..100).map(|index| format!("n{index}")).collect();
    let get = names
        .iter()
        .map(|name| SnmpObject::new(name, "sysUpTime.0"));
    let report = ask(SnmpOptions {
        get: get.collect(),
        ..agent.options(v2c())
    })
    .await;
    expect_part(&report, Verdict::Ok, "100 objects");
    assert!(names.iter().all(|name| report.value(None, name).is_some()));
}

#[tokio::test]
async fn a_walk_ends_at_its_limit() {
    let agent = Agent::start().await;
    let report = ask(SnmpOptions {
        tables: vec![SnmpTable {
            rows_max: 3,
            ..table(&[("up", "1.3.6.1.2.1.1.9.1.4")])
        }],
        ..agent.options(v2c())
    })
    .await;
    expect_part(
        &report,
        Verdict::Warning,
        "table things has more than 3 rows",
    );
    assert_eq!(column(&report, "up").len(), 3);
}

#[tokio::test]
async fn every_digest_and_cipher_of_version_3_is_understood() {
    let agent = Agent::start().await;
    let sockets = SnmpSockets::new();
    let mut users = vec![SnmpUser::new("plain")];
    for hash in HASHES {
        users.push(user(hash, None));
        users.extend(CIPHERS.map(|cipher| user(hash, Some(cipher))));
    }
    for user in users {
        let options = uptime(agent.options(SnmpVersion::V3(user.clone())));
        let check = Snmp::new(&sockets, options).unwrap();
        // The second time without discovery.
        for _ in 0..2 {
            let report = run(&check).await;
            assert_eq!(report.verdict, Verdict::Ok, "{}: {report}", user.name);
        }
    }
}

#[tokio::test]
async fn wrong_secrets_are_told_apart() {
    let agent = Agent::start().await;
    let right = user(HASHES[3], Some(CIPHERS[1]));
    let refused = async |user: SnmpUser, part: &str| {
        let options = SnmpOptions {
            timeout: Span::from_millis(500),
            retries: 1,
            ..uptime(agent.options(SnmpVersion::V3(user)))
        };
        let report = ask(options).await;
        expect_part(&report, Verdict::Critical, part);
        assert_eq!(report.value(None, "uptime"), None);
    };
    let mut wrong = right.clone();
    wrong.auth.as_mut().unwrap().passphrase = PRIVACY.into();
    refused(
        wrong,
        "wrong authentication passphrase or digest of user SHA-256/AES (wrongDigest)",
    )
    .await;
    let mut wrong = right.clone();
    wrong.auth.as_mut().unwrap().hash = SnmpHash::Sha1;
    refused(wrong, "wrongDigest").await;
    let mut wrong = right.clone();
    wrong.name = "nobody".into();
    refused(wrong, "it does not know user nobody (unknownUserName)").await;
    let mut wrong = right.clone();
    wrong.privacy = None;
    refused(wrong, "authorization error").await;
    let mut wrong = right.clone();
    wrong.context = "elsewhere".into();
    refused(wrong, "wrong context elsewhere").await;
    let mut wrong = user(HASHES[3], None);
    wrong.privacy = right.privacy.clone();
    refused(wrong, "this level of security").await;
    let mut wrong = right.clone();
    wrong.privacy.as_mut().unwrap().passphrase = AUTH.into();
    refused(wrong, "wrong privacy passphrase").await;
    let mut wrong = right.clone();
    wrong.privacy.as_mut().unwrap().cipher = SnmpCipher::Aes256;
    refused(wrong, "wrong privacy passphrase").await;
}

#[tokio::test]
async fn an_agent_that_started_again_is_found_again() {
    let mut agent = Agent::start().await;
    let options = uptime(agent.options(SnmpVersion::V3(user(HASHES[1], Some(CIPHERS[1])))));
    let check = Snmp::new(&SnmpSockets::new(), options).unwrap();
    assert_eq!(run(&check).await.verdict, Verdict::Ok);
    agent.restart("").await;
    let report = run(&check).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report}");
    // As another engine.
    agent.restart("engineID another").await;
    let report = run(&check).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report}");
}

#[tokio::test]
async fn a_wrong_community_and_nobody_there_are_no_answer() {
    let agent = Agent::start().await;
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let wrong = SnmpVersion::V2c {
        community: "wrong".into(),
    };
    let nobody = SnmpVersion::V3(user(HASHES[1], None));
    for (version, port, hint) in [
        (wrong, agent.port, " (a wrong community gets none either)"),
        (nobody, silent.local_addr().unwrap().port(), ""),
    ] {
        let options = SnmpOptions {
            port,
            timeout: Span::from_millis(100),
            retries: 2,
            ..uptime(agent.options(version))
        };
        let message = format!("no answer from 127.0.0.1:{port} within 300ms{hint}");
        expect(&ask(options).await, Verdict::Critical, &message);
    }
}

#[tokio::test]
async fn many_checks_share_a_socket() {
    let agents = [Agent::start().await, Agent::start().await];
    let sockets = SnmpSockets::new();
    let mut runs = tokio::task::JoinSet::new();
    for index in 0..200 {
        let agent = &agents[index % 2];
        let version = match index % 3 {
            0 => SnmpVersion::V3(user(HASHES[1], Some(CIPHERS[1]))),
            _ => v2c(),
        };
        let options = SnmpOptions {
            get: objects(&[("name", "sysServices.0")]),
            ..agent.options(version)
        };
        let check = Snmp::new(&sockets, options).unwrap();
        runs.spawn(async move { run(&check).await });
    }
    for report in runs.join_all().await {
        assert_eq!(report.verdict, Verdict::Ok, "{report}");
        assert_eq!(report.value(None, "name"), Some(72.0));
    }
}

#[tokio::test]
async fn runs_are_alike_may_overlap_and_be_given_up() {
    let agent = Agent::start().await;
    let options = SnmpOptions {
        get: objects(&[("uptime", "sysUpTime.0"), ("none", "1.3.6.1.4.1.99999.1.0")]),
        tables: vec![table(&[("mtu", "ifMtu"), ("in", "ifHCInOctets")])],
        ..agent.options(SnmpVersion::V3(user(HASHES[1], Some(CIPHERS[1]))))
    };
    let check = Snmp::new(&SnmpSockets::new(), options).unwrap();
    assert_eq!(check.name(), "snmp");
    drop(tokio::time::timeout(Duration::ZERO, run(&check)).await);
    let names = |report: Report| {
        let name = |reading: &Reading| {
            let Reading { group, field, .. } = reading.clone();
            (group, field, reading.unit.clone(), reading.kind)
        };
        report.readings.iter().map(name).collect::<Vec<_>>()
    };
    let (first, second) = tokio::join!(run(&check), run(&check));
    expect_part(&first, Verdict::Warning, "1 of 2 objects");
    assert_eq!(names(first), names(second));
}

#[test]
fn options_that_cannot_work_are_refused_before_the_first_run() {
    #[track_caller]
    fn refused(change: impl FnOnce(&mut SnmpOptions)) -> SnmpError {
        let mut options = uptime(SnmpOptions::new("192.0.2.1", v2c()));
        change(&mut options);
        Snmp::new(&SnmpSockets::new(), options).unwrap_err()
    }
    let v3 = |change: fn(&mut SnmpUser)| {
        let mut user = user(HASHES[0], Some(CIPHERS[0]));
        change(&mut user);
        refused(move |options| options.version = SnmpVersion::V3(user))
    };
    assert_eq!(
        refused(|options| options.address.clear()),
        SnmpError::Address(":161".into())
    );
    assert_eq!(refused(|options| options.get.clear()), SnmpError::Nothing);
    assert_eq!(
        refused(|options| options.get.push(SnmpObject::new("uptime", "sysName.0"))),
        SnmpError::FieldTwice("uptime".into())
    );
    assert_eq!(
        refused(|options| options.tables.push(SnmpTable::new("empty"))),
        SnmpError::NoColumns("empty".into())
    );
    assert_eq!(
        refused(|options| options.get[0].factor = Some(0.0)),
        SnmpError::Factor("uptime".into())
    );
    let unknown = refused(|options| options.get[0].object = "sysUptime.0".into());
    assert!(matches!(unknown, SnmpError::Object { .. }), "{unknown}");
    let empty = refused(|options| {
        options.tables.push(SnmpTable {
            only: vec![String::new()],
            ..table(&[("mtu", "ifMtu")])
        });
    });
    assert_eq!(empty, SnmpError::Pattern("things".into()));
    assert_eq!(
        v3(|user| user.auth.as_mut().unwrap().passphrase = "short".into()),
        SnmpError::ShortPassphrase("authentication")
    );
    assert_eq!(
        v3(|user| user.privacy.as_mut().unwrap().passphrase.clear()),
        SnmpError::ShortPassphrase("privacy")
    );
    assert_eq!(v3(|user| user.auth = None), SnmpError::PrivacyWithoutAuth);
    assert_eq!(
        v3(|user| user.name.clear()),
        SnmpError::UserName(String::new())
    );
}

#[test]
fn secrets_are_not_in_debug_texts() {
    let secret = SnmpVersion::V3(user(HASHES[0], Some(CIPHERS[0])));
    let options = uptime(SnmpOptions::new("192.0.2.1", secret));
    let check = Snmp::new(&SnmpSockets::new(), options.clone()).unwrap();
    let community = SnmpOptions::new("192.0.2.1", v2c());
    let text = format!("{options:?} {check:?} {community:?}");
    for secret in [AUTH, PRIVACY, "public"] {
        assert!(!text.contains(secret), "{text}");
    }
}
