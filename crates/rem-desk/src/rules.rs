//! What the desk works by: alerts, ladders, people, the graph. Plain data; the
//! configuration makes it, and [`crate::Desk::reload`] exchanges it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rem_alert::episode::{self, HoldPlan};
use rem_alert::shift::{NoticeWishes, Role};
use rem_graph::Graph;
use rem_notify::Contact;
use rem_time::{Span, Zone};

use crate::actor::Right;

/// All rules of one site.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The name of the site, in every message.
    pub site: String,
    /// Where the pages are, such as `https://monitor.example.com/system_monitor`:
    /// what links in messages begin with. `None`: messages have no links.
    pub base_url: Option<String>,
    /// The alerts by name. An alert that is reported and not here works by
    /// [`AlertRule::default`].
    pub alerts: BTreeMap<String, AlertRule>,
    /// Who is told, in which order, by the `ladder` that a report names; by habit
    /// the name of the service's deployment.
    pub ladders: BTreeMap<String, Vec<episode::Step>>,
    /// The ladder of reports that name none, or one that is not here; and of the
    /// alerts that the desk raises itself.
    pub default_ladder: Vec<episode::Step>,
    /// Who is on call in which role.
    pub roles: Vec<Role>,
    /// When people are away, as the file says; what they say themselves is kept by
    /// the desk.
    pub vacations: Vec<rem_alert::shift::Change>,
    /// The people by name.
    pub users: BTreeMap<String, User>,
    /// Who is told where all roles of a ladder are empty, in order.
    pub fallback: Vec<Reach>,
    /// What depends on what. `None`: nothing depends on anything.
    pub graph: Option<Arc<Graph>>,
    /// The nodes that somebody looks at, with the interval of their monitors.
    pub watched: HashMap<Arc<str>, Span>,
    /// Holds that the file states; those of people are kept by the desk.
    pub holds: Vec<HoldPlan>,
    /// How the desk itself behaves.
    pub timing: Timing,
    /// Where self-tests go, one of each kind: a loop address, a sink.
    pub self_test: Vec<Reach>,
    /// The kinds of contact (`mail`, `webhook`, `script`) whose self-tests come back to
    /// [`crate::Desk::arrived`]; an alert tells when one does not. The others count
    /// once they are taken over.
    pub comes_back: BTreeSet<String>,
    /// The outside that notices when we are silent.
    pub heartbeat: Option<Heartbeat>,
}

/// How one alert behaves, whatever its subject.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRule {
    /// What it is called in messages. `{subject}`, `{alert}`, `{message}` and the
    /// labels and values of the report are filled in; an unknown name stays as it is.
    pub title: String,
    /// What to do about it, or where that is written; in every message.
    pub runbook: Option<String>,
    /// For people and for webhooks: `critical`, `warning`.
    pub severity: String,
    /// When it pages, waits and ends. Its `ladder` is filled in from the report's.
    pub behaviour: episode::Rules,
    /// A ladder of its own, in place of the report's.
    pub ladder: Option<String>,
}

impl Default for AlertRule {
    fn default() -> Self {
        Self {
            title: "{alert}: {subject}".into(),
            runbook: None,
            severity: "critical".into(),
            // A page leaves as soon as every parent was looked at.
            behaviour: episode::Rules {
                settle: Some(Span::ZERO),
                ..episode::Rules::default()
            },
            ladder: None,
        }
    }
}

/// A person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct User {
    /// As they are called in messages.
    pub full_name: Option<String>,
    /// What they may do when they answer by mail or by a signed link.
    pub right: Right,
    /// Their time zone.
    pub zone: Zone,
    /// What they want to be told about their shifts.
    pub notices: NoticeWishes,
    /// How to reach them, the best way first. The next one is taken when one is
    /// broken, or does not work for [`Timing::next_contact_after`] attempts.
    pub contacts: Vec<Reach>,
}

/// One way to reach somebody, and how it may be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    /// Where.
    pub contact: Contact,
    /// Several alerts go in one message. `false`: one message for each alert, for
    /// receivers that are programs.
    pub digest: bool,
    /// Messages on their way at the same time; 1 keeps their order. Zero counts as 1.
    pub at_once: u16,
    /// Messages that may leave without a pause between them …
    pub burst: u16,
    /// … and the time after which one more may; pages that wait are bundled. Zero:
    /// no limit.
    pub pace: Span,
}

impl Reach {
    /// A person's contact: digests, in order, five at once and then one a minute.
    pub fn person(contact: Contact) -> Self {
        Self {
            contact,
            digest: true,
            at_once: 1,
            burst: 5,
            pace: Span::from_seconds(60),
        }
    }

    /// A program's: each alert by itself, 32 on their way, no pause.
    pub fn program(contact: Contact) -> Self {
        Self {
            contact,
            digest: false,
            at_once: 32,
            burst: 0,
            pace: Span::ZERO,
        }
    }
}

/// How the desk itself behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// How long one attempt to send may take.
    pub send_deadline: Span,
    /// After so many failed attempts in a row the next contact of the person is tried.
    pub next_contact_after: u32,
    /// How long a link to acknowledge works.
    pub link_valid: Span,
    /// How often the contacts of [`Rules::self_test`], and all that are known as
    /// broken, get a test message. `None`: never.
    pub self_test_every: Option<Span>,
    /// How long a self-test that was taken over may take to come back.
    pub self_test_within: Span,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            send_deadline: Span::from_seconds(20),
            next_contact_after: 3,
            link_valid: Span::from_seconds(7 * 86_400),
            self_test_every: Some(Span::from_seconds(86_400)),
            self_test_within: Span::from_seconds(900),
        }
    }
}

/// A sign of life for somebody outside who notices when it stops.
#[derive(Clone, Debug, PartialEq)]
pub struct Heartbeat {
    /// Where it goes.
    pub contact: Contact,
    /// How often.
    pub every: Span,
}
