//! A site with two people and a switch, on a clock that is moved by hand.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rem_alert::episode::Step;
use rem_alert::shift::Role;
use rem_desk::{Actor, Desk, Evaluated, Parts, Reach, Report, Rules, TaskList, TokenKey, User};
use rem_graph::Builder;
use rem_notify::{Contact, Delivered, FakePost, Post};
use rem_time::{Clock, ManualClock, Span, Timestamp};
use unidist::{BucketSpec, FileOpts, SimDisk, Unidist};

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

/// A user of the rules, who is an operator.
pub(crate) fn by(name: &str) -> Actor {
    Actor::operator(name)
}

pub(crate) fn mail(name: &str) -> Contact {
    Contact::mail(&format!("{name}@example.com")).unwrap()
}

pub(crate) fn user(name: &str) -> (String, User) {
    let user = User {
        contacts: vec![Reach::person(mail(name))],
        ..User::default()
    };
    (name.into(), user)
}

/// Ann is on call for `web`, Bob is the manager; each is paged twice, a minute apart.
pub(crate) fn rules() -> Rules {
    let minute = Span::from_seconds(60);
    let mut rules = Rules {
        site: "acme".into(),
        base_url: Some("https://rem.example.com".into()),
        users: BTreeMap::from([user("ann"), user("bob")]),
        roles: vec![
            Role::new("web").standing("ann"),
            Role::new("manager").standing("bob"),
        ],
        default_ladder: vec![Step::new("web", 2, minute), Step::new("manager", 2, minute)],
        ..Rules::default()
    };
    rules.timing.self_test_every = None;
    for user in rules.users.values_mut() {
        user.notices.weekly = None;
    }
    rules
}

/// A desk whose disk, clock and post are in the hands of a test.
pub(crate) struct House {
    pub(crate) desk: Desk,
    pub(crate) disk: SimDisk,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) post: Arc<FakePost>,
    pub(crate) unidist: Unidist,
}

pub(crate) fn options(clock: Arc<dyn Clock>) -> FileOpts {
    FileOpts {
        clock,
        segment_bytes: 128 << 10,
        snapshot_bytes: 512 << 10,
        ..FileOpts::default()
    }
}

pub(crate) async fn open_with(
    disk: &SimDisk,
    clock: &Arc<ManualClock>,
    post: Arc<dyn Post>,
    rules: Rules,
) -> (Desk, Unidist) {
    open_parts(disk, clock, post, rules, None).await
}

async fn open_parts(
    disk: &SimDisk,
    clock: &Arc<ManualClock>,
    post: Arc<dyn Post>,
    rules: Rules,
    tasks: Option<Arc<dyn TaskList>>,
) -> (Desk, Unidist) {
    let unidist = Unidist::open_on(Arc::new(disk.clone()), options(clock.clone())).unwrap();
    let parts = Parts {
        bucket: unidist.consistent("alerts", BucketSpec::default()).unwrap(),
        post,
        clock: clock.clone(),
        key: TokenKey::from_secret(b"of the tests"),
        tasks,
    };
    (Desk::open(parts, rules).await.unwrap(), unidist)
}

impl House {
    pub(crate) async fn open(rules: Rules) -> Self {
        Self::open_on(SimDisk::new(), Arc::new(ManualClock::at(at(0))), rules).await
    }

    pub(crate) async fn open_on(disk: SimDisk, clock: Arc<ManualClock>, rules: Rules) -> Self {
        Self::open_all(disk, clock, rules, None).await
    }

    pub(crate) async fn open_tasks(rules: Rules, tasks: Option<Arc<dyn TaskList>>) -> Self {
        let clock = Arc::new(ManualClock::at(at(0)));
        Self::open_all(SimDisk::new(), clock, rules, tasks).await
    }

    async fn open_all(
        disk: SimDisk,
        clock: Arc<ManualClock>,
        rules: Rules,
        tasks: Option<Arc<dyn TaskList>>,
    ) -> Self {
        let post = Arc::new(FakePost::new());
        let (desk, unidist) = open_parts(&disk, &clock, post.clone(), rules, tasks).await;
        Self {
            desk,
            disk,
            clock,
            post,
            unidist,
        }
    }

    /// Everything that is due at this second has happened when it returns.
    pub(crate) async fn at(&self, seconds: i64) {
        self.clock.set(at(seconds));
        self.settle().await;
    }

    /// Until nothing more happens without the clock moving.
    pub(crate) async fn settle(&self) {
        let mut quiet = 0;
        while quiet < 3 {
            let before = (self.post.attempts(), self.desk.overview().waiting);
            self.desk.tick().await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
            let after = (self.post.attempts(), self.desk.overview().waiting);
            quiet = if before == after { quiet + 1 } else { 0 };
        }
    }

    pub(crate) async fn report(&self, report: Report) {
        self.desk.report(vec![report]).await.unwrap();
        self.settle().await;
    }

    /// Fires `down` about a subject now.
    pub(crate) async fn fires(&self, subject: &str) {
        self.report(Report::fires("down", subject, self.clock.now()))
            .await;
    }

    pub(crate) async fn clears(&self, subject: &str) {
        self.report(Report::clears("down", subject, self.clock.now()))
            .await;
    }

    /// Who got what since the last time this was asked, in order: `ann: subject`.
    pub(crate) fn got(&self) -> Vec<String> {
        let delivered = self.post.take_delivered();
        delivered.iter().map(said).collect()
    }
}

pub(crate) fn said(delivered: &Delivered) -> String {
    let contact = delivered.contact.to_string();
    let to = contact.trim_start_matches("mail ");
    let to = to.split('@').next().unwrap_or(to);
    format!("{to}: {}", delivered.message.subject)
}

/// The same site with a graph: all of `below` need `switch`, which is watched.
pub(crate) fn rules_behind(switch: &str, below: &[String]) -> Rules {
    let mut builder = Builder::new();
    builder.node(switch);
    for name in below {
        builder.node(name);
    }
    for name in below {
        builder.require(name, "network", 1, [switch]);
    }
    Rules {
        graph: Some(Arc::new(builder.build().unwrap())),
        watched: HashMap::from([(switch.into(), Span::from_seconds(30))]),
        ..rules()
    }
}

pub(crate) fn looked_at(node: &str, clock: &ManualClock) -> Evaluated {
    Evaluated {
        node: node.into(),
        at: clock.now(),
        doubtful: false,
    }
}
