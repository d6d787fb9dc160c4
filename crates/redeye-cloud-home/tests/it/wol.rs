//! Machines that a packet wakes.

use redeye_cloud::{Class, Id, Power};

use crate::conformance::{Manners, Spec, can_run, conform, killed, start, stop};
use crate::sleeper::{MAC, Sleeper, lacks};

pub(crate) async fn a_packet_wakes_a_machine_that_pings_find_and_ssh_stops() {
    if !can_run("wol", lacks()) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let sleeper = Sleeper::new(folder.path());
    let mac = MAC.map(|byte| format!("{byte:02x}")).join(":");
    let at = folder.path().display();
    let machines = format!(
        "web-1: {{mac: \"{mac}\", host: {host}, broadcast: \"{to}\", key: {at}/key, \
         known_hosts: {at}/known_hosts, poweroff: fake-poweroff, reboot: fake-reboot}}\n\
         odd: {{mac: \"52:54\", host: 203.0.113.77}}\n",
        host = sleeper.host,
        to = sleeper.broadcast,
    );
    let spec = Spec::new("wol", folder.path()).machines(machines);
    let rig = spec.rig(&folder.path().join("journal")).await;
    let web: Id = "web-1".parse().unwrap();
    assert_eq!(rig.power(&web).await, Power::Unknown, "nobody knows yet");
    let manners = Manners {
        tells_off: false,
        forces: false,
        reboots: &[false],
        is_slow: false,
    };
    conform(&rig, &web, &manners).await;
    assert_eq!(
        sleeper.packets(),
        2,
        "it was awake when it was started again"
    );
    killed(&spec, &folder.path().join("killed"), &web).await;
    assert_eq!(sleeper.packets(), 3, "once, by the process that was killed");
    assert!(sleeper.calls().contains("fake-poweroff\n"));
    let (class, sent, _) = rig.refused(start(&"odd".parse().unwrap()), 20).await;
    assert_eq!((class, sent), (Class::Invalid, 1));
    assert!(crate::conformance::Rig::well(
        &rig.run(stop(&web, false)).await
    ));
}
