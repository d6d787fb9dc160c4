use std::path::Path;

use super::definition;

#[track_caller]
fn check(text: &str, wanted: &str) {
    let problems = definition("rack.yaml", text, Path::new("/nowhere")).unwrap_err();
    assert_eq!(problems.to_string(), wanted);
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    check(
        "megavisor: Rack\nfunctions:\n  query: {argv: [ipmitool, -H, \"{bcm}\"]}\n  \
         stop: {script: no.sh, else: forse_stop}\n  start: {}\n\
         parameters: {bmc: {required: true}}\nmachines:\n  web-1: {bcm: x}\n",
        "rack.yaml:1:12: megavisor: \"Rack\" has 'R' in it: use lower-case letters, digits and . _ - +\n\
         rack.yaml:3:32: functions.query.argv[2]: no parameter of this megavisor: bcm\n  \
         help: did you mean bmc?\n\
         rack.yaml:4:18: functions.stop.script: cannot read the script /nowhere/no.sh: No such file or directory (os error 2)\n  \
         help: paths begin at the folder of this file\n\
         rack.yaml:4:31: functions.stop.else: there is no function forse_stop\n\
         rack.yaml:5:10: functions.start: the function does not say what is run\n  \
         help: write one of argv, script, ssh, http, builtin and any_of\n\
         rack.yaml:8:10: machines.web-1: the parameter bmc is missing\n\
         rack.yaml:8:11: machines.web-1.bcm: no parameter of this megavisor: bcm\n  \
         help: did you mean bmc?",
    );
}

#[test]
fn a_secret_in_a_program_s_arguments_is_refused() {
    check(
        "megavisor: rack\nparameters: {pass: {secret: true}}\n\
         functions: {query: {argv: [ipmitool, -P, \"{pass}\"]}}\n",
        "rack.yaml:3:42: functions.query.argv[2]: the secret pass would be seen by every user\n  \
         help: pass it by `env:`, or in a header or body",
    );
    check(
        "megavisor: rack\nparameters: {pass: {secret: true}}\n\
         functions: {query: {argv: [\"true\"]}}\nmachines: {web-1: {pass: hunter2}}\n",
        "rack.yaml:4:26: machines.web-1.pass: expected where the secret comes from\n  \
         help: write {env: NAME} or {file: path}; the secret itself does not belong here",
    );
}

#[test]
fn odd_files_are_mistakes_and_never_a_panic() {
    for text in [
        "x",
        "[]",
        "megavisor: rack",
        "megavisor: rack\nfunctions: 5",
        "megavisor: rack\nfunctions: {query: {any_of: [query2]}}",
        "megavisor: rack\nfunctions: {start: {argv: [x], ssh: {}}}",
        "megavisor: rack\nfunctions: {start: {builtin: {wake_on_lam: {}}}}",
        "megavisor: rack\nfunctions: {query: {argv: [x], match: {on: \"(\"}}}",
        "megavisor: rack\nfunctions: {query: {argv: [\"{\"]}}",
        "megavisor: rack\nfunctions: {query: {argv: [x]}}\ndefaults: {retries: []}",
        "megavisor: rack\nfunctions: {query: {argv: [x]}}\ndefaults: {concurrency: {per_target: 2}}",
        "megavisor: rack\nfunctions: {query: {argv: [x]}}\nmachines: {\"a b\": {}}",
        "megavisor: rack\nfunctions: {query: {argv: [x], until: {within: 5}}}",
    ] {
        assert!(
            definition("rack.yaml", text, Path::new(".")).is_err(),
            "{text}"
        );
    }
}
