//! What every post promises, the fake and each way out of the real one.

use std::sync::Arc;
use std::time::Duration;

use rem_notify::{Contact, FakePost, Post, PostOffice, Refusal, SendError};

use crate::receiver::Receiver;
use crate::smtp::Peer;
use crate::{PATIENCE, page};

/// A post and contacts that take, that may take later, and that never will.
struct Case {
    post: Arc<dyn Post>,
    takes: Contact,
    later: Contact,
    never: Contact,
}

async fn promises(case: Case) {
    let Case {
        post,
        takes,
        later,
        never,
    } = case;
    let message = page("web-down.1");
    for _ in 0..2 {
        let sent = post
            .send(&message, &takes, PATIENCE)
            .await
            .expect("taken, and taken again");
        assert!(!sent.detail.is_empty() && sent.detail.len() <= 600);
    }
    for (contact, kind) in [(&later, Refusal::Temporary), (&never, Refusal::Permanent)] {
        let error = post.send(&message, contact, PATIENCE).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(!error.text.is_empty() && error.text.len() <= 600);
    }
    // An attempt that is given up leaves nothing behind that hurts the next.
    drop(tokio::time::timeout(Duration::ZERO, post.send(&message, &takes, PATIENCE)).await);
    let mut all = tokio::task::JoinSet::new();
    for n in 0..20 {
        let (post, takes) = (Arc::clone(&post), takes.clone());
        all.spawn(async move { post.send(&page(&format!("m.{n}")), &takes, PATIENCE).await });
    }
    while let Some(sent) = all.join_next().await {
        sent.unwrap().unwrap();
    }
    // No time at all is a matter of time, or was enough.
    if let Err(error) = post.send(&message, &takes, Duration::ZERO).await {
        assert!(error.is_temporary(), "{error}");
    }
}

#[tokio::test]
async fn the_fake_keeps_the_promises_of_a_post() {
    let fake = FakePost::new();
    let mail = |name: &str| Contact::mail(&format!("{name}@example.com")).unwrap();
    fake.refuse(mail("later"), SendError::temporary("later"));
    fake.refuse(mail("never"), SendError::permanent("never"));
    promises(Case {
        post: Arc::new(fake),
        takes: mail("ann"),
        later: mail("later"),
        never: mail("never"),
    })
    .await;
}

#[tokio::test]
async fn mail_keeps_the_promises_of_a_post() {
    let peer = Peer::start(&[]);
    let mail = |name: &str| Contact::mail(&format!("{name}@example.com")).unwrap();
    promises(Case {
        post: Arc::new(peer.plain()),
        takes: mail("ann"),
        later: mail("full"),
        never: mail("refuse"),
    })
    .await;
}

#[tokio::test]
async fn webhooks_keep_the_promises_of_a_post() {
    let receiver = Receiver::start().await;
    let hook = |path: &str| Contact::webhook(&receiver.url(path)).unwrap();
    promises(Case {
        post: Arc::new(PostOffice::new()),
        takes: hook("/ok"),
        later: hook("/503"),
        never: hook("/404"),
    })
    .await;
}

#[tokio::test]
async fn scripts_keep_the_promises_of_a_post() {
    let script = |text: &str| Contact::script(["/bin/sh", "-c", text]).unwrap();
    promises(Case {
        post: Arc::new(PostOffice::new()),
        takes: script("cat >/dev/null"),
        later: script("exit 75"),
        never: script("exit 78"),
    })
    .await;
}
