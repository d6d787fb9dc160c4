use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Reads that every noun has.
#[derive(Debug, Subcommand)]
pub(crate) enum Look {
    /// All of them
    List,
    /// One of them, whole
    Show {
        /// Which
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Instance {
    /// All of them
    List,
    /// One of them, whole
    Show {
        /// Which
        id: String,
    },
    /// A new one
    Request(RequestInstance),
    /// Power on
    Start {
        /// Which
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Power off
    Stop {
        /// Which
        #[arg(required = true)]
        ids: Vec<String>,
        /// Pull the plug
        #[arg(long)]
        force: bool,
    },
    /// Off and on again
    Reboot {
        /// Which
        #[arg(required = true)]
        ids: Vec<String>,
        /// Pull the plug
        #[arg(long)]
        force: bool,
    },
    /// Gone for ever
    Terminate {
        /// Which
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// May not be terminated from now on
    Protect {
        /// Which
        id: String,
        /// May be terminated again
        #[arg(long)]
        off: bool,
    },
    /// Set or remove tags: name=value sets, name alone removes
    Tag {
        /// Which
        id: String,
        /// The tags
        #[arg(required = true)]
        tags: Vec<String>,
    },
    /// Open its console on this terminal
    Console {
        /// Which
        id: String,
    },
    /// Wait until its power is on or off, or it is gone
    Wait {
        /// Which
        id: String,
        /// on, off or gone
        #[arg(long = "for", value_name = "STATE", default_value = "on")]
        wanted: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RequestInstance {
    /// What people call it
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// What it starts from
    #[arg(long, value_name = "ID")]
    pub(crate) image: Option<String>,
    /// Its size
    #[arg(long, value_name = "ID")]
    pub(crate) size: Option<String>,
    /// Where in its region
    #[arg(long, value_name = "ID")]
    pub(crate) zone: Option<String>,
    /// The key that opens it
    #[arg(long, value_name = "ID")]
    pub(crate) key: Option<String>,
    /// A firewall before it; may be given again
    #[arg(long, value_name = "ID")]
    pub(crate) firewall: Vec<String>,
    /// A file with what it is told when it first starts
    #[arg(long, value_name = "FILE")]
    pub(crate) user_data: Option<PathBuf>,
    /// It must not be terminated
    #[arg(long)]
    pub(crate) protect: bool,
    /// A tag, name=value; may be given again
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) tag: Vec<String>,
    /// How many
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) count: u16,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Volume {
    /// All of them
    List,
    /// One of them, whole
    Show {
        /// Which
        id: String,
    },
    /// A new one, empty or from a snapshot
    Create {
        /// Its size, such as 20G or 512M
        #[arg(long, value_name = "SIZE")]
        size: Option<String>,
        /// What is on it
        #[arg(long, value_name = "ID")]
        snapshot: Option<String>,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
        /// Where in its region
        #[arg(long, value_name = "ID")]
        zone: Option<String>,
        /// The cloud's word for its sort
        #[arg(long)]
        sort: Option<String>,
    },
    /// Hang it on a machine
    Attach {
        /// Which
        id: String,
        /// On which machine
        instance: String,
        /// As which device
        #[arg(long)]
        device: Option<String>,
    },
    /// Take it off
    Detach {
        /// Which
        id: String,
        /// The machine has no say
        #[arg(long)]
        force: bool,
    },
    /// Make it larger
    Resize {
        /// Which
        id: String,
        /// To what size, such as 40G
        size: String,
    },
    /// It and its content are gone
    Delete {
        /// Which
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Snapshot {
    /// All of them
    List,
    /// One of them, whole
    Show {
        /// Which
        id: String,
    },
    /// Of these volumes, at one instant where the cloud can
    Create {
        /// Which volumes
        #[arg(required = true)]
        volumes: Vec<String>,
        /// What for
        #[arg(long)]
        description: Option<String>,
    },
    /// To the region of --megavisor
    Copy {
        /// Which
        id: String,
        /// From which region
        #[arg(long, value_name = "REGION")]
        from: String,
    },
    /// A new volume of its content
    Restore {
        /// Which
        id: String,
        /// What people call the volume
        #[arg(long)]
        name: Option<String>,
    },
    /// Gone
    Delete {
        /// Which
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Ip {
    /// All of them
    List,
    /// One of them, whole
    Show {
        /// Which
        id: String,
    },
    /// A new one
    Allocate,
    /// To a machine, wherever it was before
    Move {
        /// Which
        id: String,
        /// Which machine; none takes it off
        instance: String,
    },
    /// Give it back
    Release {
        /// Which
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// All of them
    List,
    /// One of them, whole
    Show {
        /// Which
        id: String,
    },
    /// A new pair; its private half is printed once
    Create {
        /// Its name
        name: String,
    },
    /// Make a public key known
    Import {
        /// Its name
        name: String,
        /// Its file, as OpenSSH writes it
        file: PathBuf,
    },
    /// Forget it
    Delete {
        /// Which
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Image {
    /// All of them
    List,
    /// One of them, whole
    Show {
        /// Which
        id: String,
    },
    /// Of a machine
    Create {
        /// Of which
        instance: String,
        /// Its name
        name: String,
    },
    /// To the region of --megavisor
    Copy {
        /// Which
        id: String,
        /// From which region
        #[arg(long, value_name = "REGION")]
        from: String,
        /// The name of the copy
        name: String,
    },
    /// Gone
    Delete {
        /// Which
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Lb {
    /// All of them
    List,
    /// One of them, whole
    Show {
        /// Which
        id: String,
    },
    /// A new one
    Create {
        /// Its name
        name: String,
        /// A port, as PORT/PROTOCOL or PORT/PROTOCOL:PORT-OF-THE-MACHINES; may be given again
        #[arg(long, required = true, value_name = "80/http:8080")]
        listener: Vec<String>,
        /// A zone or subnet, where the cloud wants to know; may be given again
        #[arg(long, value_name = "ID")]
        place: Vec<String>,
    },
    /// A machine goes behind it
    Attach {
        /// Which
        id: String,
        /// Which machine
        instance: String,
        /// On which of its ports, if not the listener's
        #[arg(long)]
        port: Option<u16>,
    },
    /// A machine comes out from behind it, when its requests are answered
    Detach {
        /// Which
        id: String,
        /// Which machine
        instance: String,
    },
    /// The machines behind it, and how well they are
    Health {
        /// Which
        id: String,
    },
    /// Gone
    Delete {
        /// Which
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Firewall {
    /// All of them
    List,
    /// One of them, whole
    Show {
        /// Which
        id: String,
    },
    /// A new one, which lets nothing in
    Create {
        /// Its name
        name: String,
        /// What it is for
        #[arg(long)]
        description: Option<String>,
    },
    /// Let something through: firewall allow fw-1 tcp 22 --from 192.0.2.0/24
    Allow(Rule),
    /// Let it through no longer
    Deny(Rule),
    /// Gone
    Delete {
        /// Which
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Rule {
    /// Which firewall
    pub(crate) id: String,
    /// tcp, udp, icmp or any
    pub(crate) protocol: String,
    /// 22 or 8000-8100; all without
    pub(crate) ports: Option<String>,
    /// What comes in from a network, an address or another firewall
    #[arg(
        long,
        value_name = "PEER",
        conflicts_with = "to",
        required_unless_present = "to"
    )]
    pub(crate) from: Option<String>,
    /// What goes out to a network, an address or another firewall
    #[arg(long, value_name = "PEER")]
    pub(crate) to: Option<String>,
}
