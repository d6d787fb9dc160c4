//! Accounts of EC2 in the configuration, and what of them is there already.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use redeye_cloud::{Megavisor, Name, Scope};
use redeye_cloud_ec2::{Ec2Megavisor, Settings};
use rem_time::Clock;
use rem_yaml::{At, Problems};

/// One account in one region, as it is named in the configuration.
pub(crate) struct Account {
    account: Name,
    region: Name,
    profile: Option<String>,
    endpoint: Option<String>,
    image_owners: Option<Vec<String>>,
    dry_run: bool,
}

impl Account {
    /// Nothing is looked for before the first request.
    pub(crate) fn megavisor(&self, name: Name, clock: Arc<dyn Clock>) -> Arc<dyn Megavisor> {
        let scope = Scope::new(name, self.account.clone(), self.region.clone());
        let mut settings = Settings::new(scope);
        settings.profile.clone_from(&self.profile);
        settings.endpoint.clone_from(&self.endpoint);
        settings.dry_run = self.dry_run;
        if let Some(owners) = &self.image_owners {
            settings.image_owners.clone_from(owners);
        }
        Arc::new(Ec2Megavisor::new(settings, clock))
    }
}

pub(crate) fn read(at: &At<'_>, problems: &mut Problems) -> Option<Account> {
    let mut map = at.map(problems)?;
    let mut name = |key: &'static str| {
        let at = map.get(key)?;
        at.parse::<Name>("a name in lower-case letters, such as eu-west-1", problems)
    };
    let (region, account) = (name("region"), name("account"));
    if !map.has("region") {
        problems.add(map.missing("region").help("add `region: eu-west-1`"));
    }
    let profile = map.optional::<String>("profile", problems);
    let endpoint = map.get("endpoint").and_then(|at| {
        let text = at.text(problems)?;
        let is_url = text.starts_with("http://") || text.starts_with("https://");
        if !is_url {
            problems.add(at.expected("a URL such as http://127.0.0.1:5000"));
        }
        is_url.then(|| text.to_owned())
    });
    let image_owners = map.get("image_owners").and_then(|at| {
        let items = at.items(problems)?;
        let texts = items.iter().filter_map(|at| at.text(problems));
        Some(texts.map(str::to_owned).collect())
    });
    let dry_run = map.with_default("dry_run", true, problems);
    map.finish(problems);
    let of_profile = profile.as_deref().map(str::to_lowercase);
    let of_profile = of_profile.and_then(|name| Name::new(&name).ok());
    let usual = || Name::new("default").ok();
    Some(Account {
        account: account.or(of_profile).or_else(usual)?,
        region: region?,
        profile,
        endpoint,
        image_owners,
        dry_run,
    })
}

/// A line for a new configuration, and whether there are credentials for it.
pub(crate) fn offer() -> (String, bool) {
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let home = variable("HOME").map(PathBuf::from).unwrap_or_default();
    let file = |name: &str, usual: &str| {
        let path = variable(name).map_or_else(|| home.join(".aws").join(usual), PathBuf::from);
        std::fs::read_to_string(path).unwrap_or_default()
    };
    let found = Found {
        key: variable("AWS_ACCESS_KEY_ID").is_some(),
        region: variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")),
        profile: variable("AWS_PROFILE"),
        credentials: profiles(&file("AWS_SHARED_CREDENTIALS_FILE", "credentials")),
        config: profiles(&file("AWS_CONFIG_FILE", "config")),
    };
    found.line()
}

/// What there is of AWS on this machine.
struct Found {
    key: bool,
    region: Option<String>,
    profile: Option<String>,
    credentials: BTreeMap<String, BTreeMap<String, String>>,
    config: BTreeMap<String, BTreeMap<String, String>>,
}

/// What makes a profile one that can sign requests.
const SIGNS: [&str; 6] = [
    "aws_access_key_id",
    "credential_process",
    "sso_session",
    "sso_start_url",
    "role_arn",
    "web_identity_token_file",
];

impl Found {
    fn line(&self) -> (String, bool) {
        let profile = self.profile.as_deref().unwrap_or("default");
        let of = |all: &BTreeMap<String, BTreeMap<String, String>>, key: &str| {
            all.get(profile).and_then(|one| one.get(key)).cloned()
        };
        let signs = |key: &&str| {
            of(&self.credentials, key)
                .or(of(&self.config, key))
                .is_some()
        };
        let region = self.region.clone();
        let region = region.or_else(|| of(&self.config, "region"));
        let named = match &self.profile {
            Some(profile) => format!(", profile: {profile}"),
            None => String::new(),
        };
        if !self.key && !SIGNS.iter().any(signs) {
            let why = "there are no credentials: aws configure, or AWS_ACCESS_KEY_ID";
            return (
                format!("  # ec2: {{ec2: {{region: eu-west-1}}}}   # {why}"),
                false,
            );
        }
        match region {
            Some(region) => (
                format!("  ec2: {{ec2: {{region: {region}{named}}}}}   # credentials were found"),
                true,
            ),
            None => (
                format!(
                    "  # ec2: {{ec2: {{region: eu-west-1{named}}}}}   # credentials were found; say which region"
                ),
                false,
            ),
        }
    }
}

/// The profiles of a file of AWS, with their settings.
fn profiles(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut current = None;
    for line in text.lines().map(str::trim) {
        if let Some(head) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            let name = head.strip_prefix("profile ").unwrap_or(head).trim();
            current = Some(name.to_owned());
        } else if let (Some(name), Some((key, value))) = (&current, line.split_once('='))
            && !line.starts_with(['#', ';'])
        {
            let one = all.entry(name.clone()).or_default();
            one.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: &Found, line: &str, usable: bool) {
        assert_eq!(found.line(), (line.to_owned(), usable));
    }

    #[test]
    fn what_is_found_is_offered_and_what_is_missing_is_said() {
        let config = "# mine\n[default]\nregion = eu-west-1\n\n[profile prod]\n\
                      region=eu-central-1\nrole_arn = arn:aws:iam::1:role/ops\n";
        let credentials = "[default]\naws_access_key_id = AKID\naws_secret_access_key = x\n";
        let mut found = Found {
            key: false,
            region: None,
            profile: None,
            credentials: profiles(credentials),
            config: profiles(config),
        };
        let line = "  ec2: {ec2: {region: eu-west-1}}   # credentials were found";
        check(&found, line, true);
        found.profile = Some("prod".into());
        let line = "  ec2: {ec2: {region: eu-central-1, profile: prod}}   # credentials were found";
        check(&found, line, true);
        found.profile = Some("other".into());
        let line = "  # ec2: {ec2: {region: eu-west-1}}   # there are no credentials: aws configure, or AWS_ACCESS_KEY_ID";
        check(&found, line, false);
        found.key = true;
        let line = "  # ec2: {ec2: {region: eu-west-1, profile: other}}   # credentials were found; say which region";
        check(&found, line, false);
    }
}
