use crate::host::Host;

/// Whether a text is a URL to check: `http://` or `https://`, a host, perhaps a
/// port, perhaps more. A URL with a password is refused without showing it.
pub(crate) fn check(text: &str) -> Result<(), String> {
    match authority(text) {
        Ok(authority) if authority.contains('@') => {
            Err("a URL with a user; send an authorization header instead".into())
        }
        Ok(authority) => host_and_port(authority).map_err(|why| refused(text, &why)),
        Err(why) => Err(refused(text, why)),
    }
}

fn refused(text: &str, why: &str) -> String {
    format!("not a URL to check: {text}: {why}")
}

fn authority(text: &str) -> Result<&str, &'static str> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
        .ok_or("it does not start with http:// or https://")?;
    match text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        true => Err("it contains a space; write %20"),
        false => Ok(rest.split(['/', '?', '#']).next().unwrap_or_default()),
    }
}

fn host_and_port(authority: &str) -> Result<(), String> {
    let has_port = authority.rfind(':') > authority.rfind(']');
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if has_port => (host, Some(port)),
        _ => (authority, None),
    };
    Host::parse(host).map_err(|why| format!("its host is wrong: {why}"))?;
    match port.map(str::parse::<u16>) {
        None | Some(Ok(1..)) => Ok(()),
        Some(_) => Err("its port is not a number from 1 to 65535".into()),
    }
}
