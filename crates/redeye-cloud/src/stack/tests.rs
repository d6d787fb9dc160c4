use super::*;

/// ext3 on LVM on DRBD on EBS, as the first text has it.
fn stack() -> StackRun {
    let layer = |name: &str, holds| Layer {
        name: name.into(),
        holds,
        idempotent: false,
        undoes: false,
    };
    let layers = vec![
        layer("ext3", false),
        layer("lvm", true),
        layer("drbd", false),
        layer("ebs", false),
    ];
    StackRun::new("snapshot", layers, 1).unwrap()
}

fn word(run: &StackRun, step: StackStep) -> String {
    let phase = match step.phase {
        Phase::Entry => "entry",
        Phase::Undo => "undo",
        Phase::Exit => "exit",
    };
    format!("{phase} {}", run.layers()[step.layer].name)
}

/// Runs to the end; steps named in `failing` fail. Tells what was run.
fn play(run: &mut StackRun, failing: &[&str]) -> (Vec<String>, StackEnd) {
    let mut trace = Vec::new();
    loop {
        let step = match run.next() {
            NextStep::Run(step) => step,
            NextStep::Over(end) => return (trace, end),
        };
        let word = word(run, step);
        run.begins(step);
        let fails = failing.contains(&word.as_str());
        run.ends(if fails { Err("no".into()) } else { Ok(()) });
        trace.push(word);
    }
}

/// Runs until a step has ended, or has only begun.
fn until(run: &mut StackRun, last: &str, ended: bool) {
    loop {
        let NextStep::Run(step) = run.next() else {
            panic!("{last} was never run");
        };
        run.begins(step);
        let here = word(run, step) == last;
        if !here || ended {
            run.ends(Ok(()));
        }
        if here {
            return;
        }
    }
}

#[test]
fn all_eight_steps_of_a_snapshot_in_their_order() {
    let (trace, end) = play(&mut stack(), &[]);
    let wanted = [
        "entry ext3",
        "entry lvm",
        "entry drbd",
        "entry ebs",
        "exit ebs",
        "exit drbd",
        "exit lvm",
        "exit ext3",
    ];
    assert_eq!(trace, wanted);
    assert_eq!(end, StackEnd::Done);
}

#[test]
fn a_third_entry_that_fails_lets_go_what_was_entered_and_never_touches_the_fourth() {
    let mut run = stack();
    let (trace, end) = play(&mut run, &["entry drbd"]);
    let wanted = [
        "entry ext3",
        "entry lvm",
        "entry drbd",
        "exit drbd",
        "exit lvm",
        "exit ext3",
    ];
    assert_eq!(trace, wanted);
    let why = "no".to_owned();
    assert_eq!(end, StackEnd::Failed { layer: 2, why });
    assert_eq!(run.entered(1), Entered::Yes);
    assert_eq!(run.entered(2), Entered::Partial);
    assert_eq!(run.entered(3), Entered::No);
}

#[test]
fn an_exit_that_fails_too_stops_no_other_exit_and_a_person_has_to_look() {
    let (trace, end) = play(&mut stack(), &["entry drbd", "exit lvm"]);
    assert_eq!(trace.last().map(String::as_str), Some("exit ext3"));
    let stuck = StackEnd::Stuck {
        layer: 2,
        exits: vec![1],
        held: true,
    };
    assert_eq!(end, stuck);
}

#[test]
fn a_process_killed_while_writing_is_stopped_only_lets_go() {
    let mut run = stack();
    until(&mut run, "entry lvm", true);
    run.recover();
    let (trace, end) = play(&mut run, &[]);
    assert_eq!(trace, ["exit lvm", "exit ext3"]);
    let why = "the process died while writing was stopped".to_owned();
    assert_eq!(end, StackEnd::Failed { layer: 1, why });

    // Killed in the middle of stopping: it may have happened.
    let mut run = stack();
    until(&mut run, "entry lvm", false);
    run.recover();
    assert_eq!(play(&mut run, &[]).0, ["exit lvm", "exit ext3"]);
}

#[test]
fn a_process_killed_elsewhere_goes_on_or_lets_go() {
    let mut run = stack();
    until(&mut run, "entry ext3", false);
    let mut again = run.clone();
    run.recover();
    assert_eq!(play(&mut run, &[]).0, ["exit ext3"], "it may not run twice");
    again.layers[0].idempotent = true;
    again.recover();
    assert_eq!(play(&mut again, &[]).0.len(), 8, "it may");

    let mut run = stack();
    until(&mut run, "exit drbd", false);
    run.recover();
    assert_eq!(
        play(&mut run, &[]),
        (
            vec!["exit drbd".into(), "exit lvm".into(), "exit ext3".into()],
            StackEnd::Done,
        )
    );
}

#[test]
fn work_that_is_done_stays_when_an_exit_fails() {
    let (_, end) = play(&mut stack(), &["exit ext3"]);
    assert_eq!(end, StackEnd::DoneWithFailedExit { exits: vec![0] });
}

#[test]
fn an_exit_is_tried_as_often_as_it_is_worth() {
    let mut run = StackRun {
        exits_tried: 3,
        ..stack()
    };
    let (trace, _) = play(&mut run, &["exit lvm"]);
    let tries = trace.iter().filter(|step| *step == "exit lvm").count();
    assert_eq!(tries, 3);
}

#[test]
fn what_an_entry_made_is_taken_back_before_its_exit_only_if_the_whole_fails() {
    let mut run = stack();
    run.layers[2].undoes = true;
    assert!(
        !play(&mut run.clone(), &[])
            .0
            .contains(&"undo drbd".to_owned())
    );
    let (trace, _) = play(&mut run, &["entry ebs"]);
    assert_eq!(
        trace[4..],
        [
            "exit ebs",
            "undo drbd",
            "exit drbd",
            "exit lvm",
            "exit ext3"
        ]
    );
}

#[test]
fn cancelling_lets_go_and_is_too_late_on_the_way_up() {
    let mut run = stack();
    until(&mut run, "entry lvm", true);
    run.cancel("ann wants it stopped");
    assert_eq!(play(&mut run, &[]).0, ["exit lvm", "exit ext3"]);
    let mut run = stack();
    until(&mut run, "exit ebs", true);
    run.cancel("too late");
    assert_eq!(play(&mut run, &[]).1, StackEnd::Done);
}

/// Whatever fails and wherever the process dies, once or twice: what holds is let go or
/// said to be held, and nothing below a failed entry is touched.
#[test]
fn in_every_history_what_holds_is_let_go_or_told() {
    let mut histories = 0;
    let steps = 16;
    for failing in 0_u32..1 << 8 {
        for crash in 0..=2 * steps {
            let mut run = stack();
            let mut trace = Vec::new();
            let mut at = 0;
            let end = loop {
                let step = match run.next() {
                    NextStep::Run(step) => step,
                    NextStep::Over(end) => break end,
                };
                trace.push(step);
                run.begins(step);
                if crash == 2 * at {
                    run.recover();
                } else {
                    let bit = step.layer * 2 + usize::from(step.phase == Phase::Exit);
                    let fails = failing >> bit & 1 == 1;
                    run.ends(if fails { Err("no".into()) } else { Ok(()) });
                    if crash == 2 * at + 1 {
                        run.recover();
                    }
                }
                at += 1;
                assert!(at < 40, "it ends");
                let stored = serde_json::to_string(&run).unwrap();
                assert_eq!(serde_json::from_str::<StackRun>(&stored).unwrap(), run);
            };
            histories += 1;
            let held = run.entered(1) != Entered::No && !run.tries(1, Phase::Exit).1;
            let told = match &end {
                StackEnd::Done | StackEnd::Failed { .. } => false,
                StackEnd::DoneWithFailedExit { exits } => exits.contains(&1),
                StackEnd::Stuck { held, .. } => *held,
            };
            assert_eq!(held, told, "{failing:b} {crash} {trace:?} {end:?}");
            if let Some(layer) = run.failed_layer() {
                assert!(trace.iter().all(|step| step.layer <= layer), "{trace:?}");
            }
        }
    }
    assert_eq!(histories, 256 * 33);
}
