use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use rem_alert::episode::{HoldKind, HoldPlan, Matcher, MatcherOp, When};
use rem_config::{Alert, Config, ContactWay, Notify, Role, WebhookBody};
use rem_desk::{AlertRule, Heartbeat, Reach, Right, Rules, Timing, User};
use rem_graph::{BuildError, Builder, Graph};
use rem_notify::{Body, Contact, ContactError, Script, Template, Webhook};
use rem_time::{Span, Timestamp};
use rem_yaml::{Place, SecretError};

use crate::plan::Plan;
use crate::secrets::Secrets;

/// The label of alerts of deployments about which nobody is to be told.
pub(crate) const NOTIFY_LABEL: &str = "notify";
/// Its value there.
pub(crate) const NOTIFY_NONE: &str = "none";

/// Why the desk cannot work as the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// A contact makes no sense.
    #[error("{place}: this contact cannot be used")]
    Contact {
        /// Where it is written.
        place: Place,
        /// Why.
        source: ContactError,
    },
    /// A secret cannot be read.
    #[error("{place}: a secret of this contact cannot be read")]
    Secret {
        /// Where it is written.
        place: Place,
        /// Why.
        source: SecretError,
    },
    /// The address that mails come back to makes no sense.
    #[error("notify.smtp: self-tests cannot go to the reply address")]
    Loop(#[source] ContactError),
    /// The dependencies make no graph.
    #[error("the dependencies make no graph")]
    Graph(#[from] BuildError),
}

/// What the desk works by, from the file. `base_url` is where the pages are, if the
/// file does not say.
pub(crate) fn rules(config: &Config, plan: &Plan, secrets: &Secrets) -> Result<Rules, RulesError> {
    let notify = config.notify();
    let from_file = People { config, secrets };
    let fallback = from_file.reaches(&notify.fallback)?;
    let mut users = BTreeMap::new();
    for person in config.users() {
        let user = User {
            full_name: person.full_name.clone(),
            right: match person.right {
                Role::Viewer => Right::Viewer,
                Role::Operator => Right::Operator,
                Role::Admin => Right::Admin,
            },
            zone: person.user.zone.clone(),
            notices: person.user.notices.clone(),
            contacts: from_file.reaches(&person.contacts)?,
        };
        users.insert(person.name.to_string(), user);
    }
    let heartbeat = match &notify.heartbeat {
        Some(wanted) => Some(Heartbeat {
            contact: from_file.contact(&wanted.contact)?,
            every: wanted.every,
        }),
        None => None,
    };
    let ladders = ladders(config, plan);
    let deployments = config.services().flat_map(|service| {
        let deployments = service.deployments.iter();
        deployments.map(|one| (service.name.as_str(), one.name.as_str()))
    });
    let first = deployments
        .filter_map(|(service, deployment)| config.ladder(service, deployment))
        .find(|ladder| !ladder.is_empty());
    let mut holds: Vec<HoldPlan> = config.holds().cloned().collect();
    holds.push(nobody_is_told());
    Ok(Rules {
        site: config.site().to_string(),
        base_url: base_url(config),
        alerts: config
            .alerts()
            .map(|alert| (alert.name.to_string(), alert_rule(alert)))
            .collect(),
        default_ladder: first.unwrap_or_default(),
        ladders,
        roles: config.roles().map(|duty| duty.role.clone()).collect(),
        self_test: looped(one_of_each_kind(&fallback, &users), notify)?,
        comes_back: comes_back(notify),
        users,
        fallback,
        graph: Some(Arc::new(graph(config)?)),
        watched: watched(plan),
        holds,
        timing: Timing {
            self_test_every: notify.self_test.as_ref().map(|test| test.every),
            self_test_within: notify
                .self_test
                .as_ref()
                .map_or(Timing::default().self_test_within, |test| test.within),
            ..Timing::default()
        },
        heartbeat,
        vacations: config.vacations().collect(),
    })
}

/// Where the pages are: as the file says, or the first listener.
fn base_url(config: &Config) -> Option<String> {
    let said = config.notify().url.clone();
    let url = said.or_else(|| {
        let listener = config.listeners().first()?;
        let scheme = if listener.tls.is_some() {
            "https"
        } else {
            "http"
        };
        Some(format!("{scheme}://{}", listener.address))
    })?;
    Some(format!("{}/system_monitor", url.trim_end_matches('/')))
}

fn alert_rule(alert: &Alert) -> AlertRule {
    AlertRule {
        title: alert.title.clone(),
        runbook: alert.notes.clone(),
        severity: alert.severity.clone(),
        behaviour: alert.rules.clone(),
        ladder: None,
    }
}

/// The name of a ladder: a deployment and an alert of it.
pub(crate) fn ladder_name(service: &str, deployment: &str, alert: &str) -> String {
    format!("{service}/{deployment}/{alert}")
}

fn ladders(config: &Config, plan: &Plan) -> BTreeMap<String, Vec<rem_alert::episode::Step>> {
    let mut ladders = BTreeMap::new();
    for planned in &plan.monitors {
        for used in &planned.monitor.used_by {
            let (service, deployment) = (used.service.as_str(), used.deployment.as_str());
            for alert in planned.levels.alerts() {
                let name = ladder_name(service, deployment, alert);
                if ladders.contains_key(&name) {
                    continue;
                }
                let steps = config.ladder_of(alert, service, deployment);
                ladders.insert(name, steps.unwrap_or_default());
            }
        }
    }
    ladders
}

/// Deployments with `notify: none` are held for ever.
fn nobody_is_told() -> HoldPlan {
    HoldPlan {
        id: "notify-none".into(),
        kind: HoldKind::Maintenance,
        covers: vec![Matcher {
            key: NOTIFY_LABEL.into(),
            op: MatcherOp::Is,
            value: NOTIFY_NONE.into(),
        }],
        when: When::Once {
            from: Timestamp::EPOCH,
            until: Timestamp::from_nanos(i64::MAX),
        },
        by: "the file".into(),
        why: "the deployment says notify: none".into(),
    }
}

/// What depends on what.
fn graph(config: &Config) -> Result<Graph, BuildError> {
    let mut builder = Builder::new();
    for node in config.dependencies() {
        builder.node(&node.name);
    }
    for node in config.dependencies() {
        for group in &node.groups {
            let need = u32::try_from(group.need).unwrap_or(u32::MAX);
            builder.require(&node.name, &group.kind, need, &group.members);
        }
    }
    builder.build()
}

/// The nodes that somebody looks at.
fn watched(plan: &Plan) -> HashMap<Arc<str>, Span> {
    let mut watched: HashMap<Arc<str>, Span> = HashMap::new();
    for planned in &plan.monitors {
        let monitor = &planned.monitor;
        for node in planned.telling.nodes_of(&monitor.id).iter().cloned() {
            let every = watched.entry(node).or_insert(monitor.every);
            *every = (*every).min(monitor.every);
        }
    }
    watched
}

/// One contact of each kind, so that each way is tried before it is needed.
fn one_of_each_kind(fallback: &[Reach], users: &BTreeMap<String, User>) -> Vec<Reach> {
    let mut kinds: BTreeMap<&'static str, &Reach> = BTreeMap::new();
    let all = users.values().flat_map(|user| &user.contacts);
    for reach in fallback.iter().chain(all) {
        kinds.entry(reach.contact.kind()).or_insert(reach);
    }
    kinds.into_values().cloned().collect()
}

/// The kinds of contact whose tests come back.
fn comes_back(notify: &Notify) -> BTreeSet<String> {
    let kinds = notify.self_test.iter().flat_map(|test| &test.comes_back);
    kinds.map(|kind| kind.as_str().to_owned()).collect()
}

/// A mail that is to come back goes to our own reply address.
fn looped(mut reaches: Vec<Reach>, notify: &Notify) -> Result<Vec<Reach>, RulesError> {
    let Some(smtp) = &notify.smtp else {
        return Ok(reaches);
    };
    if !comes_back(notify).contains("mail") {
        return Ok(reaches);
    }
    let address = own_address(smtp.reply_to.as_deref().unwrap_or(&smtp.from));
    let contact = Contact::mail(&address).map_err(RulesError::Loop)?;
    reaches.retain(|reach| reach.contact.kind() != "mail");
    reaches.insert(0, Reach::person(contact));
    Ok(reaches)
}

/// The reply address without the place of its token: the test brings its own.
fn own_address(reply_to: &str) -> String {
    reply_to
        .replace("+{token}", "")
        .replace("{token}", "self-test")
}

struct People<'a> {
    config: &'a Config,
    secrets: &'a Secrets,
}

impl People<'_> {
    fn reaches(&self, contacts: &[rem_config::Contact]) -> Result<Vec<Reach>, RulesError> {
        let pace = self.config.notify().throttle;
        let reach = |contact: &rem_config::Contact| {
            let made = self.contact(contact)?;
            Ok(match contact.digest {
                true => Reach {
                    pace,
                    ..Reach::person(made)
                },
                false => Reach::program(made),
            })
        };
        contacts.iter().map(reach).collect()
    }

    fn contact(&self, contact: &rem_config::Contact) -> Result<Contact, RulesError> {
        let place = || contact.place.clone();
        let wrong = |source| RulesError::Contact {
            place: place(),
            source,
        };
        let text = |text: &rem_config::Text| {
            let secret = self.secrets.text(text);
            secret.map_err(|source| RulesError::Secret {
                place: place(),
                source,
            })
        };
        Ok(match &contact.way {
            ContactWay::Mail(address) => Contact::mail(address).map_err(wrong)?,
            ContactWay::Webhook(wanted) => {
                let mut webhook = Webhook::new(&text(&wanted.url)?).map_err(wrong)?;
                webhook = webhook.body(body(&wanted.body).map_err(wrong)?);
                for (name, value) in &wanted.headers {
                    webhook = webhook.header(name, text(value)?).map_err(wrong)?;
                }
                if let Some(source) = &wanted.secret {
                    let key = self.secrets.of(source);
                    webhook = webhook.signed_with(key.map_err(|source| RulesError::Secret {
                        place: place(),
                        source,
                    })?);
                }
                Contact::Webhook(webhook)
            }
            ContactWay::Script(wanted) => {
                let mut script = Script::new(wanted.command.iter().cloned()).map_err(wrong)?;
                for (name, value) in &wanted.environment {
                    script = script.env(name, text(value)?);
                }
                Contact::Script(script.cwd(folder(&wanted.folder)))
            }
        })
    }
}

fn body(wanted: &WebhookBody) -> Result<Body, ContactError> {
    Ok(match wanted {
        WebhookBody::Rem => Body::Rem,
        WebhookBody::Alertmanager => Body::Alertmanager,
        WebhookBody::Slack => Body::Slack,
        WebhookBody::Ntfy => Body::Ntfy,
        WebhookBody::Discord => Body::Discord,
        WebhookBody::Custom { text, content_type } => {
            Body::Custom(Template::new(text, content_type)?)
        }
    })
}

/// The folder of a file that was named without one is the current folder.
pub(crate) fn folder(path: &Path) -> &Path {
    if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    }
}
