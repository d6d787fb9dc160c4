use std::collections::BTreeSet;

use super::*;

#[test]
fn every_name_and_every_number_is_there_once() {
    let mut names = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    for (name, last, _) in GROUPS.iter().flat_map(|group| group.names) {
        assert!(names.insert(*name), "{name}");
        let known = by_name(name).unwrap();
        assert!(known.arcs.ends_with(last), "{name}");
        assert!(numbers.insert(known.arcs), "{name}");
    }
}

#[test]
fn a_unit_of_storage_is_found_beside_its_count() {
    let oid = |text: &str| text.parse::<Oid>().unwrap();
    let units = Some(oid("hrStorageAllocationUnits"));
    assert_eq!(storage_units(&oid("hrStorageUsed")), units);
    assert_eq!(storage_units(&oid("hrStorageSize")), units);
    assert_eq!(storage_units(&oid("hrStorageDescr")), None);
    assert_eq!(storage_units(&oid("hrStorageUsed.1")), None);
}
