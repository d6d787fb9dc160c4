//! Load balancers of HAProxy before two web servers of the test.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redeye_cloud::{
    Action, Class, Health, Id, Kind, Listener, LoadBalancer, Mode, Protocol, Resource, Tags,
};

use crate::conformance::{Rig, Spec, can_run, missing};

/// A web server that says its name. What is asked for under `/slow` is answered once the
/// test lets go.
struct Web {
    name: &'static str,
    port: u16,
    ends: Arc<AtomicBool>,
    /// Slow requests that wait.
    waiting: Arc<AtomicUsize>,
    lets_go: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl Web {
    fn new(name: &'static str, port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let (ends, lets_go) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let waiting = Arc::<AtomicUsize>::default();
        let (over, counted, go) = (ends.clone(), waiting.clone(), lets_go.clone());
        let server = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let (counted, go) = (counted.clone(), go.clone());
                        std::thread::spawn(move || answer(stream, name, &counted, &go));
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(2)),
                }
            }
        });
        Self {
            name,
            port,
            ends,
            waiting,
            lets_go,
            server: Some(server),
        }
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        self.lets_go.store(true, Ordering::Relaxed);
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

fn answer(mut stream: TcpStream, name: &str, waiting: &AtomicUsize, lets_go: &AtomicBool) {
    stream.set_nonblocking(false).unwrap();
    let mut heard = Vec::new();
    let mut buffer = [0; 1024];
    while !heard.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(size) => heard.extend(&buffer[..size]),
        }
    }
    if heard.starts_with(b"GET /slow") {
        waiting.fetch_add(1, Ordering::Relaxed);
        while !lets_go.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(2));
        }
        waiting.fetch_sub(1, Ordering::Relaxed);
    }
    let length = name.len();
    let text = format!("HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n{name}");
    // Whoever asked may have gone.
    let _ = stream.write_all(text.as_bytes());
}

/// What is answered through a load balancer; an error that is not 200 too.
fn ask(port: u16, path: &str) -> Result<String, String> {
    let limit = Duration::from_secs(20);
    let why = |error: std::io::Error| error.to_string();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, limit).map_err(why)?;
    stream.set_read_timeout(Some(limit)).map_err(why)?;
    let text = format!("GET {path} HTTP/1.0\r\n\r\n");
    stream.write_all(text.as_bytes()).map_err(why)?;
    let mut heard = String::new();
    stream.read_to_string(&mut heard).map_err(why)?;
    match heard.split_once("\r\n\r\n") {
        Some((head, body))
            if head.starts_with("HTTP/1.0 200") || head.starts_with("HTTP/1.1 200") =>
        {
            Ok(body.to_owned())
        }
        _ => Err(heard),
    }
}

/// Whoever answered, in so many requests; each is answered.
fn answers(port: u16, times: usize) -> Vec<String> {
    let all = (0..times).map(|_| ask(port, "/").unwrap());
    let mut all: Vec<String> = all.collect();
    all.sort();
    all.dedup();
    all
}

/// Requests without a pause, until it is told to end; how many there were, and those
/// that went wrong.
fn busy(port: u16) -> (Arc<AtomicBool>, JoinHandle<(usize, Vec<String>)>) {
    let ends = Arc::<AtomicBool>::default();
    let over = ends.clone();
    let asked = std::thread::spawn(move || {
        let (mut times, mut wrong) = (0, Vec::new());
        while !over.load(Ordering::Relaxed) {
            times += 1;
            wrong.extend(ask(port, "/").err());
        }
        (times, wrong)
    });
    (ends, asked)
}

/// Ends what still runs, also if the test fails.
struct Leftovers(PathBuf);

impl Drop for Leftovers {
    fn drop(&mut self) {
        for entry in std::fs::read_dir(self.0.join("lbs"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let Ok(pid) = std::fs::read_to_string(entry.path().join("pid")) else {
                continue;
            };
            let pid = pid.trim();
            let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let config = entry.path().join("haproxy.cfg");
            if String::from_utf8_lossy(&words).contains(&*config.to_string_lossy()) {
                let _ = Command::new("kill").args(["-TERM", pid]).status();
            }
        }
    }
}

async fn look(rig: &Rig) -> Vec<LoadBalancer> {
    let listing = rig
        .cloud
        .list(&rig.scope, Kind::LoadBalancer, Mode::StrictFresh)
        .await;
    let items = listing.unwrap().items.into_iter();
    let lbs = items.map(|item| match item {
        Resource::LoadBalancer(lb) => lb,
        other => panic!("{other:?}"),
    });
    lbs.collect()
}

/// Waits until a member is as it should be.
async fn becomes(rig: &Rig, instance: &str, health: Health) {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let lbs = look(rig).await;
        let mut members = lbs[0].members.iter();
        let member = members
            .find(|one| one.instance.as_str() == instance)
            .unwrap();
        if member.health == health {
            return;
        }
        assert!(Instant::now() < until, "not {health:?}: {member:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) async fn requests_are_spread_and_none_is_lost() {
    let lacks = missing("haproxy", &["-v"]).or_else(|| missing("python3", &["--version"]));
    if !can_run("haproxy", lacks) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (ann, bob) = (Web::new("ann", 0), Web::new("bob", 0));
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let spec = Spec::new("haproxy", folder.path())
        .setting("bind", "127.0.0.1")
        .setting("check", "/health")
        .setting("interval", "200ms")
        .machines("ann: {address: 127.0.0.1}\nbob: {address: localhost}\nbad: {}\n");
    let _leftovers = Leftovers(spec.folder.clone());
    let rig = spec.rig(&folder.path().join("journal")).await;
    let create = |protocol| Action::CreateLoadBalancer {
        name: "web".into(),
        listeners: vec![Listener {
            port,
            protocol,
            target_port: ann.port,
        }],
        places: Vec::new(),
        tags: Tags::new(),
    };
    let (class, ..) = rig.refused(create(Protocol::Udp), 20).await;
    assert_eq!(class, Class::Invalid);
    assert!(look(&rig).await.is_empty(), "nothing is left of it");
    let id = Rig::made(&rig.run(create(Protocol::Http)).await);
    assert_eq!(look(&rig).await[0].address.as_deref(), Some("127.0.0.1"));
    assert!(
        ask(port, "/").unwrap_err().contains("503"),
        "nobody is behind it"
    );
    let attach = |instance: &str, port| Action::AttachMember {
        id: id.clone(),
        instance: instance.parse().unwrap(),
        port,
    };
    assert!(Rig::well(&rig.run(attach("ann", None)).await));
    assert!(Rig::well(&rig.run(attach("bob", Some(bob.port))).await));
    assert!(
        !Rig::well(&rig.run(attach("ann", None)).await),
        "it was there"
    );
    let (class, ..) = rig.refused(attach("no/host", None), 20).await;
    assert_eq!(class, Class::Invalid);
    becomes(&rig, "ann", Health::Healthy).await;
    becomes(&rig, "bob", Health::Healthy).await;
    assert_eq!(answers(port, 20), ["ann", "bob"]);

    // One dies: not one request is lost, and it is told.
    let (ends, asked) = busy(port);
    let at = bob.port;
    drop(bob);
    becomes(&rig, "bob", Health::Unhealthy).await;
    ends.store(true, Ordering::Relaxed);
    let (times, wrong) = asked.join().unwrap();
    assert!(
        wrong.is_empty(),
        "{} of {times}: {:?}",
        wrong.len(),
        wrong[0]
    );
    assert_eq!(answers(port, 20), ["ann"]);
    let bob = Web::new("bob", at);
    becomes(&rig, "bob", Health::Healthy).await;
    assert_eq!(answers(port, 20), ["ann", "bob"]);

    // Who comes out finishes what is under way, and gets nothing new.
    let slow: Vec<_> = (0..6)
        .map(|_| std::thread::spawn(move || ask(port, "/slow")))
        .collect();
    let all_wait = || ann.waiting.load(Ordering::Relaxed) + bob.waiting.load(Ordering::Relaxed);
    crate::conformance::wait_for("slow requests are under way", || all_wait() == 6);
    assert!(0 < bob.waiting.load(Ordering::Relaxed), "{}", bob.name);
    let detach = |instance: &str| Action::DetachMember {
        id: id.clone(),
        instance: instance.parse().unwrap(),
    };
    let begun = rig.begin(detach("bob")).await;
    becomes(&rig, "bob", Health::Draining).await;
    assert_eq!(answers(port, 20), ["ann"]);
    let operation = rig.cloud.operation(begun).await.unwrap();
    assert!(!operation.state.is_over(), "it waits: {operation:#?}");
    for web in [&ann, &bob] {
        web.lets_go.store(true, Ordering::Relaxed);
    }
    assert!(Rig::well(&rig.wait(begun).await));
    for asked in slow {
        asked.join().unwrap().unwrap();
    }
    assert_eq!(look(&rig).await[0].members.len(), 1);
    assert!(!Rig::well(&rig.run(detach("bob")).await), "it was out");

    // Requests over many reloads: each attach and detach is one.
    let (ends, asked) = busy(port);
    for _ in 0..3 {
        assert!(Rig::well(&rig.run(attach("bob", Some(bob.port))).await));
        becomes(&rig, "bob", Health::Healthy).await;
        assert!(Rig::well(&rig.run(detach("bob")).await));
    }
    ends.store(true, Ordering::Relaxed);
    let (times, wrong) = asked.join().unwrap();
    assert!(
        wrong.is_empty(),
        "{} of {times}: {:?}",
        wrong.len(),
        wrong[0]
    );
    assert!(Rig::well(&rig.run(attach("bob", Some(bob.port))).await));
    becomes(&rig, "bob", Health::Healthy).await;
    assert_eq!(answers(port, 20), ["ann", "bob"]);

    // Who wrote down what is wanted and died before HAProxy knew is finished by the next.
    let kept = spec.folder.join("lbs").join(id.as_str()).join("lb.json");
    let both = std::fs::read_to_string(&kept).unwrap();
    let mut one: serde_json::Value = serde_json::from_str(&both).unwrap();
    let members = one["members"].as_array_mut().unwrap();
    members.retain(|member| member["instance"] == "ann");
    std::fs::write(&kept, one.to_string()).unwrap();
    assert!(Rig::well(&rig.run(detach("bob")).await));
    assert_eq!(answers(port, 20), ["ann"]);
    std::fs::write(&kept, both).unwrap();
    assert!(Rig::well(&rig.run(attach("bob", Some(bob.port))).await));
    assert!(!Rig::well(&rig.run(attach("bob", Some(bob.port))).await));
    becomes(&rig, "bob", Health::Healthy).await;
    assert_eq!(answers(port, 20), ["ann", "bob"]);

    // A configuration that HAProxy refuses changes nothing.
    let (class, ..) = rig.refused(attach("bad", Some(0)), 20).await;
    assert_eq!(class, Class::Invalid);
    assert_eq!(look(&rig).await[0].members.len(), 2);
    assert_eq!(answers(port, 20), ["ann", "bob"]);

    let delete = Action::DeleteLoadBalancer { id: id.clone() };
    assert!(Rig::well(&rig.run(delete.clone()).await));
    assert!(!Rig::well(&rig.run(delete).await), "it was gone");
    assert!(ask(port, "/").is_err());
    assert!(look(&rig).await.is_empty());
    let gone: Id = id;
    let (class, ..) = rig
        .refused(
            Action::DetachMember {
                id: gone,
                instance: "ann".parse().unwrap(),
            },
            20,
        )
        .await;
    assert_eq!(class, Class::NotFound);
}
