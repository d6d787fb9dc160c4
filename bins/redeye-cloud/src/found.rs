//! What this machine can do beside namespaces of its own, for `init`.

use std::path::Path;

use crate::config::{in_path, is_root};

/// A megavisor that a program of this machine makes possible.
struct Offer {
    line: &'static str,
    /// What it runs, and the package that brings it.
    program: (&'static str, &'static str),
    needs_root: bool,
    /// What has to be there.
    wants: Option<&'static str>,
    /// What it is good for, or what a machine in its file looks like.
    example: &'static str,
}

const OFFERS: [Offer; 5] = [
    Offer {
        line: "lxc: {shipped: lxc}",
        program: ("lxc-start", "lxc"),
        needs_root: true,
        wants: None,
        example: "containers below /var/lib/lxc",
    },
    Offer {
        line: "libvirt: {shipped: libvirt}",
        program: ("virsh", "libvirt-clients"),
        needs_root: false,
        wants: Some("/run/libvirt/libvirt-sock"),
        example: "domains of qemu:///system",
    },
    Offer {
        line: "qemu: {shipped: qemu, machines: machines.yaml}",
        program: ("qemu-system-x86_64", "qemu-system-x86"),
        needs_root: false,
        wants: None,
        example: "machines.yaml: {web-1: {disk: /srv/web-1.qcow2, memory: 1024}}",
    },
    Offer {
        line: "ssh: {shipped: ssh, machines: machines.yaml}",
        program: ("ssh", "openssh-client"),
        needs_root: false,
        wants: None,
        example: "machines.yaml: {web-1: {host: 192.0.2.10}}",
    },
    Offer {
        line: "haproxy: {shipped: haproxy, machines: machines.yaml}",
        program: ("haproxy", "haproxy"),
        needs_root: false,
        wants: None,
        example: "machines.yaml: {web-1: {address: 192.0.2.10}}",
    },
];

/// The lines of the configuration, all of them comments: with one megavisor no command
/// has to say which.
pub(crate) fn lines() -> Vec<String> {
    let root = is_root();
    let there = |path: &str| Path::new(path).exists();
    let offers = OFFERS.iter();
    offers
        .map(|offer| line(offer, root, in_path(offer.program.0), &there))
        .collect()
}

fn line(offer: &Offer, root: bool, installed: bool, there: &dyn Fn(&str) -> bool) -> String {
    let (program, package) = offer.program;
    let note = match offer.wants {
        _ if !installed => format!("the program {program} is missing: apt-get install {package}"),
        _ if offer.needs_root && !root => "it needs root".to_owned(),
        Some(path) if !there(path) => format!("{path} is not there"),
        _ => format!("works here: {}", offer.example),
    };
    format!("  # {}   # {note}", offer.line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_works_is_offered_and_what_does_not_says_why() {
        let here = |path: &str| path == "/run/libvirt/libvirt-sock";
        let nowhere = |_: &str| false;
        let [lxc, libvirt, ..] = &OFFERS;
        let works = "  # lxc: {shipped: lxc}   # works here: containers below /var/lib/lxc";
        assert_eq!(line(lxc, true, true, &nowhere), works);
        assert!(line(lxc, false, true, &nowhere).ends_with("# it needs root"));
        assert!(line(lxc, true, false, &nowhere).ends_with("apt-get install lxc"));
        assert!(line(libvirt, false, true, &here).contains("works here"));
        assert!(line(libvirt, false, true, &nowhere).ends_with("is not there"));
    }
}
