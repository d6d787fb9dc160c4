use super::{OptionKind, Usage, UsageArg, UsageOption};
use crate::read::{At, Reader};

const KEYS: [&str; 12] = [
    "name",
    "author",
    "website",
    "info",
    "pubkey",
    "daemon",
    "longrunning",
    "pidfile",
    "cwd",
    "args",
    "options",
    "version",
];

impl Usage {
    pub(crate) fn read(root: &At<'_>, reader: &mut Reader) -> Self {
        let Some(at) = root.get("__usage") else {
            return Self::default();
        };
        if !reader.is_map(&at) {
            return Self::default();
        }
        reader.only(&at, &KEYS);
        if let Some(daemon) = at.get("daemon") {
            reader.wrong_key(
                &daemon,
                "daemon is not offered",
                Some("write longrunning: true and let the service manager start it".into()),
            );
        }
        let mut usage = Self {
            is_declared: true,
            name: reader.optional_text(&at, "name"),
            author: reader.optional_text(&at, "author"),
            website: reader.optional_text(&at, "website"),
            info: reader.optional_text(&at, "info"),
            pubkey: reader.optional_text(&at, "pubkey"),
            longrunning: reader.flag(&at, "longrunning"),
            pidfile: reader.optional_text(&at, "pidfile"),
            cwd: reader.optional_text(&at, "cwd"),
            ..Self::default()
        };
        for at in at.get("args").iter().flat_map(At::items_or_one) {
            usage.args.extend(read_arg(&at, reader));
        }
        if let Some(options) = at.get("options")
            && reader.is_map(&options)
        {
            for (name, at) in options.entries() {
                usage.options.extend(read_option(name, &at, reader));
            }
        }
        usage
    }
}

fn read_arg(at: &At<'_>, reader: &mut Reader) -> Option<UsageArg> {
    if at.node.as_map().is_none() {
        return Some(UsageArg {
            name: reader.text(at)?,
            info: None,
            required: true,
            default: None,
            remaining: false,
        });
    }
    reader.only(at, &["name", "info", "required", "default", "remaining"]);
    Some(UsageArg {
        name: reader.required_text(at, "name")?,
        info: reader.optional_text(at, "info"),
        required: reader.flag(at, "required"),
        default: at.get("default").map(|at| at.node.to_json()),
        remaining: reader.flag(at, "remaining"),
    })
}

fn read_option(name: &str, at: &At<'_>, reader: &mut Reader) -> Option<UsageOption> {
    let mut option = UsageOption {
        name: name.into(),
        letter: None,
        kind: OptionKind::Value,
        info: None,
        default: None,
    };
    if at.node.is_null() {
        return Some(option);
    }
    if !reader.is_map(at) {
        return None;
    }
    reader.only(at, &["letter", "type", "info", "default"]);
    if let Some(at) = at.get("letter") {
        let text = reader.text(&at)?;
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(letter), None) if letter != '-' => option.letter = Some(letter),
            _ => reader.wrong(&at, format!("one letter is expected, found: {text}")),
        }
    }
    if let Some(at) = at.get("type") {
        let text = reader.text(&at)?;
        option.kind = match text.as_str() {
            "flag" => OptionKind::Flag,
            "value" => OptionKind::Value,
            "number" => OptionKind::Number,
            _ => {
                let message = format!("unknown type of an option: {text}");
                reader.wrong_help(&at, message, "known: flag, value, number");
                return None;
            }
        };
    }
    option.info = reader.optional_text(at, "info");
    option.default = at.get("default").map(|at| at.node.to_json());
    Some(option)
}
