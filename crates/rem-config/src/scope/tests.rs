use super::*;

fn observers(places: &[(&str, &str)]) -> Vec<Observer> {
    let observer = |(name, location): &(&str, &str)| Observer {
        name: ObserverName::new(name).unwrap(),
        location: (*location).to_owned(),
        netns: None,
        place: Place::whole_file("f"),
    };
    places.iter().map(observer).collect()
}

#[track_caller]
fn check(location: &str, places: &[(&str, &str)], near: &str, far: &str) {
    let observers = observers(places);
    let views = Views::of("web-01", Some(location), observers.iter());
    let name =
        |observer: Option<&Observer>| observer.map_or("", |one| one.name.as_str()).to_owned();
    assert_eq!(
        (name(views.near), name(views.far)),
        (near.to_owned(), far.to_owned())
    );
}

#[test]
fn near_is_the_shortest_way_and_far_the_shortest_to_somewhere_else() {
    let places = [
        ("fra", "/eu/de/fra"),
        ("ber", "/eu/ber"),
        ("svl", "/na/us/ca/svl"),
    ];
    check("/eu/de/fra/dc1/rack4", &places, "fra", "ber");
    check("/eu/ber", &places, "ber", "fra");
    check("/na/us/ca/svl/dc1", &places, "svl", "ber");
    check("eu/de/fra/", &places, "fra", "ber");
}

#[test]
fn two_observers_of_one_place_are_not_far_from_each_other() {
    let places = [("a", "/eu/de"), ("b", "eu/de/")];
    let observers = observers(&places);
    let views = Views::of("web-01", Some("/eu/de/x"), observers.iter());
    assert!(views.near.is_some() && views.far.is_none());
    assert!(
        Views::of("web-01", None, observers[..0].iter())
            .near
            .is_none()
    );
}

#[test]
fn ties_are_spread_over_the_machines_the_same_way_each_time() {
    let places = [
        ("a", "/eu/a"),
        ("b", "/eu/b"),
        ("c", "/eu/c"),
        ("d", "/eu/d"),
    ];
    let observers = observers(&places);
    let mut counts = [0; 4];
    for machine in 0..4_000 {
        let machine = format!("web-{machine:04}");
        let views = Views::of(&machine, Some("/eu"), observers.iter());
        let again = Views::of(&machine, Some("/eu"), observers.iter().rev());
        let (near, far) = (views.near.unwrap(), views.far.unwrap());
        assert_eq!(near.name, again.near.unwrap().name);
        assert_ne!(near.name, far.name);
        counts[observers
            .iter()
            .position(|one| one.name == near.name)
            .unwrap()] += 1;
    }
    assert!(
        counts.iter().all(|count| (850..1150).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn a_machine_without_a_location_has_all_observers_alike() {
    let observers = observers(&[("a", "/eu/de/fra/dc1/rack4"), ("b", "/na")]);
    let near = |machine: &str| {
        let views = Views::of(machine, None, observers.iter());
        views.near.unwrap().name.to_string()
    };
    let names: std::collections::BTreeSet<String> = (0..50)
        .map(|machine| near(&format!("m{machine}")))
        .collect();
    assert_eq!(names.len(), 2);
}
