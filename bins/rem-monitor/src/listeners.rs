use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use dropstar::{Accounts, Auth, Listener, Role, Site, Tls};
use rem_config::TokenSource;

/// What `wanted` asks for, serving `site`.
pub(crate) fn listener(
    wanted: &rem_config::Listener,
    data: &Path,
    site: &Arc<Site>,
) -> anyhow::Result<Listener> {
    made(wanted, data, site)
        .with_context(|| format!("{}: cannot listen on {}", wanted.place, wanted.address))
}

fn made(wanted: &rem_config::Listener, data: &Path, site: &Arc<Site>) -> anyhow::Result<Listener> {
    let mut listener = Listener::on(wanted.address).site(Arc::clone(site));
    match &wanted.tls {
        Some(rem_config::Tls::Files { cert, key }) => {
            listener = listener.tls(Tls::files(cert, key)?);
        }
        Some(rem_config::Tls::SelfSigned) => {
            let address = wanted.address.ip().to_string();
            let names = ["localhost", "127.0.0.1", "::1", &address];
            let tls = Tls::generated(&data.join("tls"), &names)?;
            tracing::info!(certificate = %tls.certificate().display(), "own certificate");
            listener = listener.tls(tls);
        }
        None => {}
    }
    Ok(match &wanted.auth {
        rem_config::Auth::None => listener.auth(Auth::None),
        rem_config::Auth::Accounts(wanted) => listener.auth(accounts(wanted)?),
    })
}

fn accounts(wanted: &rem_config::Accounts) -> anyhow::Result<Accounts> {
    let mut accounts = Accounts::new();
    for user in &wanted.users {
        accounts = accounts.user(&user.name, &user.password_hash, role(user.role()))?;
    }
    for token in &wanted.tokens {
        accounts = match &token.source {
            TokenSource::Secret(source) => {
                let secret = source
                    .resolve(|name| std::env::var(name).ok(), |path| std::fs::read(path))
                    .with_context(|| format!("the secret of token {}", token.name))?;
                accounts.token(&token.name, secret.expose(), role(token.role()))?
            }
            TokenSource::Sha256(sum) => {
                accounts.token_sha256(&token.name, *sum, role(token.role()))?
            }
        };
    }
    Ok(accounts)
}

fn role(role: rem_config::Role) -> Role {
    match role {
        rem_config::Role::Viewer => Role::Viewer,
        rem_config::Role::Operator => Role::Operator,
        rem_config::Role::Admin => Role::Admin,
    }
}
