//! A day of ten thousand monitors, each at one minute, with faults at random, beside an
//! oracle that knows three rules: an alert that fires is paged at once if no parent has
//! failed, when its last parent recovers, and five minutes and a bit after the page before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use rem_alert::episode::{AfterClear, Step};
use rem_desk::{AlertRule, Reach};
use rem_monitor::simulate::Finding;
use rem_notify::Kind;
use rem_time::Span;

use crate::stage::Stage;

/// Machines, each behind one of the switches.
const MACHINES: u64 = 10_000;
const SWITCHES: u64 = 100;
const DAY: u64 = 86_400;
const EVERY: u64 = 60;
/// Milliseconds: no page is due in the instant of a look.
const REPEAT: u64 = 300_017;
const CLEAR_DELAY: u64 = 600;

/// A small generator: the same day every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % below
    }
}

fn everybody() -> u64 {
    SWITCHES + MACHINES
}

fn name(at: u64) -> String {
    if at < SWITCHES {
        format!("s{at:04}")
    } else {
        format!("m{at:05}")
    }
}

/// Where in its minute a monitor looks: switches spread between the machines.
fn place(at: u64) -> u64 {
    if at < SWITCHES {
        (at * 7) % EVERY
    } else {
        (at * 13) % EVERY
    }
}

fn switch_of(machine: u64) -> u64 {
    machine % SWITCHES
}

/// From and to, in milliseconds: never in the instant of a look.
type Fault = (u64, u64);

/// Faults of everything over the day. Whatever fails again does so long after its
/// clear delay; what is behind a failed switch and broken itself outlasts it.
fn faults(dice: &mut Dice) -> Vec<Vec<Fault>> {
    const MARGIN: u64 = (CLEAR_DELAY + 2 * EVERY) * 1_000;
    let mut all: Vec<Vec<Fault>> = Vec::new();
    for _ in 0..SWITCHES {
        let mut faults = Vec::new();
        let mut at = 1_800_000 + dice.roll(20_000) * 1_000 + 500;
        while at + 3_600_000 < DAY * 1_000 {
            let end = at + (EVERY + dice.roll(2_400)) * 1_000;
            faults.push((at, end));
            at = end + MARGIN + dice.roll(60_000) * 1_000;
        }
        all.push(faults);
    }
    for machine in SWITCHES..everybody() {
        let mut faults: Vec<Fault> = Vec::new();
        if dice.roll(3) == 0 {
            let at = 1_800_000 + dice.roll(DAY - 9_000) * 1_000 + 500;
            let mut end = at + (30 + dice.roll(7_200)) * 1_000;
            // Long enough to be seen, and to be there when the switch is back.
            end = end.max(at + 2 * EVERY * 1_000);
            let near = |fault: &&Fault| fault.0 < end + MARGIN && at < fault.1 + MARGIN;
            let fits = all[switch_of(machine) as usize]
                .iter()
                .filter(near)
                .all(|fault| {
                    let overlaps = fault.0 < end && at < fault.1;
                    overlaps && fault.1 + 2 * EVERY * 1_000 < end
                });
            if fits {
                faults.push((at, end));
            }
        }
        all.push(faults);
    }
    all
}

/// What is paged when, second by second, by the three rules.
struct Oracle<'f> {
    faults: &'f [Vec<Fault>],
    firing: Vec<bool>,
    /// The last page since it last began to be anybody's business.
    paged: Vec<Option<u64>>,
    /// Those that fire, so that not everything is looked at every second.
    open: std::collections::BTreeSet<u64>,
    pages: Vec<(Span, String)>,
}

impl Oracle<'_> {
    fn is_bad(&self, who: u64, second: u64) -> bool {
        let now = second * 1_000;
        let broken = |who: u64| {
            let faults = self.faults[who as usize].iter();
            faults
                .into_iter()
                .any(|(from, to)| *from <= now && now < *to)
        };
        broken(who) || (SWITCHES <= who && broken(switch_of(who)))
    }

    fn look(&mut self, who: u64, second: u64) {
        let bad = self.is_bad(who, second);
        if bad == self.firing[who as usize] {
            return;
        }
        self.firing[who as usize] = bad;
        if bad {
            self.open.insert(who);
            if SWITCHES <= who {
                // Its switch is looked at before anybody is told.
                self.look(switch_of(who), second);
            }
            return;
        }
        self.open.remove(&who);
        self.paged[who as usize] = None;
        if who < SWITCHES {
            for machine in self.open.clone() {
                if SWITCHES <= machine && switch_of(machine) == who {
                    self.look(machine, second);
                }
            }
        }
    }

    /// Pages of this second: new ones at once, others when they are due within it.
    fn page(&mut self, second: u64) {
        let (now, end) = (second * 1_000, second * 1_000 + 999);
        for who in &self.open {
            if SWITCHES <= *who && self.firing[switch_of(*who) as usize] {
                self.paged[*who as usize] = None;
                continue;
            }
            let last = &mut self.paged[*who as usize];
            let due = last.map_or(now, |last| last + REPEAT);
            if due <= end {
                *last = Some(due);
                self.pages.push((Span::from_millis(due), name(*who)));
            }
        }
    }

    fn day(mut self) -> Vec<(Span, String)> {
        let mut at: Vec<Vec<u64>> = vec![Vec::new(); EVERY as usize];
        for who in 0..everybody() {
            at[place(who) as usize].push(who);
        }
        for second in 0..DAY {
            for who in &at[(second % EVERY) as usize] {
                self.look(*who, second);
            }
            self.page(second);
        }
        self.pages.sort();
        self.pages
    }
}

#[test]
fn on_a_day_of_faults_exactly_those_are_paged_that_must_be_and_at_the_second() {
    let faults = faults(&mut Dice(20_261_123));
    let oracle = Oracle {
        faults: &faults,
        firing: vec![false; faults.len()],
        paged: vec![None; faults.len()],
        open: Default::default(),
        pages: Vec::new(),
    };
    let expected = oracle.day();
    assert!(
        3 * MACHINES < expected.len() as u64,
        "only {} pages on that day",
        expected.len()
    );

    let mut stage = Stage::new().rules(|rules| {
        let every = Span::from_millis(REPEAT);
        rules.default_ladder = vec![Step::new("web", u32::MAX, every)];
        let ann = rules.users.get_mut("ann").unwrap();
        // Each page by itself, and none is held up by another.
        ann.contacts[0] = Reach::program(ann.contacts[0].contact.clone());
        let mut rule = AlertRule::default();
        rule.behaviour.after_clear = AfterClear::Stop;
        rules.alerts.insert("down".into(), rule);
    });
    for who in 0..everybody() {
        let id = format!("{}/net/ping", name(who));
        stage = stage.monitor(&id, "1m", &format!("{}s", place(who)));
        if SWITCHES <= who {
            stage = stage.needs(&name(who), &name(switch_of(who)));
        }
    }
    let mut by_time: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (who, faults) in (0..).zip(&faults) {
        for at in faults.iter().flat_map(|(from, to)| [*from, *to]) {
            by_time.entry(at).or_default().push(who);
        }
    }
    let began = Instant::now();
    let mut site = stage.raise();
    let (ok, bad) = (
        Arc::new(Finding::ok()),
        Arc::new(Finding::critical("no answer")),
    );
    for (at, changed) in by_time {
        site.run_to(Span::from_millis(at));
        for who in changed {
            let below = (SWITCHES..everybody())
                .filter(|machine| who < SWITCHES && switch_of(*machine) == who);
            for one in std::iter::once(who).chain(below) {
                let is_bad = |who: u64| {
                    let faults = faults[who as usize].iter();
                    faults.into_iter().any(|(from, to)| *from <= at && at < *to)
                };
                let bad_now = is_bad(one) || (SWITCHES <= one && is_bad(switch_of(one)));
                let finding = if bad_now { &bad } else { &ok };
                site.finds(&format!("{}/net/ping", name(one)), Arc::clone(finding));
            }
        }
    }
    site.run_to(Span::from_millis(DAY * 1_000 - 1));
    let looks: u64 = (0..everybody())
        .map(|who| site.looks(&format!("{}/net/ping", name(who))).unwrap().0)
        .sum();
    println!("{looks} looks in {:?}", began.elapsed());
    assert!(everybody() * (DAY / EVERY) <= looks, "{looks}");
    assert_eq!(site.spins(), 0);

    let pages = site
        .sent()
        .iter()
        .filter(|sent| sent.message.kind == Kind::Page);
    let mut pages: Vec<(Span, String)> = pages
        .map(|sent| {
            let machine = sent.message.subject.strip_prefix("down: machine:").unwrap();
            (sent.at, machine.to_owned())
        })
        .collect();
    pages.sort();
    let missing: Vec<_> = expected
        .iter()
        .filter(|page| pages.binary_search(page).is_err())
        .collect();
    let surprising: Vec<_> = pages
        .iter()
        .filter(|page| expected.binary_search(page).is_err())
        .collect();
    if let Some((_, machine)) = missing.iter().chain(&surprising).next() {
        let who = (0..everybody()).find(|who| name(*who) == *machine).unwrap();
        let of = |pages: &[(Span, String)]| -> Vec<String> {
            let own = pages.iter().filter(|(_, other)| other == machine);
            own.map(|(at, _)| at.to_string()).collect()
        };
        println!(
            "{machine} looks at {} of {EVERY}: faults {:?}",
            place(who),
            faults[who as usize]
        );
        println!(
            "its switch at {}: {:?}",
            place(switch_of(who)),
            faults[switch_of(who) as usize]
        );
        println!("expected {:?}\ncame     {:?}", of(&expected), of(&pages));
    }
    assert!(
        missing.is_empty() && surprising.is_empty(),
        "of {} pages {} did not come, {} came and must not: {:?} and {:?}",
        expected.len(),
        missing.len(),
        surprising.len(),
        missing.iter().take(5).collect::<Vec<_>>(),
        surprising.iter().take(5).collect::<Vec<_>>()
    );
    assert_eq!(pages.len(), expected.len(), "a page came twice");
}
