use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use rem_time::Timestamp;

use super::{FAILURES_PER_ADDRESS, Gate, Refusal};
use crate::encoding::base64;
use crate::{Accounts, Role, Via};

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const NOW: Timestamp = Timestamp::from_seconds(1_000);

/// `secret`, hashed at the least cost argon2 allows so that tests are quick.
fn cheap_hash() -> String {
    use argon2::password_hash::PasswordHasher as _;
    let params = argon2::Params::new(8, 1, 1, None).unwrap();
    let argon2 = argon2::Argon2::new(Default::default(), Default::default(), params);
    argon2.hash_password(b"secret").unwrap().to_string()
}

fn gate() -> Arc<Gate> {
    let accounts = Accounts::new()
        .user("ann", &cheap_hash(), Role::Operator)
        .unwrap()
        .token("robot", "a-long-enough-token", Role::Viewer)
        .unwrap();
    Arc::new(Gate::new(Arc::new(accounts)))
}

fn authorization(value: &str) -> HeaderMap {
    let value = HeaderValue::from_str(value).unwrap();
    [(header::AUTHORIZATION, value)].into_iter().collect()
}

fn basic(pair: &str) -> HeaderMap {
    authorization(&format!("Basic {}", base64(pair.as_bytes())))
}

#[tokio::test]
async fn people_and_programs_are_told_apart() {
    let gate = gate();
    let ask = async |headers: HeaderMap| gate.caller(&headers, "s", PEER, NOW).await;
    let ann = ask(basic("ann:secret")).await.unwrap().unwrap();
    assert_eq!(
        (ann.name(), ann.role(), ann.via()),
        ("ann", Some(Role::Operator), Via::Basic)
    );
    let robot = ask(authorization("bearer a-long-enough-token"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((robot.name(), robot.via()), ("robot", Via::Token));
    assert!(ask(HeaderMap::new()).await.unwrap().is_none());
    for wrong in [
        basic("ann:wrong"),
        basic("bob:secret"),
        basic("ann"),
        authorization("Basic !!!"),
        authorization("Bearer a-long-enough-tokem"),
        authorization("Digest x"),
        authorization("Basic"),
    ] {
        assert_eq!(ask(wrong).await.unwrap_err(), Refusal::Wrong);
    }
}

#[tokio::test]
async fn an_address_that_guesses_has_to_wait_a_minute() {
    let gate = gate();
    for _ in 0..FAILURES_PER_ADDRESS {
        let wrong = gate.caller(&basic("ann:wrong"), "s", PEER, NOW).await;
        assert_eq!(wrong.unwrap_err(), Refusal::Wrong);
    }
    let right = gate.caller(&basic("ann:secret"), "s", PEER, NOW).await;
    assert!(matches!(right, Err(Refusal::TooManyFailures { .. })));
    let elsewhere: IpAddr = "10.0.0.1".parse().unwrap();
    assert!(
        gate.caller(&basic("ann:secret"), "s", elsewhere, NOW)
            .await
            .is_ok()
    );
    let later = NOW + "61s".parse().unwrap();
    let other = basic("ann:secret");
    assert!(gate.caller(&other, "s", PEER, later).await.is_ok());
}

#[tokio::test]
async fn many_guesses_at_once_are_counted_before_they_are_checked() {
    let gate = gate();
    let guesses = (0..100).map(|n| {
        let gate = gate.clone();
        async move {
            gate.caller(&basic(&format!("ann:{n}")), "s", PEER, NOW)
                .await
        }
    });
    let answers = futures_util::future::join_all(guesses).await;
    let checked = answers.iter().filter(|a| matches!(a, Err(Refusal::Wrong)));
    assert_eq!(checked.count(), FAILURES_PER_ADDRESS as usize);
}

#[tokio::test]
async fn a_session_stands_for_its_user_until_it_is_ended() {
    let gate = gate();
    let cookie = gate.sign_in("ann", "secret", PEER, NOW).await.unwrap();
    let line = HeaderValue::from_str(&format!("x=1; s={cookie}")).unwrap();
    let headers: HeaderMap = [(header::COOKIE, line)].into_iter().collect();
    let caller = gate
        .caller(&headers, "s", PEER, NOW)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((caller.name(), caller.via()), ("ann", Via::Session));
    assert!(
        gate.caller(&headers, "other", PEER, NOW)
            .await
            .unwrap()
            .is_none()
    );
    gate.sign_out(&gate.session(&headers, "s", NOW).unwrap());
    assert!(
        gate.caller(&headers, "s", PEER, NOW)
            .await
            .unwrap()
            .is_none()
    );
}

#[test]
fn accounts_that_cannot_work_are_refused() {
    let hash = cheap_hash();
    let error = |result: Result<Accounts, crate::AccountError>| result.unwrap_err().to_string();
    let new = Accounts::new;
    assert!(error(new().user("a:b", &hash, Role::Viewer)).contains("account name"));
    assert!(error(new().user("ann", "plain", Role::Viewer)).contains("user ann"));
    assert!(error(new().token("t", "short", Role::Viewer)).contains("shorter than 16"));
    let twice = new().user("ann", &hash, Role::Viewer).unwrap();
    assert!(error(twice.user("ann", &hash, Role::Admin)).contains("twice: ann"));
}

#[test]
fn nobodys_hash_costs_as_much_as_a_real_one() {
    let made = crate::hash_password("x").unwrap();
    let cost = |hash: &str| hash.split('$').nth(3).map(str::to_owned);
    assert_eq!(cost(&made), cost(crate::auth::accounts::NOBODY));
    assert!(argon2::password_hash::phc::PasswordHash::new(crate::auth::accounts::NOBODY).is_ok());
}
