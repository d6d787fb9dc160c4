use super::*;

const TARGET: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// An echo to [`TARGET`] that is entered and never sent; `None` where pinging
/// is not permitted.
fn awaited(pinger: &Pinger) -> Option<UnderWay> {
    let socket = match pinger.socket(Family::V4) {
        Ok(socket) => socket,
        Err(error) => {
            assert_eq!(error, PingError::Permission);
            return None;
        }
    };
    let (reply, replied) = oneshot::channel();
    let echo = socket.enter(TARGET, reply).unwrap();
    Some(UnderWay {
        socket,
        echo,
        replied,
    })
}

#[tokio::test]
async fn silence_ends_in_time_and_frees_the_number() {
    let Some(echo) = awaited(&Pinger::new()) else {
        return;
    };
    let socket = Arc::clone(&echo.socket);
    assert_eq!(lock(&socket.waiting).len(), 1);
    let until = Instant::now() + Duration::from_millis(5);
    assert_eq!(echo.reply(until).await, Err(PingError::NoReply));
    assert_eq!(lock(&socket.waiting).len(), 0);
}

#[tokio::test]
async fn only_the_right_token_from_the_right_address_is_a_reply() {
    let Some(echo) = awaited(&Pinger::new()) else {
        return;
    };
    let socket = Arc::clone(&echo.socket);
    let now = Instant::now();
    let ours = echo.echo;
    let stranger = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
    let forged = Echo {
        token: ours.token ^ 1,
        ..ours
    };
    socket.deliver(Incoming::Reply(forged), TARGET, now);
    socket.deliver(Incoming::Reply(ours), stranger, now);
    assert_eq!(lock(&socket.waiting).len(), 1);
    socket.deliver(Incoming::Reply(ours), TARGET, now);
    // Another one with the same marks finds nobody.
    socket.deliver(Incoming::Reply(ours), TARGET, now);
    let until = now + Duration::from_secs(30);
    assert!(echo.reply(until).await.is_ok());
}

#[tokio::test]
async fn a_router_that_says_no_ends_the_waiting() {
    let Some(echo) = awaited(&Pinger::new()) else {
        return;
    };
    let refused = Incoming::Refused {
        ident: echo.echo.ident,
        sequence: echo.echo.sequence,
        reason: Refusal::Host,
    };
    let router = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    echo.socket.deliver(refused, router, Instant::now());
    let until = Instant::now() + Duration::from_secs(30);
    let outcome = echo.reply(until).await;
    assert_eq!(outcome, Err(PingError::Refused(Refusal::Host)));
}

#[tokio::test]
async fn a_number_that_is_another_echos_by_now_is_not_freed() {
    let Some(first) = awaited(&Pinger::new()) else {
        return;
    };
    let socket = Arc::clone(&first.socket);
    let ours = first.echo;
    socket.deliver(Incoming::Reply(ours), TARGET, Instant::now());
    // The next echo got the same number.
    socket.next.store(ours.sequence, Ordering::Relaxed);
    let (reply, _replied) = oneshot::channel();
    let second = socket.enter(TARGET, reply).unwrap();
    assert_eq!(second.sequence, ours.sequence);
    drop(first);
    assert_eq!(lock(&socket.waiting).len(), 1);
}
