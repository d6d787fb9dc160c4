use std::num::NonZeroU16;

use super::*;
use crate::config::Transport;
use crate::name::InterfaceName;

fn interfaces() -> Vec<Interface> {
    vec![Interface {
        name: InterfaceName::new("http").unwrap(),
        listen: Transport::Tcp,
        port: NonZeroU16::new(80).unwrap(),
        kind: None,
    }]
}

fn fill(text: &str, becomes: Becomes) -> String {
    let template = Template::parse(text, &interfaces()).unwrap();
    Subject::example(|subject| template.fill(subject, becomes))
        .unwrap()
        .unwrap()
}

#[track_caller]
fn refused(text: &str, message: &str, help: &str) {
    let fault = Template::parse(text, &interfaces()).unwrap_err();
    assert_eq!(
        (fault.message.as_str(), fault.help.as_deref()),
        (message, Some(help))
    );
}

#[test]
fn everything_is_filled_in() {
    assert_eq!(
        fill(
            "{site} {machine} { machine.address } {package}/{monitor}:{interfaces.http.port}",
            Becomes::Text
        ),
        "site machine 192.0.2.1 package/monitor:80"
    );
}

#[test]
fn doubled_braces_are_braces() {
    assert_eq!(fill("{{\"a\": {{}}}}", Becomes::Text), "{\"a\": {}}");
}

#[test]
fn an_address_of_the_sixth_version_has_brackets_in_a_url() {
    let template = Template::parse("{machine.address}", &[]).unwrap();
    let mut machine = Machine::example().unwrap();
    machine.address = Some(Host::parse("2001:db8::1").unwrap());
    let filled = |becomes| {
        Subject::example(|subject| {
            template
                .fill(
                    Subject {
                        machine: &machine,
                        ..subject
                    },
                    becomes,
                )
                .unwrap()
        })
        .unwrap()
    };
    assert_eq!(filled(Becomes::Url), "[2001:db8::1]");
    assert_eq!(filled(Becomes::Text), "2001:db8::1");
}

#[test]
fn what_cannot_be_filled_in_is_refused() {
    let known = "known here: {site}, {machine}, {machine.address}, {package}, {monitor}, \
                 {interfaces.http.port}; write {{ for a brace";
    refused(
        "{machine.adress}",
        "nothing to fill in is called {machine.adress}",
        "did you mean {machine.address}?",
    );
    refused("{x}", "nothing to fill in is called {x}", known);
    refused("{}", "nothing to fill in is called {}", known);
    refused(
        "{interfaces.htp.port}",
        "this package has no interface htp",
        "did you mean {interfaces.http.port}?",
    );
    refused(
        "{interfaces.http}",
        "nothing to fill in is called {interfaces.http}",
        "did you mean {interfaces.http.port}?",
    );
    refused("a { b", "a { that is never closed", "write {{ for a brace");
    refused("a } b", "a } that closes nothing", "write }} for a brace");
}
