use std::path::{Path, PathBuf};
use std::sync::Arc;

use redeye_cloud::{Megavisor, Name, PriceBook};
use redeye_cloud_home::{Definition, HomeMegavisor, from_shipped, shipped};
use redeye_storage::{Places, Storage, read_storages};
use rem_command::say;
use rem_time::{Clock, SystemClock};
use rem_yaml::{At, Located, MapReader, Problems, parse};

use crate::arguments::Common;
use crate::exit::{End, Mistake};
use crate::{ec2, found, prices};

/// What the configuration says.
pub(crate) struct Config {
    pub(crate) data: PathBuf,
    pub(crate) megavisors: Vec<Arc<dyn Megavisor>>,
    /// Those of them that are files of functions.
    pub(crate) homes: Vec<Arc<HomeMegavisor>>,
    /// What things cost, if somebody wrote it down.
    pub(crate) prices: Option<PriceBook>,
    pub(crate) storages: Vec<Storage>,
}

/// A megavisor as it is named in the configuration.
struct Named {
    name: Located<Name>,
    /// Its file has to be of this version.
    version: Option<u32>,
    source: Source,
    machines: Option<Located<PathBuf>>,
    /// Values of parameters for all its machines.
    settings: Vec<(String, String)>,
}

enum Source {
    Ec2(Box<ec2::Account>),
    File(Located<PathBuf>),
    Shipped(Located<String>),
}

/// Where a configuration may lie, the first that is there counts.
fn places(common: &Common) -> Vec<PathBuf> {
    if let Some(path) = &common.config {
        return vec![path.clone()];
    }
    let home =
        std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config/redeye-cloud.yaml"));
    [PathBuf::from("redeye-cloud.yaml")]
        .into_iter()
        .chain(home)
        .chain([PathBuf::from("/etc/redeye-cloud.yaml")])
        .collect()
}

pub(crate) fn load(common: &Common) -> anyhow::Result<Config> {
    let places = places(common);
    let Some(path) = places.iter().find(|path| path.is_file()) else {
        let tried: Vec<String> = places
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let message = format!(
            "there is no configuration: {}\n  `redeye-cloud init` writes one",
            tried.join(", ")
        );
        return Err(Mistake(message).into());
    };
    let text = std::fs::read_to_string(path)
        .map_err(|why| Mistake(format!("cannot read {}: {why}", path.display())))?;
    let name = path.to_string_lossy();
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    read(&name, &text, folder).map_err(|problems| Mistake(problems.to_string()).into())
}

fn read(file: &str, text: &str, folder: &Path) -> Result<Config, Problems> {
    let node = parse(file, text)?;
    let mut problems = Problems::new();
    let config = whole(&At::root(&node), folder, &mut problems);
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(problems),
    }
}

fn whole(at: &At<'_>, folder: &Path, problems: &mut Problems) -> Option<Config> {
    let mut map = at.map(problems)?;
    let data = map.with_default("data", PathBuf::from("redeye-cloud-data"), problems);
    let data = folder.join(data);
    let prices = path(&mut map, "prices", problems);
    let prices = prices.and_then(|file| prices::read(&folder.join(&file.value), &file, problems));
    let storages = map.get("storages");
    let entries = map.get("megavisors");
    if entries.is_none() && storages.is_none() {
        problems.add(
            map.missing("megavisors")
                .help("add `megavisors: {here: {shipped: local}}`"),
        );
    }
    map.finish(problems);
    let entries = entries
        .and_then(|at| at.entries(problems))
        .unwrap_or_default();
    let mut megavisors: Vec<Arc<dyn Megavisor>> = Vec::new();
    let mut homes = Vec::new();
    for (name, at) in entries {
        let Some(named) = named(&name, &at, problems) else {
            continue;
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        if let Source::Ec2(account) = &named.source {
            megavisors.push(account.megavisor(named.name.value.clone(), clock));
            continue;
        }
        match definition(&named, folder, &data) {
            Ok(definition) => {
                let version = definition.version();
                let same = |home: &Arc<HomeMegavisor>| {
                    home.info().name == named.name.value && home.info().version == version
                };
                if homes.iter().any(same) {
                    let twice = format!("version {version} is there twice");
                    problems.add(named.name.problem(twice));
                    continue;
                }
                let env = Arc::new(|name: &str| std::env::var(name).ok());
                let home = Arc::new(HomeMegavisor::new(definition, clock, env));
                megavisors.push(home.clone());
                homes.push(home);
            }
            Err(message) => problems.add(named.name.problem(message)),
        }
    }
    let places = Places {
        folder: folder.to_owned(),
        handlers: data.join("storage/handlers"),
    };
    let storages = storages.map(|at| read_storages(&at, &places, problems));
    Some(Config {
        data,
        megavisors,
        homes,
        prices,
        storages: storages.unwrap_or_default(),
    })
}

fn named(name: &Located<&str>, at: &At<'_>, problems: &mut Problems) -> Option<Named> {
    let mut map = at.map(problems)?;
    let file = path(&mut map, "file", problems);
    let ours = map.get("shipped").and_then(|at| {
        let text = at.text(problems)?.to_owned();
        Some(at.located(text))
    });
    let machines = path(&mut map, "machines", problems);
    let account = map.get("ec2").map(|at| ec2::read(&at, problems));
    let settings = settings(map.get("settings"), problems);
    map.finish(problems);
    let megavisor = match versioned(name.value) {
        Ok(megavisor) => Some(megavisor),
        Err(why) => {
            problems.add(name.problem(why));
            None
        }
    };
    let source = match (file, ours, account) {
        (Some(file), None, None) => Source::File(file),
        (None, Some(ours), None) => Source::Shipped(ours),
        (None, None, Some(account)) => Source::Ec2(Box::new(account?)),
        _ => {
            let names: Vec<&str> = shipped().collect();
            let help = format!(
                "write file: rack.yaml, or ec2: {{region: eu-west-1}}, or shipped: one of {}",
                names.join(", ")
            );
            problems.add(
                at.problem("expected one of file, shipped and ec2")
                    .help(help),
            );
            return None;
        }
    };
    let (megavisor, version) = megavisor?;
    Some(Named {
        version,
        name: Located {
            value: megavisor,
            place: name.place.clone(),
            key_path: name.key_path.clone(),
        },
        source,
        machines,
        settings,
    })
}

/// `rack`, or `rack@1` where several versions of it stand side by side.
pub(crate) fn versioned(text: &str) -> Result<(Name, Option<u32>), String> {
    let (name, version) = match text.split_once('@') {
        None => (text, None),
        Some((name, version)) => match version.parse() {
            Ok(version) => (name, Some(version)),
            Err(_) => return Err(format!("{text}: after @ stands the number of a version")),
        },
    };
    let name = Name::new(name).map_err(|why| why.to_string())?;
    Ok((name, version))
}

fn settings(at: Option<At<'_>>, problems: &mut Problems) -> Vec<(String, String)> {
    let entries = at.and_then(|at| at.entries(problems)).unwrap_or_default();
    let read = entries.iter().filter_map(|(name, at)| {
        let value = match &at.node().value {
            rem_yaml::Value::Int(number) => number.to_string(),
            _ => at.text(problems)?.to_owned(),
        };
        Some((name.value.to_owned(), value))
    });
    read.collect()
}

fn path(
    map: &mut MapReader<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Located<PathBuf>> {
    let at = map.get(key)?;
    let path = at.read::<PathBuf>(problems)?;
    Some(at.located(path))
}

fn definition(named: &Named, folder: &Path, data: &Path) -> Result<Definition, String> {
    let definition = match &named.source {
        Source::File(file) => {
            Definition::load(&folder.join(&file.value)).map_err(|error| chain(&error))?
        }
        Source::Shipped(name) => {
            let own = data.join("megavisors").join(named.name.value.as_str());
            from_shipped(&name.value, &own).map_err(|error| chain(&error))?
        }
        // It has no functions.
        Source::Ec2(_) => return Err("EC2 is not a file of functions".into()),
    };
    let mut definition = definition.named(named.name.value.clone());
    if let Some(version) = named
        .version
        .filter(|version| *version != definition.version())
    {
        let own = definition.version();
        return Err(format!("its file is of version {own}, not {version}"));
    }
    for (name, value) in &named.settings {
        let set = definition.with_setting(name, value);
        definition = set.map_err(|error| format!("settings: {error}"))?;
    }
    let Some(machines) = &named.machines else {
        return Ok(definition);
    };
    let path = folder.join(&machines.value);
    let text = std::fs::read_to_string(&path)
        .map_err(|why| format!("cannot read the machines {}: {why}", path.display()))?;
    let name = path.to_string_lossy();
    definition
        .with_machines(&name, &text)
        .map_err(|error| chain(&error))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let why = cause.to_string();
        if !text.contains(&why) {
            text = format!("{text}: {why}");
        }
        source = cause.source();
    }
    text
}

/// Writes a configuration for what this machine can do.
pub(crate) fn init(common: &Common, force: bool) -> anyhow::Result<End> {
    let path = common
        .config
        .clone()
        .unwrap_or_else(|| "redeye-cloud.yaml".into());
    if path.exists() && !force {
        let message = format!(
            "{} is there already; --force writes over it",
            path.display()
        );
        return Err(Mistake(message).into());
    }
    let mut lines = vec![
        "# What redeye-cloud asks; written by `redeye-cloud init`.".to_owned(),
        "data: redeye-cloud-data      # the cache and the journal".to_owned(),
        "megavisors:".to_owned(),
    ];
    let root = is_root();
    let local = match (root, in_path("ip"), in_path("python3"), in_path("unshare")) {
        (true, true, true, true) => None,
        (false, ..) => Some("it needs root"),
        (_, false, ..) => Some("the program ip is missing: apt-get install iproute2"),
        (_, _, false, _) => Some("python3 is missing: apt-get install python3"),
        (.., false) => Some("unshare is missing: apt-get install util-linux"),
    };
    match local {
        None => lines.push("  local: {shipped: local}     # machines of this computer".to_owned()),
        Some(why) => lines.push(format!("  # local: {{shipped: local}}   # {why}")),
    }
    let ipmi = match in_path("ipmitool") {
        true => {
            "machines.yaml: {web-1: {bmc: 192.0.2.10, user: admin, pass: {env: IPMI_PASSWORD}}}"
        }
        false => "the program ipmitool is missing: apt-get install ipmitool",
    };
    let (amazon, found) = ec2::offer();
    lines.push(amazon);
    lines.push(format!(
        "  # ipmi: {{shipped: ipmi, machines: machines.yaml}}   # {ipmi}"
    ));
    lines.push("  # redfish: {shipped: redfish, machines: machines.yaml}".to_owned());
    lines.push("  # wol: {shipped: wol, machines: machines.yaml}".to_owned());
    lines.extend(found::lines());
    lines.push("  # rack: {file: rack.yaml}   # functions of your own".to_owned());
    let storages = "# storages: {shop: {mount: /srv/shop, layers: [ext4, {loop: {files: shop.img, size: 1G}}]}}";
    if local.is_some() && !found {
        lines.push("  {}".to_owned());
    }
    lines.push(storages.to_owned());
    std::fs::write(&path, lines.join("\n") + "\n")
        .map_err(|why| Mistake(format!("cannot write {}: {why}", path.display())))?;
    say(&format!("written: {}\n", path.display()))?;
    if let Some(why) = local {
        say(&format!("local machines are not among it: {why}\n"))?;
    }
    Ok(End::Done)
}

pub(crate) fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        let uid = status.lines().find(|line| line.starts_with("Uid:"));
        uid.and_then(|line| line.split_whitespace().nth(2)) == Some("0")
    })
}

pub(crate) fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
