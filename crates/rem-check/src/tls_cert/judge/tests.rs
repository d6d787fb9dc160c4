use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls_pki_types::CertificateDer;

use super::*;

type Issuer = CertifiedIssuer<'static, KeyPair>;
type Der = CertificateDer<'static>;

fn params(name: &str, ends: (i32, u8, u8)) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(ends.0, ends.1, ends.2);
    params
}

fn authority(name: &str, ends: (i32, u8, u8)) -> CertificateParams {
    let mut params = params(name, ends);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn root() -> Issuer {
    let key = KeyPair::generate().unwrap();
    CertifiedIssuer::self_signed(authority("root", (2040, 1, 1)), key).unwrap()
}

/// An issuer below `root`, and a certificate for a.example below that.
fn chain(root: &Issuer, issuer_ends: (i32, u8, u8), leaf_ends: (i32, u8, u8)) -> Vec<Der> {
    let key = KeyPair::generate().unwrap();
    let issuer = CertifiedIssuer::signed_by(authority("middle", issuer_ends), key, root).unwrap();
    let mut params = params("leaf", leaf_ends);
    params.subject_alt_names = vec![rcgen::SanType::DnsName("a.example".try_into().unwrap())];
    let leaf = params.signed_by(&KeyPair::generate().unwrap(), &issuer);
    vec![leaf.unwrap().der().clone(), issuer.der().clone()]
}

#[track_caller]
fn check(root: &Issuer, chain: &[Der], now: &str, expected: &[(Verdict, &str)]) {
    let mut authorities = RootCertStore::empty();
    authorities.add(root.der().clone()).unwrap();
    let authorities = Arc::new(authorities);
    let names = ["a.example".to_owned()];
    let measure = Measure {
        names: &names,
        authorities: Some(&authorities),
        warn_days: 21,
        crit_days: 7,
    };
    let leaf = Certificate::parse(&chain[0]).unwrap();
    let now = format!("{now}T00:00:00Z").parse().unwrap();
    let found = defects(chain, &leaf, &measure, now);
    let found: Vec<(Verdict, &str)> = found.iter().map(|(v, m)| (*v, m.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_chain_that_is_in_order_has_no_defect() {
    let root = root();
    check(
        &root,
        &chain(&root, (2030, 1, 1), (2027, 3, 1)),
        "2027-02-01",
        &[],
    );
}

#[test]
fn the_days_before_the_end_are_judged() {
    use Verdict::{Critical, Warning};
    let root = root();
    let chain = chain(&root, (2030, 1, 1), (2027, 3, 1));
    let soon = "the certificate ends in 14.0 days";
    check(&root, &chain, "2027-02-15", &[(Warning, soon)]);
    let soon = "the certificate ends in 6.0 days";
    check(&root, &chain, "2027-02-23", &[(Critical, soon)]);
    let past = "the certificate has expired: 2027-03-01T00:00:00Z";
    check(&root, &chain, "2027-03-02", &[(Critical, past)]);
    let early = "the certificate is not valid before 2020-01-01T00:00:00Z";
    check(&root, &chain, "2019-12-31", &[(Critical, early)]);
}

#[test]
fn an_issuer_that_ends_before_its_certificate_is_noticed() {
    use Verdict::{Critical, Warning};
    let root = root();
    let chain = chain(&root, (2027, 3, 1), (2027, 9, 1));
    check(&root, &chain, "2027-02-01", &[]);
    let soon = "the chain of issuers ends within 21 days";
    check(&root, &chain, "2027-02-15", &[(Warning, soon)]);
    let soon = "the chain of issuers ends within 7 days";
    check(&root, &chain, "2027-02-25", &[(Critical, soon)]);
    let past = "a certificate of its issuers has expired";
    check(&root, &chain, "2027-03-02", &[(Critical, past)]);
}

#[test]
fn an_issuer_that_was_not_sent_is_not_trusted() {
    let root = root();
    let chain = chain(&root, (2030, 1, 1), (2027, 9, 1));
    let missing = "the issuer is not trusted: middle";
    check(
        &root,
        &chain[..1],
        "2027-02-01",
        &[(Verdict::Critical, missing)],
    );
}

#[test]
fn a_certificate_that_vouches_for_itself_is_named_as_such() {
    let mut params = params("alone", (2027, 9, 1));
    params.subject_alt_names = vec![rcgen::SanType::DnsName("b.example".try_into().unwrap())];
    let alone = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let defects = [
        (Verdict::Critical, "the certificate is not for a.example"),
        (Verdict::Critical, "the certificate is self-signed"),
    ];
    check(&root(), &[alone.der().clone()], "2027-02-01", &defects);
}
