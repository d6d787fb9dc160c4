use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::ber::Malformed;
use super::crypto::Clock;
use super::oid::Oid;
use super::options::{SnmpUser, SnmpVersion};
use super::pdu::{self, Answer, Ask};
use super::sockets::{NotSent, Patience, SnmpSockets, Socket};
use super::usm::{self, Doubt, Keys, Refusal, Security};

/// How many packets one question may take in version 3: discovery, a clock that
/// was wrong, an engine that is a new one, and the question itself.
const EXCHANGES_MAX: usize = 5;

/// What is known about the agent of one check. Survives the runs, so that an
/// agent is discovered once.
#[derive(Debug)]
pub(super) struct Agent {
    sockets: SnmpSockets,
    version: SnmpVersion,
    patience: Patience,
    engine: Mutex<Option<Engine>>,
}

/// The agent's side of version 3.
#[derive(Clone, Debug)]
struct Engine {
    address: SocketAddr,
    id: Arc<[u8]>,
    clock: Clock,
    at: Instant,
    keys: Arc<Keys>,
}

impl Engine {
    /// What its clock shows now.
    fn clock(&self, now: Instant) -> Clock {
        let passed = now.saturating_duration_since(self.at).as_secs();
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        Clock {
            boots: self.clock.boots,
            seconds: self.clock.seconds.saturating_add(passed),
        }
    }
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    NotSent(#[from] NotSent),
    #[error("{0} in its answer")]
    Malformed(#[from] Malformed),
    #[error("its answer is not to be trusted: {0}")]
    Doubt(Doubt),
    #[error("{}", refusal(.0, .1))]
    Refused(Refusal, String),
    #[error("it only answers who it is: wrong {0}")]
    Mute(String),
    #[error("its clock does not keep still")]
    Clock,
    #[error("{0}: {1}")]
    Status(&'static str, Oid),
    #[error("its objects do not increase, a walk would not end: {0} comes again or too late")]
    NotIncreasing(Oid),
}

fn mute(user: &SnmpUser) -> String {
    let name = &user.name;
    let privacy = format!("privacy passphrase or cipher of user {name}");
    match (user.privacy.is_some(), user.context.as_str()) {
        (true, "") => privacy,
        (true, context) => format!("context {context}, or {privacy}"),
        (false, context) => format!("context {context}"),
    }
}

fn refusal(refusal: &Refusal, user: &str) -> String {
    match refusal {
        Refusal::SecurityLevel => {
            format!("it does not offer this level of security to user {user}")
        }
        Refusal::TimeWindow => "it says that our clock is wrong, again and again".into(),
        Refusal::UserName => format!("it does not know user {user} (unknownUserName)"),
        Refusal::EngineId => "it does not know its own engine id".into(),
        Refusal::Digest => {
            format!("wrong authentication passphrase or digest of user {user} (wrongDigest)")
        }
        Refusal::Decryption => {
            format!("wrong privacy passphrase or cipher of user {user} (decryptionError)")
        }
        Refusal::Context => "it has no such context".into(),
        Refusal::Other => "it refuses for a reason of its own".into(),
    }
}

impl Agent {
    pub(super) fn new(sockets: &SnmpSockets, version: SnmpVersion, patience: Patience) -> Self {
        Self {
            sockets: sockets.clone(),
            version,
            patience,
            engine: Mutex::default(),
        }
    }

    pub(super) fn has_bulk(&self) -> bool {
        !matches!(self.version, SnmpVersion::V1 { .. })
    }

    /// Whether a wrong secret makes the agent silent.
    pub(super) fn has_community(&self) -> bool {
        !matches!(self.version, SnmpVersion::V3(_))
    }

    /// One question, asked until it is answered or the patience is gone.
    pub(super) async fn ask(
        &self,
        address: SocketAddr,
        ask: Ask,
        oids: &[Oid],
    ) -> Result<Answer, Failure> {
        let socket = self.sockets.to(address)?;
        let (version, community) = match &self.version {
            SnmpVersion::V1 { community } => (0, community),
            SnmpVersion::V2c { community } => (1, community),
            SnmpVersion::V3(user) => {
                return self.ask_securely(&socket, address, user, ask, oids).await;
            }
        };
        let under_way = socket.enter(address, version)?;
        let packet = pdu::write_community(version, community, ask, under_way.id, oids);
        let answer = under_way.exchange(&packet, self.patience).await?;
        Ok(pdu::read_community(&answer)?)
    }

    async fn ask_securely(
        &self,
        socket: &Arc<Socket>,
        address: SocketAddr,
        user: &SnmpUser,
        ask: Ask,
        oids: &[Oid],
    ) -> Result<Answer, Failure> {
        let refused = |why| Failure::Refused(why, user.name.clone());
        let mut last = Failure::Clock;
        for _ in 0..EXCHANGES_MAX {
            let known = self.engine().clone().filter(|e| e.address == address);
            let Some(engine) = known else {
                let engine = self.discover(socket, address, user).await?;
                *self.engine() = Some(engine);
                continue;
            };
            let under_way = socket.enter(address, 3)?;
            let id = under_way.id;
            let security = Security {
                engine: &engine.id,
                clock: engine.clock(Instant::now()),
                user: &user.name,
                context: &user.context,
                keys: &engine.keys,
            };
            let packet = usm::seal(security, socket.salt(), ask, id, oids);
            let packet = packet.ok_or(Failure::Doubt(Doubt::Decryption))?;
            let answer = match under_way.exchange(&packet, self.patience).await {
                // Agents drop what decrypts to nonsense, and what is of a
                // context they do not have; one that is alive still says who
                // it is.
                Err(NotSent::Silence) if user.privacy.is_some() || !user.context.is_empty() => {
                    self.discover(socket, address, user).await?;
                    return Err(Failure::Mute(mute(user)));
                }
                other => other?,
            };
            let opened = usm::open(security, &answer).map_err(Failure::Doubt)?;
            let refusal = opened.answer.is_report.then(|| Refusal::of(&opened.answer));
            match refusal {
                None if opened.answer.id == id => {
                    self.set_clock(&engine, opened.clock);
                    return Ok(opened.answer);
                }
                None => return Err(Malformed("request id").into()),
                // An unsigned clock can only make us ask in vain.
                Some(Refusal::TimeWindow) => {
                    self.set_clock(&engine, opened.clock);
                    last = refused(Refusal::TimeWindow);
                }
                Some(Refusal::EngineId) => {
                    *self.engine() = None;
                    last = refused(Refusal::EngineId);
                }
                Some(other) => return Err(refused(other)),
            }
        }
        Err(last)
    }

    async fn discover(
        &self,
        socket: &Arc<Socket>,
        address: SocketAddr,
        user: &SnmpUser,
    ) -> Result<Engine, Failure> {
        let under_way = socket.enter(address, 3)?;
        let packet = usm::discovery(under_way.id);
        let answer = under_way.exchange(&packet, self.patience).await?;
        let nobody = Keys {
            auth: None,
            privacy: None,
        };
        let security = Security {
            engine: &[],
            clock: Clock::default(),
            user: "",
            context: "",
            keys: &nobody,
        };
        let opened = usm::open(security, &answer).map_err(Failure::Doubt)?;
        // RFC 3411: 5 to 32 bytes.
        if !opened.answer.is_report || !(5..=32).contains(&opened.engine.len()) {
            return Err(Malformed("engine id").into());
        }
        Ok(Engine {
            address,
            keys: Arc::new(self.keys(user, &opened.engine)),
            id: opened.engine.into(),
            clock: opened.clock,
            at: Instant::now(),
        })
    }

    fn keys(&self, user: &SnmpUser, engine: &[u8]) -> Keys {
        let stretched = |hash, passphrase: &str| self.sockets.stretched(hash, passphrase);
        let auth = user.auth.as_ref();
        let privacy = auth.zip(user.privacy.as_ref()).map(|(auth, privacy)| {
            let stretched = stretched(auth.hash, &privacy.passphrase);
            let key = privacy.cipher.key(auth.hash, &stretched, engine);
            (privacy.cipher, key)
        });
        let auth = auth.map(|auth| {
            let stretched = stretched(auth.hash, &auth.passphrase);
            (auth.hash, auth.hash.localize(&stretched, engine))
        });
        Keys { auth, privacy }
    }

    /// The clock of an answer to a number that nobody could guess is fresh,
    /// whichever way it differs from ours: agents that lost their count of
    /// boots are found again.
    fn set_clock(&self, of: &Engine, clock: Clock) {
        let mut place = self.engine();
        if let Some(engine) = place.as_mut().filter(|engine| engine.id == of.id) {
            engine.clock = clock;
            engine.at = Instant::now();
        }
    }

    fn engine(&self) -> MutexGuard<'_, Option<Engine>> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
