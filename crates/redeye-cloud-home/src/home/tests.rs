use std::path::Path;

use redeye_cloud::{Action, Lifecycle, OperationId, Outcome, Power};
use rem_time::SystemClock;

use super::*;

/// A machine is a file: `on`, `off`, or nothing if its controller is away.
const FILE: &str = r#"
megavisor: rack
version: 2
parameters: {pass: {secret: true}, slow: {default: "no"}}
defaults: {timeout: 2s, retries: [20ms]}
functions:
  query: {script: query.sh}
  start: {script: act.sh, args: ["on"], until: {within: 2s}}
  stop:  {script: act.sh, args: ["off"], until: {within: 200ms}, else: force_stop}
  force_stop: {script: act.sh, args: ["off", force], until: {within: 2s}}
  reboot: {argv: ["false"]}
  request: {script: request.sh}
  list_volumes: {argv: [echo, "[{{\"id\": \"v-1\", \"bytes\": 5, \"state\": \"available\"}}]"]}
  list_images: {argv: ["true"]}
  list_keys: {argv: [echo, "[{{\"id\": 7}}]"]}
machines:
  web-1: {pass: {env: PASS}}
  web-2: {slow: "yes"}
  away: {}
"#;

fn rack(folder: &Path) -> HomeMegavisor {
    use std::os::unix::fs::PermissionsExt;
    let scripts = [
        (
            "query.sh",
            "#!/bin/sh\n[ -e \"$REM_ID\" ] || { echo \"no $REM_PASS here\" >&2; exit 69; }\n\
             echo \"{\\\"power\\\": \\\"$(cat \"$REM_ID\")\\\", \\\"size\\\": \\\"1u\\\"}\"\n",
        ),
        (
            "act.sh",
            "#!/bin/sh\necho \"$REM_ID $*\" >>calls\n[ -e \"$REM_ID\" ] || exit 69\n\
             [ \"$REM_SLOW$2\" = yes ] || echo \"$1\" >\"$REM_ID\"\n",
        ),
        (
            "request.sh",
            "#!/bin/sh\nread -r line\necho \"$line\" >input\n\
             echo '{\"ids\": [\"new-1\"], \"note\": \"at 192.0.2.9\"}'\n",
        ),
    ];
    for (name, text) in scripts {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let definition = Definition::parse("rack.yaml", FILE, folder).unwrap();
    let env: Env = Arc::new(|name| (name == "PASS").then(|| "hunter2".to_owned()));
    HomeMegavisor::new(definition, Arc::new(SystemClock), env)
}

fn request(rack: &HomeMegavisor, action: Action) -> Request {
    let now = SystemClock.now();
    Request {
        id: OperationId::random(now),
        scope: rack.scope().clone(),
        action,
        deadline: now + Span::from_seconds(60),
    }
}

async fn finish(rack: &HomeMegavisor, request: &Request) -> Result<Outcome, CloudError> {
    let mut handle = match rack.begin(request).await? {
        Begun::Done(outcome) => return Ok(outcome),
        Begun::Running(handle) => handle,
    };
    loop {
        tokio::time::sleep(handle.poll_after.as_duration()).await;
        match rack.poll(request, &handle).await? {
            Progress::Running { handle: next, .. } => handle = next,
            Progress::Done(outcome) => return Ok(outcome),
            Progress::Failed(error) => return Err(error),
        }
    }
}

fn start(id: &str) -> Action {
    Action::StartInstance {
        id: id.parse().unwrap(),
    }
}

fn stop(id: &str) -> Action {
    Action::StopInstance {
        id: id.parse().unwrap(),
        force: false,
    }
}

#[tokio::test]
async fn a_machine_is_started_once_and_looked_at_until_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let rack = rack(folder.path());
    std::fs::write(folder.path().join("web-1"), "off").unwrap();
    let outcome = finish(&rack, &request(&rack, start("web-1")))
        .await
        .unwrap();
    assert!(outcome.changed);
    let again = finish(&rack, &request(&rack, start("web-1")))
        .await
        .unwrap();
    assert!(!again.changed);
    let calls = std::fs::read_to_string(folder.path().join("calls")).unwrap();
    assert_eq!(calls, "web-1 on\n");
}

#[tokio::test]
async fn a_machine_that_does_not_stop_has_its_plug_pulled() {
    let folder = tempfile::tempdir().unwrap();
    let rack = rack(folder.path());
    std::fs::write(folder.path().join("web-2"), "on").unwrap();
    let outcome = finish(&rack, &request(&rack, stop("web-2"))).await.unwrap();
    assert!(outcome.changed);
    let calls = std::fs::read_to_string(folder.path().join("calls")).unwrap();
    assert_eq!(calls, "web-2 off\nweb-2 off force\n");
    let failed = finish(&rack, &request(&rack, start("web-2")))
        .await
        .unwrap_err();
    assert_eq!(failed.class, Class::Failed);
    assert_eq!(failed.message, "not so within 2s: power is off");
}

#[tokio::test]
async fn a_machine_that_cannot_be_asked_is_lost_and_not_off() {
    let folder = tempfile::tempdir().unwrap();
    let rack = rack(folder.path());
    std::fs::write(folder.path().join("web-1"), "on").unwrap();
    std::fs::write(folder.path().join("web-2"), "off").unwrap();
    let listing = rack.list(rack.scope(), Kind::Instance).await.unwrap();
    let mut seen: Vec<_> = listing
        .items
        .iter()
        .filter_map(Resource::as_instance)
        .map(|one| (one.id.as_str(), one.power, one.lifecycle.clone()))
        .collect();
    seen.sort_by_key(|(id, ..)| *id);
    assert_eq!(
        seen,
        [
            ("away", Power::Unknown, Lifecycle::Lost),
            ("web-1", Power::On, Lifecycle::Active),
            ("web-2", Power::Off, Lifecycle::Stopped),
        ]
    );
    let web = listing
        .items
        .iter()
        .find(|item| item.id().as_str() == "web-1");
    let size = web.unwrap().as_instance().unwrap().size.clone();
    assert_eq!(size, Some("1u".parse().unwrap()), "what else it said");
    let error = rack
        .begin(&request(&rack, start("away")))
        .await
        .unwrap_err();
    assert_eq!(error.class, Class::Unavailable);
}

#[tokio::test]
async fn no_secret_is_shown_in_plans_and_errors() {
    let folder = tempfile::tempdir().unwrap();
    let rack = rack(folder.path());
    let error = rack.query(&"web-1".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.message, "no (hidden) here");
    let plan = rack.plan(&request(&rack, stop("web-1"))).await.unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert!(!text.contains("hunter2"));
    assert_eq!(plan.steps[1].what, "run stop of rack@2");
    let until = plan.steps[1].until.as_deref();
    assert_eq!(until, Some("power is off, within 200ms, else force_stop"));
    assert!(!folder.path().join("calls").exists(), "nothing was done");
}

#[tokio::test]
async fn a_script_gets_the_whole_request_and_answers_with_what_it_made() {
    let folder = tempfile::tempdir().unwrap();
    let rack = rack(folder.path());
    let wanted = redeye_cloud::NewInstance {
        name: Some("web".into()),
        image: Some("debian".parse().unwrap()),
        ..redeye_cloud::NewInstance::default()
    };
    let new = request(&rack, Action::RequestInstance(wanted));
    let outcome = finish(&rack, &new).await.unwrap();
    assert_eq!(outcome.ids, ["new-1".parse().unwrap()]);
    assert_eq!(outcome.note.as_deref(), Some("at 192.0.2.9"));
    let input = std::fs::read(folder.path().join("input")).unwrap();
    let input: Value = serde_json::from_slice(&input).unwrap();
    assert_eq!(input["op"], new.id.to_string());
    assert_eq!(input["action"]["image"], "debian");
    let lost = rack.recover(&new).await.unwrap();
    assert!(matches!(lost, Recovered::Stuck(_)), "{lost:?}");
}

#[tokio::test]
async fn a_list_is_a_list_or_an_error_and_never_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let rack = rack(folder.path());
    let scope = rack.scope();
    let volumes = rack.list(scope, Kind::Volume).await.unwrap();
    assert_eq!(volumes.items[0].as_volume().unwrap().bytes, 5);
    for kind in [Kind::Image, Kind::KeyPair] {
        let error = rack.list(scope, kind).await.unwrap_err();
        assert_eq!(error.class, Class::Protocol, "{error}");
    }
}

#[tokio::test]
async fn after_a_crash_it_is_looked_whether_it_is_so() {
    let folder = tempfile::tempdir().unwrap();
    let rack = rack(folder.path());
    std::fs::write(folder.path().join("web-1"), "on").unwrap();
    let start = request(&rack, start("web-1"));
    let found = rack.recover(&start).await.unwrap();
    assert!(matches!(found, Recovered::Adopt(Begun::Done(_))));
    std::fs::write(folder.path().join("web-1"), "off").unwrap();
    assert_eq!(rack.recover(&start).await.unwrap(), Recovered::SendAgain);
}

#[tokio::test]
async fn a_function_that_hangs_is_ended_and_what_it_does_not_know_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = "megavisor: rack\ndefaults: {timeout: 100ms, kill_after: 100ms}\n\
        functions: {query: {argv: [sleep, \"60\"]}}\nmachines: {web-1: {}}\n";
    let definition = Definition::parse("rack.yaml", file, folder.path()).unwrap();
    let rack = HomeMegavisor::new(definition, Arc::new(SystemClock), Arc::new(|_| None));
    let since = std::time::Instant::now();
    let error = rack.query(&"web-1".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.class, Class::Unavailable);
    assert!(since.elapsed() < std::time::Duration::from_secs(5));
    let refused = rack
        .begin(&request(&rack, start("web-1")))
        .await
        .unwrap_err();
    assert_eq!(refused.class, Class::Unsupported);
}

#[test]
fn a_console_is_a_program_whose_secrets_are_in_its_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = "megavisor: rack\nparameters: {pass: {secret: true}}\nfunctions:\n  \
        console: {argv: [ipmitool, sol, activate], env: {IPMI_PASSWORD: \"{pass}\"}, interactive: true}\n\
        machines: {web-1: {pass: {env: PASS}}}\n";
    let definition = Definition::parse("rack.yaml", file, folder.path()).unwrap();
    let env: Env = Arc::new(|_| Some("hunter2".to_owned()));
    let rack = HomeMegavisor::new(definition, Arc::new(SystemClock), env);
    let terminal = rack.console(&"web-1".parse().unwrap()).unwrap();
    assert_eq!(terminal.argv, ["ipmitool", "sol", "activate"]);
    let of = |name: &str| {
        let found = terminal.env.iter().find(|(one, _)| one == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(of("IPMI_PASSWORD"), Some("hunter2"));
    assert_eq!(of("REM_ID"), Some("web-1"), "as every other program gets");
    assert!(!format!("{terminal:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_failure_has_the_class_that_its_words_say() {
    let folder = tempfile::tempdir().unwrap();
    let file = "megavisor: rack\ndefaults: {errors: {denied: no entry, unavailable: away}}\nfunctions:\n  \
        start: {argv: [sh, -c, 'echo no entry >&2; exit 1']}\n  \
        stop: {argv: [sh, -c, 'echo no entry, away; exit 9'], errors: {conflict: \"^no\"}}\n  \
        terminate: {argv: [sh, -c, 'echo no entry; exit 3']}\n  \
        reboot: {argv: [\"false\"]}\nmachines: {web-1: {}}\n";
    let definition = Definition::parse("rack.yaml", file, folder.path()).unwrap();
    let rack = HomeMegavisor::new(definition, Arc::new(SystemClock), Arc::new(|_| None));
    let id = || "web-1".parse().unwrap();
    let force = false;
    for (action, class) in [
        (start("web-1"), Class::Denied),
        (stop("web-1"), Class::Conflict),
        // A code that says what it was needs no words.
        (Action::TerminateInstance { id: id() }, Class::NotFound),
        (Action::RebootInstance { id: id(), force }, Class::Failed),
    ] {
        let error = rack.begin(&request(&rack, action)).await.unwrap_err();
        assert_eq!(error.class, class, "{error}");
    }
    let wrong = "megavisor: rack\nfunctions: {start: {argv: [x], errors: {denid: y}}}\n";
    let problems = Definition::parse("rack.yaml", wrong, folder.path()).unwrap_err();
    assert!(
        problems.to_string().contains("did you mean denied?"),
        "{problems}"
    );
}

#[tokio::test]
async fn what_can_only_be_asked_while_it_runs_is_stopped_when_it_no_longer_answers() {
    let folder = tempfile::tempdir().unwrap();
    let file = "megavisor: rack\ndefaults: {retries: [20ms]}\nfunctions:\n  \
        query: {argv: [sh, -c, 'test -e up && echo on || exit 69'], match: {on: on}}\n  \
        stop: {argv: [rm, up], until: {power: unknown, within: 2s}}\n  \
        force_stop: {argv: [\"true\"], until: {power: unknown, within: 100ms}}\n\
        machines: {web-1: {}}\n";
    let definition = Definition::parse("rack.yaml", file, folder.path()).unwrap();
    let rack = HomeMegavisor::new(definition, Arc::new(SystemClock), Arc::new(|_| None));
    let up = folder.path().join("up");
    std::fs::write(&up, "").unwrap();
    let forced = Action::StopInstance {
        id: "web-1".parse().unwrap(),
        force: true,
    };
    let failed = finish(&rack, &request(&rack, forced)).await.unwrap_err();
    assert_eq!(failed.message, "not so within 100ms: power is on");
    let outcome = finish(&rack, &request(&rack, stop("web-1"))).await.unwrap();
    assert!(outcome.changed && !up.exists());
    // Gone is not off: nobody says that it was so already.
    let again = finish(&rack, &request(&rack, stop("web-1")))
        .await
        .unwrap_err();
    assert_eq!(again.class, Class::Failed, "{again}");
    let plan = rack.plan(&request(&rack, stop("web-1"))).await.unwrap();
    assert_eq!(plan.steps.len(), 1);
    let until = plan.steps[0].until.as_deref();
    assert_eq!(until, Some("it no longer answers, within 2s"));
}
