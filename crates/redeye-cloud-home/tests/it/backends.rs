//! All backends at once: most of their time they wait for machines, and the test runner
//! would let two of them wait at a time.

use std::future::Future;

use crate::{haproxy, ipmi, libvirt, local, lxc, qemu, redfish, ssh, wol};

/// `BACKEND=lxc` runs one alone.
#[test]
fn every_backend_conforms() {
    let backends: [(&str, fn()); 10] = [
        ("haproxy", || {
            run(haproxy::requests_are_spread_and_none_is_lost);
        }),
        ("ipmi", || {
            run(ipmi::a_controller_switches_its_machine_and_others_go_on_with_it);
        }),
        ("ipmi", || {
            run(ipmi::controllers_that_refuse_are_told_from_those_that_are_not_there);
        }),
        ("libvirt", || {
            run(libvirt::domains_are_listed_switched_and_forgotten);
        }),
        ("local", || {
            run(local::machines_of_this_computer_come_serve_and_go);
        }),
        ("lxc", || {
            run(lxc::containers_come_serve_and_go);
        }),
        ("qemu", || {
            run(qemu::a_guest_boots_ends_by_its_power_button_and_has_its_plug_pulled);
        }),
        ("redfish", || {
            run(redfish::a_redfish_controller_switches_its_machine);
        }),
        ("ssh", || {
            run(ssh::machines_are_stopped_by_ssh_and_wrong_keys_are_refused);
        }),
        ("wol", || {
            run(wol::a_packet_wakes_a_machine_that_pings_find_and_ssh_stops);
        }),
    ];
    let wanted = std::env::var("BACKEND").ok();
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
    let running = backends.into_iter().filter(|(name, _)| is_wanted(name));
    let running: Vec<_> = running
        .map(|(name, backend)| (name, std::thread::spawn(backend)))
        .collect();
    assert!(!running.is_empty(), "no such backend: {wanted:?}");
    let ended = running
        .into_iter()
        .map(|(name, thread)| (name, thread.join()));
    let failed: Vec<&str> = ended
        .filter_map(|(name, end)| end.is_err().then_some(name))
        .collect();
    assert!(
        failed.is_empty(),
        "what went wrong stands above: {failed:?}"
    );
}

fn run<F: Future>(backend: fn() -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(backend());
}
