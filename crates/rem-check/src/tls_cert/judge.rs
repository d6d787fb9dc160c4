#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use rem_time::Timestamp;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::Verdict;
use crate::tls::{self, Certificate, algorithms};

/// By what a chain of certificates is judged.
#[derive(Debug)]
pub(super) struct Measure<'a> {
    /// The names it must be for; none if anybody is trusted.
    pub(super) names: &'a [String],
    /// Who is trusted; `None` is anybody.
    pub(super) authorities: Option<&'a Arc<RootCertStore>>,
    pub(super) warn_days: u32,
    pub(super) crit_days: u32,
}

/// What there is to say against a chain, worst first; nothing is good.
///
/// Every defect is looked for by itself: an expired certificate of an unknown
/// issuer for another name has three.
pub(super) fn defects(
    chain: &[CertificateDer<'_>],
    leaf: &Certificate,
    measure: &Measure<'_>,
    now: Timestamp,
) -> Vec<(Verdict, String)> {
    let mut defects = dates(leaf, measure, now);
    let is_in_time = defects.is_empty();
    if let Some(authorities) = measure.authorities {
        defects.extend(names(chain, measure));
        // Out of its time a chain can still be judged as if it were within.
        let within = |at: Timestamp| at.max(leaf.begins).min(leaf.ends);
        match signed(chain, authorities, within(now)) {
            Err(reason) => defects.push((Verdict::Critical, trust(&reason, leaf))),
            // The chain may end before its first certificate does.
            Ok(()) if is_in_time => {
                defects.extend(chain_dates(chain, authorities, measure, now));
            }
            Ok(()) => {}
        }
    }
    defects.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
    defects
}

fn dates(leaf: &Certificate, measure: &Measure<'_>, now: Timestamp) -> Vec<(Verdict, String)> {
    let days = tls::days(now, leaf.ends);
    if now < leaf.begins {
        let begins = leaf.begins;
        let message = format!("the certificate is not valid before {begins}");
        return vec![(Verdict::Critical, message)];
    }
    if days < 0.0 {
        let message = format!("the certificate has expired: {}", leaf.ends);
        return vec![(Verdict::Critical, message)];
    }
    let verdict = if days < f64::from(measure.crit_days) {
        Verdict::Critical
    } else if days < f64::from(measure.warn_days) {
        Verdict::Warning
    } else {
        return Vec::new();
    };
    vec![(verdict, tls::ends_in(days))]
}

fn names(chain: &[CertificateDer<'_>], measure: &Measure<'_>) -> Vec<(Verdict, String)> {
    let parsed = chain
        .first()
        .and_then(|der| ParsedCertificate::try_from(der).ok());
    let Some(parsed) = parsed else {
        // Nothing that can be judged; the signature's check says so.
        return Vec::new();
    };
    let is_for = |name: &str| {
        ServerName::try_from(name.to_owned())
            .is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
    };
    let others = measure.names.iter().filter(|name| !is_for(name));
    others
        .map(|name| {
            (
                Verdict::Critical,
                format!("the certificate is not for {name}"),
            )
        })
        .collect()
}

fn chain_dates(
    chain: &[CertificateDer<'_>],
    authorities: &Arc<RootCertStore>,
    measure: &Measure<'_>,
    now: Timestamp,
) -> Option<(Verdict, String)> {
    let holds_for = |days: u32| {
        let day = rem_time::Span::from_seconds(86_400);
        let at = now + rem_time::Span::from_nanos(day.as_nanos().saturating_mul(days.into()));
        signed(chain, authorities, at).is_ok()
    };
    let message = |days| format!("the chain of issuers ends within {days} days");
    if measure.crit_days > 0 && !holds_for(measure.crit_days) {
        return Some((Verdict::Critical, message(measure.crit_days)));
    }
    if measure.warn_days > 0 && !holds_for(measure.warn_days) {
        return Some((Verdict::Warning, message(measure.warn_days)));
    }
    None
}

fn signed(
    chain: &[CertificateDer<'_>],
    authorities: &Arc<RootCertStore>,
    at: Timestamp,
) -> Result<(), Error> {
    let [leaf, intermediates @ ..] = chain else {
        return Err(Error::NoCertificatesPresented);
    };
    let seconds = at.as_secs_f64().max(0.0) as u64;
    verify_server_cert_signed_by_trust_anchor(
        &ParsedCertificate::try_from(leaf)?,
        authorities,
        intermediates,
        UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
        algorithms().all,
    )
}

/// Why a chain leads to nobody who is trusted.
fn trust(error: &Error, leaf: &Certificate) -> String {
    match error {
        _ if leaf.is_self_issued => "the certificate is self-signed".into(),
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            format!("the issuer is not trusted: {}", leaf.issuer)
        }
        Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "a certificate of its issuers has expired".into(),
        Error::InvalidCertificate(why) => tls::refusal(why, "the server").reason,
        other => format!("the certificate is not accepted: {other}"),
    }
}
