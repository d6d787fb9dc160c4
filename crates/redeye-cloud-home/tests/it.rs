//! Megavisors on real machines and controllers.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "it/backends.rs"]
mod backends;
#[path = "it/conformance.rs"]
mod conformance;
#[path = "it/guest.rs"]
mod guest;
#[path = "it/haproxy.rs"]
mod haproxy;
#[path = "it/ipmi.rs"]
mod ipmi;
#[path = "it/libvirt.rs"]
mod libvirt;
#[path = "it/local.rs"]
mod local;
#[path = "it/lxc.rs"]
mod lxc;
#[path = "it/qemu.rs"]
mod qemu;
#[path = "it/redfish.rs"]
mod redfish;
#[path = "it/sleeper.rs"]
mod sleeper;
#[path = "it/ssh.rs"]
mod ssh;
#[path = "it/versions.rs"]
mod versions;
#[path = "it/wol.rs"]
mod wol;
