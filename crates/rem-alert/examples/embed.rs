//! The shortest honest program: a level judges samples, and says why.
#![allow(clippy::unwrap_used)]

use rem_alert::level::{Action, Level, Levels, NoSource, Sample, Status, What};
use rem_time::{Span, Timestamp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let slow = Level::new("slow", "duration > 50ms and status == ok".parse()?)
        .within("2 of last 3".parse()?)
        .clearing("duration < 30ms".parse()?, "2 of last 2".parse()?)
        .doing(Action::Alert("web-slow".into()));
    let levels = Levels::compile(vec![slow])?;
    let mut state = levels.start();

    let mut at = Timestamp::from_seconds(1_282_114_800);
    for milliseconds in [20.0, 72.0, 64.0, 25.0, 22.0] {
        let readings = [("duration", Some(milliseconds / 1000.0))];
        let sample = Sample {
            at,
            status: Status::Ok,
            message: "200",
            readings: &readings,
        };
        for change in levels.step(&mut state, &sample, &NoSource, at) {
            match change.what {
                What::AlertOn(name) => println!("{at} {name} is on"),
                What::AlertOff(name) => println!("{at} {name} is off"),
                _ => {}
            }
        }
        for line in levels.explain(0, &state, &sample, &NoSource, at) {
            println!("{at} {line}");
        }
        at = at + Span::from_seconds(10);
    }
    Ok(())
}
