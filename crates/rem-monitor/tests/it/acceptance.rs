//! What happens to a site, line by line; see [`crate::stage`].

use std::sync::Arc;

use rem_alert::episode::{Days, HoldKind, HoldPlan, Repeats, Step, When};
use rem_alert::level::{Action, Level, UnknownAs};
use rem_alert::shift::{Every, Plan, Role, Rotation};
use rem_desk::{AlertRule, Reach};
use rem_monitor::Limits;
use rem_monitor::simulate::Finding;
use rem_notify::Contact;
use rem_time::Zone;

use crate::stage::{Stage, down, said, span, user};

fn one() -> Stage {
    Stage::new().monitor("web-1/net/ping", "1m", "0s")
}

/// A switch that is looked at half a minute after the machines behind it.
fn behind_a_switch(machines: usize) -> Stage {
    let stage = Stage::new().monitor("switch/net/ping", "1m", "30s");
    (0..machines).fold(stage, |stage, at| {
        let name = format!("m{at:05}");
        let stage = stage.needs(&name, "switch");
        stage.monitor(&format!("{name}/net/ping"), "1m", "10s")
    })
}

#[test]
fn an_alert_climbs_its_ladder_round_by_round_until_somebody_acknowledges() {
    one().play(
        "30s    web-1/net/ping finds critical
         1m     -> ann page: down: machine:web-1
         1m     down@machine:web-1 is communicating
         6m     -> ann page: down: machine:web-1
         11m    -> bob page: down: machine:web-1
         16m    -> bob page: down: machine:web-1
         21m    -> ann page: down: machine:web-1
         25m    ann completes down@machine:web-1
         25m    down@machine:web-1 is acknowledged
         25m    -> bob note: down: machine:web-1: ann acknowledged it
         24h    end",
    );
}

#[test]
fn an_acknowledged_alert_is_over_after_its_clear_delay_and_whoever_was_told_hears_it() {
    one().play(
        "30s    web-1/net/ping finds critical
         1m     -> ann page: down: machine:web-1
         2m     ann completes down@machine:web-1
         3m30s  web-1/net/ping finds ok
         4m     down@machine:web-1 is clearing
         14m    -> ann note: down: machine:web-1: it is over
         14m    open: 0",
    );
}

#[test]
fn an_alert_that_is_over_and_was_never_acknowledged_is_not_forgotten() {
    one().play(
        "30s    web-1/net/ping finds critical
         1m     -> ann page: down: machine:web-1
         1m30s  web-1/net/ping finds ok
         3m     down@machine:web-1 is clearing
         12m    -> ann note: down: machine:web-1: it is over, and nobody acknowledged it
         12m30s down@machine:web-1 is recovered, never acknowledged
         1h12m  -> ann page: down: machine:web-1
         3h12m  -> ann page: down: machine:web-1
         7h12m  -> ann page: down: machine:web-1
         8h     ann completes down@machine:web-1
         3d     open: 0",
    );
}

#[test]
fn a_snooze_ends_and_the_ladder_begins_anew() {
    one().play(
        "30s    web-1/net/ping finds critical
         1m     -> ann page: down: machine:web-1
         2m     ann snoozes 30m down@machine:web-1
         2m     down@machine:web-1 is snoozed
         32m    -> ann page: down: machine:web-1
         33m    ann snoozes 10m down@machine:web-1
         34m    ann snoozes 1h down@machine:web-1
         1h34m  -> ann page: down: machine:web-1
         1h35m  ann completes down@machine:web-1
         2h     end",
    );
}

#[test]
fn an_alert_that_comes_again_within_its_clear_delay_overrides_a_snooze_but_not_a_complete() {
    one().play(
        "30s    web-1/net/ping finds critical
         1m     -> ann page: down: machine:web-1
         2m     ann snoozes 2h down@machine:web-1
         2m30s  web-1/net/ping finds ok
         4m30s  web-1/net/ping finds critical
         5m     -> ann page: down: machine:web-1
         6m     ann completes down@machine:web-1
         6m30s  web-1/net/ping finds ok
         8m30s  web-1/net/ping finds critical
         9m     down@machine:web-1 is acknowledged
         2h     end",
    );
}

#[test]
fn a_monitor_that_flaps_pages_once_and_then_climbs_on() {
    let mut script = String::from("20s web-1/net/ping finds critical\n");
    for minute in 1..=8 {
        let word = if minute % 2 == 1 { "ok" } else { "critical" };
        script.push_str(&format!("{minute}m30s web-1/net/ping finds {word}\n"));
    }
    script.push_str("1m -> ann page: down: machine:web-1\n");
    script.push_str("11m -> bob page: down: machine:web-1\n");
    script.push_str("16m -> bob page: down: machine:web-1\n");
    script.push_str("20m end\n");
    one().play(&script);
}

#[test]
fn ten_thousand_alerts_behind_one_failed_switch_are_one_page() {
    let stage = behind_a_switch(10_000);
    let mut site = stage.raise();
    site.run_to(span("5m"));
    for staged in &stage.monitors {
        site.finds(staged.id(), Finding::critical("no answer"));
    }
    site.run_to(span("6m"));
    let sent: Vec<String> = site.sent().iter().map(said).collect();
    assert_eq!(sent, ["-> ann page: down: machine:switch"]);
    assert_eq!(
        site.sent()[0].at,
        span("5m10s"),
        "the switch was looked at at once"
    );
    assert_eq!(site.alerts().len(), 10_001);
    assert_eq!(site.spins(), 0);
}

#[test]
fn a_switch_that_recovers_while_three_hundred_are_still_down_is_one_digest_within_a_second() {
    let stage = behind_a_switch(300);
    let site = stage.play(
        "5m     */net/ping finds critical
         5m10s  -> ann page: down: machine:switch
         6m     ann completes down@machine:switch
         6m15s  switch/net/ping finds ok
         6m30s  -> ann digest: 300 alerts
         7m     end",
    );
    assert_eq!(site.alerts().len(), 301);
}

#[test]
fn a_child_that_fails_before_its_parent_was_looked_at_is_not_a_page() {
    behind_a_switch(1).play(
        "1m     */net/ping finds critical
         1m10s  -> ann page: down: machine:switch
         1m10s  down@machine:m00000 is held by a dependency
         2m     ann completes down@machine:switch
         1h     end",
    );
}

#[test]
fn a_child_whose_parent_is_well_is_paged_as_soon_as_that_is_known() {
    behind_a_switch(1).play(
        "1m     m00000/net/ping finds critical
         1m10s  -> ann page: down: machine:m00000
         2m     ann completes down@machine:m00000
         1h     end",
    );
}

#[test]
fn a_parent_whose_look_takes_long_is_waited_for() {
    behind_a_switch(1).play(
        "45s    switch/net/ping takes 10s critical
         1m     m00000/net/ping finds critical
         1m10s  down@machine:m00000 is settling
         1m20s  -> ann page: down: machine:switch
         2m     ann completes down@machine:switch
         1h     end",
    );
}

#[test]
fn maintenance_that_comes_again_follows_the_wall_clock_over_a_change_of_time() {
    // Berlin goes from +1 to +2 on 2026-03-29 at 01:00Z: 02:30 is 01:30Z on
    // Saturday, 01:00Z (the first instant after the gap) on Sunday, 00:30Z on Monday.
    let berlin = "Europe/Berlin".parse::<Zone>().unwrap();
    let window = HoldPlan {
        id: "backup".into(),
        kind: HoldKind::Maintenance,
        covers: vec!["machine = web-1".parse().unwrap()],
        when: When::Repeats(Repeats {
            days: Days::Daily,
            at: "02:30".parse().unwrap(),
            lasts: span("1h"),
            zone: berlin,
            from: None,
            until: None,
        }),
        by: "file".into(),
        why: "backups".into(),
    };
    one()
        .from("2026-03-28T00:00:00Z")
        .rules(|rules| rules.holds.push(window))
        .play(
            "1h29m30s  web-1/net/ping finds critical
             1h30m     down@machine:web-1 is held by maintenance
             2h30m     -> ann page: down: machine:web-1
             2h31m     ann snoozes 22h25m down@machine:web-1
             24h56m    -> ann page: down: machine:web-1
             25h       down@machine:web-1 is held by maintenance
             26h       -> ann page: down: machine:web-1
             26h1m     ann snoozes 22h25m down@machine:web-1
             48h26m    -> ann page: down: machine:web-1
             48h30m    down@machine:web-1 is held by maintenance
             49h30m    -> ann page: down: machine:web-1
             49h31m    ann completes down@machine:web-1
             50h       end",
        );
}

/// Ann until 09:30, then Cho, an hour each in turn.
fn rotating() -> Role {
    let plan = Plan::new(
        vec!["ann".into(), "cho".into()],
        Every::Hours(1),
        "2026-11-23T08:30:00".parse().unwrap(),
        Zone::utc(),
    );
    Role::new("web").layer(Rotation::new("web", plan.unwrap()))
}

#[test]
fn whoever_is_on_call_when_a_page_is_due_gets_it() {
    one()
        .rules(|rules| {
            rules.users.insert("cho".into(), user("cho"));
            for user in rules.users.values_mut() {
                user.notices.on = false;
                user.notices.off = false;
                user.notices.before.clear();
            }
            rules.roles[0] = rotating();
        })
        .play(
            "27m30s  web-1/net/ping finds critical
             28m     -> ann page: down: machine:web-1
             33m     -> cho page: down: machine:web-1
             38m     -> bob page: down: machine:web-1
             40m     bob completes down@machine:web-1
             40m     -> ann note: down: machine:web-1: bob acknowledged it
             40m     -> cho note: down: machine:web-1: bob acknowledged it
             2h      end",
        );
}

#[test]
fn a_gap_in_the_rota_goes_to_the_next_role_at_once_and_is_an_alert_itself() {
    one()
        .rules(|rules| {
            rules.roles[0] = Role::new("web");
            rules.fallback = vec![Reach::person(Contact::mail("root@example.com").unwrap())];
        })
        .play(
            "0s     -> bob page: oncall-gap: role:web
             30s    web-1/net/ping finds critical
             1m     -> bob page: down: machine:web-1
             2m     bob completes down@machine:web-1
             2m     bob completes oncall-gap@role:web
             20m    end",
        );
}

#[test]
fn mail_that_is_down_for_a_day_brings_one_page_to_each_person_once_it_is_back() {
    one().play(
        "10s    post mail down
         30s    web-1/net/ping finds critical
         24h    post mail takes
         1d2m156ms681us679ns -> bob page: down: machine:web-1
         1d4m22s275ms158us367ns -> ann page: down: machine:web-1
         24h5m  ann completes down@machine:web-1
         24h5m  -> bob note: down: machine:web-1: ann acknowledged it
         26h    end",
    );
}

#[test]
fn a_webhook_that_hangs_gives_way_to_the_next_contact_and_holds_up_nobody_else() {
    one()
        .monitor("web-2/net/ping", "1m", "5s")
        .rules(|rules| {
            let ann = rules.users.get_mut("ann").unwrap();
            let hook = Contact::webhook("https://ntfy.example.com/ann").unwrap();
            ann.contacts.insert(0, Reach::person(hook));
            rules.timing.next_contact_after = 1;
            rules.timing.send_deadline = span("20s");
            rules.default_ladder[1].after = rem_time::Span::ZERO;
        })
        .play(
            "10s    post webhook hangs
             30s    web-1/net/ping finds critical
             1m22s  -> ann page: down: machine:web-1
             2m     ann completes down@machine:web-1
             3m     end",
        );
}

#[test]
fn a_contact_that_refuses_is_reported_and_the_next_one_is_used_at_once() {
    one()
        .rules(|rules| {
            let ann = rules.users.get_mut("ann").unwrap();
            let hook = Contact::webhook("https://ntfy.example.com/ann").unwrap();
            ann.contacts.insert(0, Reach::person(hook));
        })
        .play(
            "10s    post webhook refuses
             30s    web-1/net/ping finds critical
             1m     -> ann page: down: machine:web-1
             1m     -> ann page: contact-broken: user:ann
             2m     ann completes down@machine:web-1
             2m     ann completes contact-broken@user:ann
             3m     end",
        );
}

#[test]
fn a_clock_that_is_set_an_hour_ahead_shortens_a_snooze_and_pages_once() {
    one().play(
        "30s    web-1/net/ping finds critical
         1m     -> ann page: down: machine:web-1
         2m     ann snoozes 30m down@machine:web-1
         5m     clock +1h
         5m     -> ann page: down: machine:web-1
         6m     ann completes down@machine:web-1
         1h     end",
    );
}

#[test]
fn a_clock_that_is_set_back_by_an_hour_makes_nobody_wait_longer_than_once_more() {
    one().play(
        "30s    web-1/net/ping finds critical
         1m     -> ann page: down: machine:web-1
         3m     clock -1h
         8m     -> ann page: down: machine:web-1
         13m    -> bob page: down: machine:web-1
         18m    -> bob page: down: machine:web-1
         20m    end",
    );
}

#[test]
fn a_restart_changes_nothing_that_people_were_promised() {
    one().monitor("web-2/net/ping", "1m", "5s").play(
        "30s    web-1/net/ping finds critical
         30s    web-2/net/ping finds critical
         1m     -> ann page: down: machine:web-1
         1m5s   -> ann page: down: machine:web-2
         2m     ann snoozes 30m down@machine:web-1
         2m     ann completes down@machine:web-2
         10m30s restart
         10m30s down@machine:web-1 is snoozed
         10m30s down@machine:web-2 is acknowledged
         32m    -> ann page: down: machine:web-1
         37m    -> ann page: down: machine:web-1
         40m    end",
    );
}

#[test]
fn a_reload_leaves_what_it_does_not_change_and_closes_what_is_gone() {
    let other = Stage::new().monitor("web-1/net/ping", "1m", "0s");
    let stage = one()
        .monitor("web-2/net/ping", "1m", "5s")
        .other("without web-2", other);
    stage.play(
        "30s    web-1/net/ping finds critical
         30s    web-2/net/ping finds critical
         1m     -> ann page: down: machine:web-1
         1m5s   -> ann page: down: machine:web-2
         6m     -> ann page: down: machine:web-1
         6m5s   -> ann page: down: machine:web-2
         10m30s reload without web-2
         10m30s down@machine:web-2 is clearing
         11m    -> bob page: down: machine:web-1
         16m    -> bob page: down: machine:web-1
         20m    end",
    );
}

#[test]
fn a_monitor_that_hears_nothing_is_unknown_and_says_so() {
    let silent = down().remove(0).counting_unknown(UnknownAs::Bad);
    let silent = vec![silent];
    Stage::new()
        .monitor_with("backup/job/nightly", "1h", "0s", silent, |staged| {
            staged.passive(span("25h"))
        })
        .play(
            "2h     backup/job/nightly is told ok
             26h    backup/job/nightly is told ok
             51h    -> ann page: down: machine:backup
             51h1m  ann completes down@machine:backup
             53h    backup/job/nightly is told ok
             53h10m -> ann note: down: machine:backup: it is over
             54h    open: 0",
        );
}

#[test]
fn a_result_that_says_how_long_it_is_good_for_is_believed_so_long() {
    let silent = down().remove(0).counting_unknown(UnknownAs::Bad);
    let silent = vec![silent];
    Stage::new()
        .monitor_with("backup/job/nightly", "1h", "0s", silent, |staged| {
            staged.passive(span("25h"))
        })
        .play(
            "2h     backup/job/nightly is told ok for 30m
             2h30m  -> ann page: down: machine:backup
             2h31m  ann completes down@machine:backup
             3h     backup/job/nightly is told ok for 48h
             3h10m  -> ann note: down: machine:backup: it is over
             50h    backup/job/nightly is told ok
             75h    -> ann page: down: machine:backup
             75h1m  ann completes down@machine:backup
             76h    end",
        );
}

#[test]
fn a_failure_that_is_looked_at_again_soon_is_certain_sooner() {
    let level = Level::new("down", "status != ok".parse().unwrap())
        .within("3 of last 3".parse().unwrap())
        .doing(Action::Alert("down".into()))
        .doing(Action::Trigger("restart".into()));
    Stage::new()
        .monitor_with(
            "web-1/net/ping",
            "5m",
            "0s",
            vec![level],
            Stage::retry("10s", 5),
        )
        .with_jobs()
        .play(
            "1m     web-1/net/ping finds critical
             5m20s  -> ann page: down: machine:web-1
             5m20s  -> job: restart
             6m     ann completes down@machine:web-1
             20m    end",
        );
}

#[test]
fn slow_checks_at_one_machine_take_turns() {
    let mut stage = Stage::new();
    for at in 0..6 {
        stage = stage.monitor(&format!("web-1/slow/check{at}"), "10m", "0s");
    }
    let mut site = stage.raise();
    for staged in &stage.monitors {
        site.finds(staged.id(), Finding::ok().taking(span("5s")));
    }
    site.limit(Limits {
        per_target: 2,
        ..Limits::default()
    });
    site.run_to(span("10m"));
    let begun = |site: &rem_monitor::simulate::Simulation| -> u64 {
        let looks = stage
            .monitors
            .iter()
            .map(|staged| site.looks(staged.id()).unwrap().0);
        looks.sum()
    };
    let before = begun(&site);
    assert_eq!(before, 6 + 2, "all at the start, two of the next round");
    site.run_to(span("10m5s"));
    assert_eq!(begun(&site), 6 + 4);
    site.run_to(span("10m10s"));
    assert_eq!(begun(&site), 6 + 6);
}

#[test]
fn a_check_that_never_ends_is_looked_for_no_more_and_its_rounds_are_counted() {
    let stage = one();
    let mut site = stage.raise();
    site.run_to(span("30s"));
    site.finds("web-1/net/ping", Finding::ok().taking(rem_time::Span::MAX));
    site.run_to(span("10m"));
    assert_eq!(site.looks("web-1/net/ping"), Some((2, 9)));
}

#[test]
fn a_known_problem_is_held_until_its_end() {
    one().play(
        "10s    hold known for 2h machine = web-1
         30s    web-1/net/ping finds critical
         1m     down@machine:web-1 is held by a person
         2h10s  -> ann page: down: machine:web-1
         2h11s  ann completes down@machine:web-1
         3h     end",
    );
}

#[test]
fn a_rule_of_its_own_pages_another_ladder() {
    one()
        .rules(|rules| {
            rules
                .ladders
                .insert("night".into(), vec![Step::new("manager", 1, span("30m"))]);
            let rule = AlertRule {
                title: "{machine} is down".into(),
                ladder: Some("night".into()),
                ..AlertRule::default()
            };
            rules.alerts.insert("down".into(), rule);
        })
        .play(
            "30s    web-1/net/ping finds critical
             1m     -> bob page: web-1 is down
             31m    -> bob page: web-1 is down
             32m    bob completes down@machine:web-1
             2h     end",
        );
}

#[test]
fn levels_shared_by_many_monitors_keep_apart_what_they_remember() {
    let levels = down();
    let stage = Stage::new()
        .monitor_with("web-1/net/ping", "1m", "0s", levels.clone(), |staged| {
            staged
        })
        .monitor_with("web-2/net/ping", "1m", "0s", levels, |staged| staged);
    let site = stage.play(
        "30s    web-2/net/ping finds critical
         1m     -> ann page: down: machine:web-2
         2m     end",
    );
    let names: Vec<Arc<str>> = site
        .alerts()
        .into_iter()
        .map(|alert| alert.id.subject)
        .collect();
    assert_eq!(names, ["machine:web-2".into()]);
}
