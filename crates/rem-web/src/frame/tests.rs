use super::*;

#[test]
fn instants_within_a_text_are_shown_on_the_wall_of_whoever_reads_it() {
    let wall = Wall {
        zone: "Europe/Berlin".parse().unwrap(),
        now: "2026-12-01T08:00:00Z".parse().unwrap(),
    };
    let say = |text: &str| wall.say(text);
    assert_eq!(
        say("maintenance by ann until 2026-12-01T00:43:36.972320944Z: new disks"),
        "maintenance by ann until Tue 1 Dec, 01:43: new disks"
    );
    assert_eq!(
        say("on hold (2026-12-24T17:00:00Z), 12 times, x=1"),
        "on hold (Thu 24 Dec, 18:00), 12 times, x=1"
    );
    assert_eq!(say("2026-12-01 is a day"), "2026-12-01 is a day");
    assert_eq!(say(""), "");
}
