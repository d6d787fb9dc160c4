use std::sync::Arc;

use rem_alert::level::StateValue;
use rem_config::{MachineName, PackageName};

use super::{StateOwner, States};

fn machine(name: &str) -> StateOwner {
    StateOwner::Machine(MachineName::new(name).unwrap())
}

fn package(on: &str, name: &str) -> StateOwner {
    StateOwner::Package(
        MachineName::new(on).unwrap(),
        PackageName::new(name).unwrap(),
    )
}

#[test]
fn the_nearest_owner_answers() {
    let states = States::default();
    let busy: Arc<str> = "busy".into();
    states.set(&machine("web-01"), &busy, Some(&1.0.into()));
    let owners = [package("web-01", "apache"), machine("web-01")];
    assert_eq!(states.get(&owners, "busy"), Some(StateValue::Number(1.0)));
    states.set(&owners[0], &busy, Some(&"very".into()));
    assert_eq!(states.get(&owners, "busy"), Some("very".into()));
    assert_eq!(states.get(&[machine("web-02")], "busy"), None);
}

#[test]
fn a_state_of_another_owner_is_asked_for_by_its_whole_name() {
    let states = States::default();
    let busy: Arc<str> = "busy".into();
    states.set(&machine("web-01"), &busy, Some(&1.0.into()));
    states.set(&package("db-01", "mysql"), &busy, Some(&2.0.into()));
    let far = [machine("web-02")];
    assert_eq!(states.get(&far, "machine:web-01/busy"), Some(1.0.into()));
    assert_eq!(
        states.get(&far, "package:db-01/mysql/busy"),
        Some(2.0.into())
    );
    assert_eq!(states.get(&far, "machine:/busy"), None);
    assert_eq!(states.get(&far, "nonsense:x/busy"), None);
}

#[test]
fn only_another_value_is_news() {
    let states = States::default();
    let busy: Arc<str> = "busy".into();
    let owner = StateOwner::Site;
    assert!(states.set(&owner, &busy, Some(&1.0.into())));
    assert!(!states.set(&owner, &busy, Some(&1.0.into())));
    assert!(states.set(&owner, &busy, None));
    assert!(!states.set(&owner, &busy, None));
    assert_eq!(states.all(), []);
}
