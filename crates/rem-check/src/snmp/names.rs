//! The names of the objects that are asked for most, so that no MIB files are
//! needed: RFC 1213, 2863, 4293, 2790, 3433, 1628 and UCD-SNMP.

#[cfg(test)]
mod tests;

use super::oid::Oid;
use crate::Unit;

/// An object with a name.
pub(super) struct Known {
    pub(super) arcs: Vec<u32>,
    pub(super) measure: Measure,
}

/// What an object counts, where it is not a bare number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    One,
    Bytes,
    Kibibytes,
    Percent,
    Seconds,
    Minutes,
    Bits,
    Megabits,
    TenthsOfVolt,
    TenthsOfAmpere,
    TenthsOfHertz,
    Celsius,
}

impl Measure {
    /// The base unit, and what one of the agent's is in it.
    pub(super) fn unit(self) -> (Unit, f64) {
        let other = |symbol: &'static str| Unit::Other(symbol.into());
        match self {
            Self::One => (Unit::One, 1.0),
            Self::Bytes => (Unit::Bytes, 1.0),
            Self::Kibibytes => (Unit::Bytes, 1024.0),
            Self::Percent => (Unit::Percent, 1.0),
            Self::Seconds => (Unit::Seconds, 1.0),
            Self::Minutes => (Unit::Seconds, 60.0),
            Self::Bits => (other("bit/s"), 1.0),
            Self::Megabits => (other("bit/s"), 1e6),
            Self::TenthsOfVolt => (other("V"), 0.1),
            Self::TenthsOfAmpere => (other("A"), 0.1),
            Self::TenthsOfHertz => (other("Hz"), 0.1),
            Self::Celsius => (other("°C"), 1.0),
        }
    }
}

/// The object of this name, in the spelling of its MIB.
pub(super) fn by_name(name: &str) -> Option<Known> {
    for group in GROUPS {
        for (known, last, measure) in group.names {
            if *known == name {
                let arcs = group.prefix.iter().chain(*last).copied().collect();
                let measure = *measure;
                return Some(Known { arcs, measure });
            }
        }
    }
    None
}

/// The column that tells how many bytes one unit of this column of `hrStorage`
/// is; other objects have none.
pub(super) fn storage_units(column: &Oid) -> Option<Oid> {
    let (last, entry) = column.arcs().split_last()?;
    let is_storage = entry == [1, 3, 6, 1, 2, 1, 25, 2, 3, 1] && [5, 6].contains(last);
    is_storage.then(|| Oid::from([entry, &[4]].concat()))
}

type Name = (&'static str, &'static [u32], Measure);

struct Group {
    prefix: &'static [u32],
    names: &'static [Name],
}

use Measure::{
    Bits, Bytes, Celsius, Kibibytes, Megabits, Minutes, One, Percent, Seconds, TenthsOfAmpere,
    TenthsOfHertz, TenthsOfVolt,
};

const GROUPS: &[Group] = &[
    // SNMPv2-MIB
    Group {
        prefix: &[1, 3, 6, 1, 2, 1, 1],
        names: &[
            ("sysDescr", &[1], One),
            ("sysObjectID", &[2], One),
            ("sysUpTime", &[3], Seconds),
            ("sysContact", &[4], One),
            ("sysName", &[5], One),
            ("sysLocation", &[6], One),
            ("sysServices", &[7], One),
        ],
    },
    // IF-MIB: ifNumber, ifEntry
    Group {
        prefix: &[1, 3, 6, 1, 2, 1, 2],
        names: &[
            ("ifNumber", &[1], One),
            ("ifTable", &[2], One),
            ("ifEntry", &[2, 1], One),
            ("ifIndex", &[2, 1, 1], One),
            ("ifDescr", &[2, 1, 2], One),
            ("ifType", &[2, 1, 3], One),
            ("ifMtu", &[2, 1, 4], Bytes),
            ("ifSpeed", &[2, 1, 5], Bits),
            ("ifPhysAddress", &[2, 1, 6], One),
            ("ifAdminStatus", &[2, 1, 7], One),
            ("ifOperStatus", &[2, 1, 8], One),
            ("ifLastChange", &[2, 1, 9], Seconds),
            ("ifInOctets", &[2, 1, 10], Bytes),
            ("ifInUcastPkts", &[2, 1, 11], One),
            ("ifInNUcastPkts", &[2, 1, 12], One),
            ("ifInDiscards", &[2, 1, 13], One),
            ("ifInErrors", &[2, 1, 14], One),
            ("ifInUnknownProtos", &[2, 1, 15], One),
            ("ifOutOctets", &[2, 1, 16], Bytes),
            ("ifOutUcastPkts", &[2, 1, 17], One),
            ("ifOutNUcastPkts", &[2, 1, 18], One),
            ("ifOutDiscards", &[2, 1, 19], One),
            ("ifOutErrors", &[2, 1, 20], One),
            ("ifOutQLen", &[2, 1, 21], One),
        ],
    },
    // IF-MIB: ifXEntry
    Group {
        prefix: &[1, 3, 6, 1, 2, 1, 31, 1, 1],
        names: &[
            ("ifXTable", &[], One),
            ("ifXEntry", &[1], One),
            ("ifName", &[1, 1], One),
            ("ifInMulticastPkts", &[1, 2], One),
            ("ifInBroadcastPkts", &[1, 3], One),
            ("ifOutMulticastPkts", &[1, 4], One),
            ("ifOutBroadcastPkts", &[1, 5], One),
            ("ifHCInOctets", &[1, 6], Bytes),
            ("ifHCInUcastPkts", &[1, 7], One),
            ("ifHCInMulticastPkts", &[1, 8], One),
            ("ifHCInBroadcastPkts", &[1, 9], One),
            ("ifHCOutOctets", &[1, 10], Bytes),
            ("ifHCOutUcastPkts", &[1, 11], One),
            ("ifHCOutMulticastPkts", &[1, 12], One),
            ("ifHCOutBroadcastPkts", &[1, 13], One),
            ("ifLinkUpDownTrapEnable", &[1, 14], One),
            ("ifHighSpeed", &[1, 15], Megabits),
            ("ifPromiscuousMode", &[1, 16], One),
            ("ifConnectorPresent", &[1, 17], One),
            ("ifAlias", &[1, 18], One),
            ("ifCounterDiscontinuityTime", &[1, 19], Seconds),
        ],
    },
    // IP-MIB, TCP-MIB, UDP-MIB: the scalars
    Group {
        prefix: &[1, 3, 6, 1, 2, 1],
        names: &[
            ("ipForwarding", &[4, 1], One),
            ("ipInReceives", &[4, 3], One),
            ("ipInHdrErrors", &[4, 4], One),
            ("ipInAddrErrors", &[4, 5], One),
            ("ipForwDatagrams", &[4, 6], One),
            ("ipInDiscards", &[4, 8], One),
            ("ipInDelivers", &[4, 9], One),
            ("ipOutRequests", &[4, 10], One),
            ("ipOutDiscards", &[4, 11], One),
            ("ipOutNoRoutes", &[4, 12], One),
            ("icmpInMsgs", &[5, 1], One),
            ("icmpOutMsgs", &[5, 14], One),
            ("tcpActiveOpens", &[6, 5], One),
            ("tcpPassiveOpens", &[6, 6], One),
            ("tcpAttemptFails", &[6, 7], One),
            ("tcpEstabResets", &[6, 8], One),
            ("tcpCurrEstab", &[6, 9], One),
            ("tcpInSegs", &[6, 10], One),
            ("tcpOutSegs", &[6, 11], One),
            ("tcpRetransSegs", &[6, 12], One),
            ("tcpInErrs", &[6, 14], One),
            ("tcpOutRsts", &[6, 15], One),
            ("udpInDatagrams", &[7, 1], One),
            ("udpNoPorts", &[7, 2], One),
            ("udpInErrors", &[7, 3], One),
            ("udpOutDatagrams", &[7, 4], One),
            ("snmpInPkts", &[11, 1], One),
            ("snmpOutPkts", &[11, 2], One),
        ],
    },
    // HOST-RESOURCES-MIB
    Group {
        prefix: &[1, 3, 6, 1, 2, 1, 25],
        names: &[
            ("hrSystemUptime", &[1, 1], Seconds),
            ("hrSystemNumUsers", &[1, 5], One),
            ("hrSystemProcesses", &[1, 6], One),
            ("hrSystemMaxProcesses", &[1, 7], One),
            ("hrMemorySize", &[2, 2], Kibibytes),
            ("hrStorageTable", &[2, 3], One),
            ("hrStorageEntry", &[2, 3, 1], One),
            ("hrStorageIndex", &[2, 3, 1, 1], One),
            ("hrStorageType", &[2, 3, 1, 2], One),
            ("hrStorageDescr", &[2, 3, 1, 3], One),
            ("hrStorageAllocationUnits", &[2, 3, 1, 4], Bytes),
            ("hrStorageSize", &[2, 3, 1, 5], One),
            ("hrStorageUsed", &[2, 3, 1, 6], One),
            ("hrStorageAllocationFailures", &[2, 3, 1, 7], One),
            ("hrDeviceDescr", &[3, 2, 1, 3], One),
            ("hrDeviceStatus", &[3, 2, 1, 5], One),
            ("hrDeviceErrors", &[3, 2, 1, 6], One),
            ("hrProcessorTable", &[3, 3], One),
            ("hrProcessorLoad", &[3, 3, 1, 2], Percent),
            ("hrSWRunName", &[4, 2, 1, 2], One),
            ("hrSWRunPath", &[4, 2, 1, 4], One),
            ("hrSWRunParameters", &[4, 2, 1, 5], One),
            ("hrSWRunStatus", &[4, 2, 1, 7], One),
            ("hrSWRunPerfCPU", &[5, 1, 1, 1], One),
            ("hrSWRunPerfMem", &[5, 1, 1, 2], Kibibytes),
        ],
    },
    // UPS-MIB
    Group {
        prefix: &[1, 3, 6, 1, 2, 1, 33, 1],
        names: &[
            ("upsBatteryStatus", &[2, 1], One),
            ("upsSecondsOnBattery", &[2, 2], Seconds),
            ("upsEstimatedMinutesRemaining", &[2, 3], Minutes),
            ("upsEstimatedChargeRemaining", &[2, 4], Percent),
            ("upsBatteryVoltage", &[2, 5], TenthsOfVolt),
            ("upsBatteryCurrent", &[2, 6], TenthsOfAmpere),
            ("upsBatteryTemperature", &[2, 7], Celsius),
            ("upsInputFrequency", &[3, 3, 1, 2], TenthsOfHertz),
            ("upsOutputSource", &[4, 1], One),
            ("upsOutputPercentLoad", &[4, 4, 1, 5], Percent),
            ("upsAlarmsPresent", &[6, 1], One),
        ],
    },
    // ENTITY-MIB, ENTITY-SENSOR-MIB
    Group {
        prefix: &[1, 3, 6, 1, 2, 1],
        names: &[
            ("entPhysicalDescr", &[47, 1, 1, 1, 1, 2], One),
            ("entPhysicalName", &[47, 1, 1, 1, 1, 7], One),
            ("entPhySensorValue", &[99, 1, 1, 1, 4], One),
            ("entPhySensorOperStatus", &[99, 1, 1, 1, 5], One),
        ],
    },
    // UCD-SNMP-MIB, UCD-DISKIO-MIB
    Group {
        prefix: &[1, 3, 6, 1, 4, 1, 2021],
        names: &[
            ("prNames", &[2, 1, 2], One),
            ("prCount", &[2, 1, 5], One),
            ("prErrorFlag", &[2, 1, 100], One),
            ("memTotalSwap", &[4, 3], Kibibytes),
            ("memAvailSwap", &[4, 4], Kibibytes),
            ("memTotalReal", &[4, 5], Kibibytes),
            ("memAvailReal", &[4, 6], Kibibytes),
            ("memTotalFree", &[4, 11], Kibibytes),
            ("memShared", &[4, 13], Kibibytes),
            ("memBuffer", &[4, 14], Kibibytes),
            ("memCached", &[4, 15], Kibibytes),
            ("extNames", &[8, 1, 2], One),
            ("extResult", &[8, 1, 100], One),
            ("extOutput", &[8, 1, 101], One),
            ("dskPath", &[9, 1, 2], One),
            ("dskDevice", &[9, 1, 3], One),
            ("dskTotal", &[9, 1, 6], Kibibytes),
            ("dskAvail", &[9, 1, 7], Kibibytes),
            ("dskUsed", &[9, 1, 8], Kibibytes),
            ("dskPercent", &[9, 1, 9], Percent),
            ("dskPercentNode", &[9, 1, 10], Percent),
            ("dskErrorFlag", &[9, 1, 100], One),
            ("laNames", &[10, 1, 2], One),
            ("laLoad", &[10, 1, 3], One),
            ("laLoadFloat", &[10, 1, 6], One),
            ("ssCpuUser", &[11, 9], Percent),
            ("ssCpuSystem", &[11, 10], Percent),
            ("ssCpuIdle", &[11, 11], Percent),
            ("ssCpuRawUser", &[11, 50], One),
            ("ssCpuRawNice", &[11, 51], One),
            ("ssCpuRawSystem", &[11, 52], One),
            ("ssCpuRawIdle", &[11, 53], One),
            ("ssCpuRawWait", &[11, 54], One),
            ("ssIORawSent", &[11, 57], One),
            ("ssIORawReceived", &[11, 58], One),
            ("ssRawInterrupts", &[11, 59], One),
            ("ssRawContexts", &[11, 60], One),
            ("ssRawSwapIn", &[11, 62], One),
            ("ssRawSwapOut", &[11, 63], One),
            ("diskIODevice", &[13, 15, 1, 1, 2], One),
            ("diskIOReads", &[13, 15, 1, 1, 5], One),
            ("diskIOWrites", &[13, 15, 1, 1, 6], One),
            ("diskIONReadX", &[13, 15, 1, 1, 12], Bytes),
            ("diskIONWrittenX", &[13, 15, 1, 1, 13], Bytes),
        ],
    },
];
