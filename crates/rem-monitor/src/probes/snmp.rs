use rem_check::{
    Snmp, SnmpAuth, SnmpCipher, SnmpHash, SnmpObject, SnmpOptions, SnmpPrivacy, SnmpTable,
    SnmpUser, SnmpVersion, Unit,
};
use rem_time::Span;

use super::{Maker, Result, family};

/// Checks by SNMP.
impl Maker<'_> {
    pub(super) fn snmp(&self, wanted: &rem_config::SnmpCheck, deadline: Span) -> Result<Snmp> {
        let version = match &wanted.version {
            rem_config::SnmpVersion::V1(community) => SnmpVersion::V1 {
                community: self.secrets.text(community)?,
            },
            rem_config::SnmpVersion::V2c(community) => SnmpVersion::V2c {
                community: self.secrets.text(community)?,
            },
            rem_config::SnmpVersion::V3(user) => SnmpVersion::V3(self.snmp_user(user)?),
        };
        let tables = wanted.tables.iter().map(|table| SnmpTable {
            columns: table.columns.iter().map(snmp_object).collect(),
            label: table.label.clone(),
            only: table.only.clone(),
            without: table.without.clone(),
            rows_max: usize::try_from(table.rows_max).unwrap_or(usize::MAX),
            ..SnmpTable::new(table.name.clone())
        });
        let options = SnmpOptions {
            port: wanted.port.get(),
            family: wanted.family.map(family),
            deadline,
            timeout: wanted.wait,
            retries: wanted.tries.saturating_sub(1),
            get: wanted.get.iter().map(snmp_object).collect(),
            tables: tables.collect(),
            max_repetitions: wanted.repetitions.get(),
            ..SnmpOptions::new(wanted.address.to_string(), version)
        };
        Ok(Snmp::new(&self.probes.snmp, options)?)
    }

    fn snmp_user(&self, wanted: &rem_config::SnmpUser) -> Result<SnmpUser> {
        let auth = match &wanted.auth {
            None => None,
            Some((hash, secret)) => Some(SnmpAuth {
                hash: match hash {
                    rem_config::SnmpAuth::Md5 => SnmpHash::Md5,
                    rem_config::SnmpAuth::Sha1 => SnmpHash::Sha1,
                    rem_config::SnmpAuth::Sha224 => SnmpHash::Sha224,
                    rem_config::SnmpAuth::Sha256 => SnmpHash::Sha256,
                    rem_config::SnmpAuth::Sha384 => SnmpHash::Sha384,
                    rem_config::SnmpAuth::Sha512 => SnmpHash::Sha512,
                },
                passphrase: self.secrets.of(secret)?,
            }),
        };
        let privacy = match &wanted.privacy {
            None => None,
            Some((cipher, secret)) => Some(SnmpPrivacy {
                cipher: match cipher {
                    rem_config::SnmpPrivacy::Des => SnmpCipher::Des,
                    rem_config::SnmpPrivacy::Aes128 => SnmpCipher::Aes128,
                    rem_config::SnmpPrivacy::Aes192 => SnmpCipher::Aes192,
                    rem_config::SnmpPrivacy::Aes256 => SnmpCipher::Aes256,
                    rem_config::SnmpPrivacy::Aes192Cisco => SnmpCipher::Aes192Cisco,
                    rem_config::SnmpPrivacy::Aes256Cisco => SnmpCipher::Aes256Cisco,
                },
                passphrase: self.secrets.of(secret)?,
            }),
        };
        Ok(SnmpUser {
            auth,
            privacy,
            context: wanted.context.clone().unwrap_or_default(),
            ..SnmpUser::new(wanted.name.clone())
        })
    }
}

fn snmp_object(wanted: &rem_config::SnmpObject) -> SnmpObject {
    let (unit, factor) = match wanted.unit.as_deref().map(Unit::parse) {
        None => (None, wanted.factor),
        Some((unit, scale)) if (scale - 1.0).abs() < f64::EPSILON => (Some(unit), wanted.factor),
        Some((unit, scale)) => (Some(unit), Some(wanted.factor.unwrap_or(1.0) * scale)),
    };
    SnmpObject {
        unit,
        factor,
        ..SnmpObject::new(wanted.field.clone(), wanted.object.clone())
    }
}
