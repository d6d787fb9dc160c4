use std::io;

use rem_yaml::{At, Problems, SecretSource, parse};

fn source(yaml: &str) -> Result<SecretSource, String> {
    let node = parse("f", yaml).unwrap();
    let mut problems = Problems::new();
    let read = At::root(&node).read(&mut problems);
    problems
        .into_result(read)
        .map_err(|problems| problems.to_string())
}

#[test]
fn a_secret_comes_from_the_environment_or_a_file() {
    let no_file = |_: &std::path::Path| Err(io::ErrorKind::NotFound.into());
    let env = source("{env: TOKEN}").unwrap();
    let secret = env
        .resolve(|name| (name == "TOKEN").then(|| "hush".into()), no_file)
        .unwrap();
    assert_eq!(secret.expose(), "hush");
    assert_eq!(
        env.resolve(|_| None, no_file).unwrap_err().to_string(),
        "the environment variable is not set: TOKEN"
    );

    let file = source("{file: /run/token}").unwrap();
    let secret = file.resolve(|_| None, |_| Ok(b"hush\n".to_vec())).unwrap();
    assert_eq!(secret.expose(), "hush");
    assert_eq!(
        file.resolve(|_| None, no_file).unwrap_err().to_string(),
        "cannot read secret file: /run/token"
    );
    assert_eq!(
        file.resolve(|_| None, |_| Ok(vec![0xFF]))
            .unwrap_err()
            .to_string(),
        "secret file is not UTF-8: /run/token"
    );
}

#[test]
fn a_secret_is_never_shown() {
    let literal = source("hunter2").unwrap_err();
    assert_eq!(
        literal,
        "f:1:1: expected where the secret comes from\n  \
         help: write {env: NAME} or {file: path}; the secret itself does not belong here"
    );
    let secret = source("{env: X}")
        .unwrap()
        .resolve(|_| Some("hunter2".into()), |_| Ok(Vec::new()));
    assert_eq!(format!("{:?}", secret.unwrap()), "Secret(…)");
}

#[test]
fn a_secret_has_one_source() {
    let help =
        "\n  help: write {env: NAME} or {file: path}; the secret itself does not belong here";
    assert_eq!(
        source("{}").unwrap_err(),
        format!("f:1:1: expected one of env and file{help}")
    );
    assert_eq!(
        source("{env: A, file: b}").unwrap_err(),
        format!("f:1:1: expected one of env and file{help}")
    );
}
