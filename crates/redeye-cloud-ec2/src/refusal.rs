//! What EC2 refuses, in the classes of `redeye-cloud`.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use redeye_cloud::{Class, CloudError};
use rem_time::Span;

use crate::guard::Trouble;

/// How long EC2 is left alone if it says that there were too many requests; it does
/// not say how long, and its buckets fill by the second.
const THROTTLED_FOR: Span = Span::from_seconds(1);

/// Whether a request changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// What is known about a request that did not succeed.
#[derive(Debug)]
struct Facts {
    end: End,
    code: Option<String>,
    message: String,
    retry_after: Option<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It was never sent.
    NotSent,
    /// There are no credentials to send it with.
    NoCredentials,
    /// It could not be made.
    NotMade,
    /// It may have arrived.
    BrokeOff,
    /// It arrived, and the answer is none.
    Nonsense,
    /// It was refused with this status.
    Refused(u16),
}

/// The error of a request that did not succeed.
pub(crate) fn refusal<E>(
    doing: &str,
    access: Access,
    error: &SdkError<E, HttpResponse>,
) -> CloudError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let facts = facts(error);
    let class = class(&facts, access);
    let mut told = CloudError::new(class, doing, facts.message);
    if let Some(code) = facts.code {
        told = told.code(code);
    }
    match class {
        Class::Throttled => told.retry_after(facts.retry_after.unwrap_or(THROTTLED_FOR)),
        _ => told,
    }
}

fn facts<E>(error: &SdkError<E, HttpResponse>) -> Facts
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let bare = |end, message: String| Facts {
        end,
        code: None,
        message,
        retry_after: None,
    };
    match error {
        SdkError::ServiceError(refused) => {
            let raw = refused.raw();
            let retry_after = raw.headers().get("retry-after");
            let retry_after = retry_after.and_then(|text| text.trim().parse().ok());
            let status = raw.status().as_u16();
            let code = refused.err().code().map(str::to_owned);
            let message = refused.err().message().map(str::to_owned);
            let plain = || format!("HTTP {status} without a reason");
            Facts {
                end: End::Refused(status),
                message: match (&code, message) {
                    (Some(code), Some(message)) => format!("{code}: {message}"),
                    (Some(code), None) => code.clone(),
                    (None, message) => message.unwrap_or_else(plain),
                },
                code,
                retry_after: retry_after.map(Span::from_seconds),
            }
        }
        SdkError::TimeoutError(_) => bare(End::BrokeOff, "no answer in time".into()),
        SdkError::ConstructionFailure(_) => bare(End::NotMade, chain(error)),
        SdkError::ResponseError(_) => bare(End::Nonsense, chain(error)),
        _ => match (find::<Trouble>(error), find::<CredentialsError>(error)) {
            (Some(Trouble::NotSent(_)), _) => bare(End::NotSent, last(error)),
            (Some(Trouble::BrokeOff(_)), _) => bare(End::BrokeOff, last(error)),
            (Some(Trouble::Nonsense { .. }), _) => bare(End::Nonsense, last(error)),
            (None, Some(why)) => bare(
                End::NoCredentials,
                format!("there are no credentials: {}", chain(why)),
            ),
            (None, None) => bare(End::BrokeOff, chain(error)),
        },
    }
}

fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut source = Some(error);
    while let Some(one) = source {
        if let Some(found) = one.downcast_ref::<T>() {
            return Some(found);
        }
        source = one.source();
    }
    None
}

/// The innermost reason.
fn last(error: &(dyn Error + 'static)) -> String {
    find::<Trouble>(error).map_or_else(|| chain(error), ToString::to_string)
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(one) = source {
        let why = one.to_string();
        if !text.contains(&why) {
            text = format!("{text}: {why}");
        }
        source = one.source();
    }
    text
}

fn class(facts: &Facts, access: Access) -> Class {
    let unclear = match access {
        Access::Read => Class::Unavailable,
        Access::Write => Class::Unclear,
    };
    let status = match facts.end {
        End::NotSent => return Class::Unavailable,
        End::NoCredentials => return Class::Denied,
        End::NotMade => return Class::Invalid,
        End::BrokeOff => return unclear,
        End::Nonsense => {
            return match access {
                Access::Read => Class::Protocol,
                Access::Write => Class::Unclear,
            };
        }
        End::Refused(status) => status,
    };
    if let Some(class) = facts.code.as_deref().and_then(of_code) {
        return class;
    }
    match (status, &facts.code) {
        (429, _) => Class::Throttled,
        (401 | 403, _) => Class::Denied,
        (500.., _) => unclear,
        (_, None) => Class::Protocol,
        (_, Some(_)) => Class::Failed,
    }
}

/// The class of EC2's own word, where the word alone decides.
pub(crate) fn of_code(code: &str) -> Option<Class> {
    // The reasons of states have a prefix for whose fault it is.
    let code = code.strip_prefix("Server.").unwrap_or(code);
    let code = code.strip_prefix("Client.").unwrap_or(code);
    Some(match code {
        "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "EC2ThrottledException"
        | "TooManyRequestsException"
        | "SlowDown"
        | "PriorRequestNotComplete"
        | "BandwidthLimitExceeded" => Class::Throttled,
        "UnauthorizedOperation"
        | "AuthFailure"
        | "AccessDenied"
        | "AccessDeniedException"
        | "OptInRequired"
        | "PendingVerification"
        | "Blocked"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "RequestExpired"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "MissingAuthenticationToken"
        | "IncompleteSignature"
        | "UnrecognizedClientException" => Class::Denied,
        "DependencyViolation"
        | "IncorrectState"
        | "IncorrectInstanceState"
        | "VolumeInUse"
        | "IncorrectModificationState"
        | "ResourceInUse"
        | "OperationNotPermitted"
        | "InvalidState"
        | "Resource.AlreadyAssociated"
        | "IdempotentParameterMismatch"
        | "ConcurrentTagAccess"
        | "VolumeModificationRateExceeded" => Class::Conflict,
        "UnsupportedOperation"
        | "Unsupported"
        | "UnsupportedHostConfiguration"
        | "InvalidAction"
        | "UnknownOperationException" => Class::Unsupported,
        "DryRunOperation" => return None,
        _ if code.starts_with("Insufficient") => Class::NoCapacity,
        _ if code.ends_with("LimitExceeded") || code.starts_with("TooMany") => Class::Quota,
        _ if code.ends_with(".InUse") || code.contains("Duplicate") => Class::Conflict,
        _ if code.ends_with("NotFound") || code.ends_with("NotFoundException") => Class::NotFound,
        _ if [
            "Invalid",
            "Missing",
            "Malformed",
            "Validation",
            "UnknownParameter",
        ]
        .iter()
        .any(|begin| code.starts_with(begin)) =>
        {
            Class::Invalid
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: Option<&str>) -> Facts {
        Facts {
            end: End::Refused(status),
            code: code.map(str::to_owned),
            message: String::new(),
            retry_after: None,
        }
    }

    #[track_caller]
    fn check(status: u16, code: &str, read: Class, write: Class) {
        let facts = refused(status, Some(code).filter(|code| !code.is_empty()));
        assert_eq!(class(&facts, Access::Read), read, "{code} of a read");
        assert_eq!(class(&facts, Access::Write), write, "{code} of a write");
    }

    #[test]
    fn every_word_of_ec2_has_its_class() {
        for (status, code, expected) in [
            (503, "RequestLimitExceeded", Class::Throttled),
            (400, "Throttling", Class::Throttled),
            (429, "", Class::Throttled),
            (403, "UnauthorizedOperation", Class::Denied),
            (401, "AuthFailure", Class::Denied),
            (403, "", Class::Denied),
            (400, "InvalidInstanceID.NotFound", Class::NotFound),
            (400, "LoadBalancerNotFound", Class::NotFound),
            (400, "InvalidInstanceID.Malformed", Class::Invalid),
            (400, "InvalidParameterValue", Class::Invalid),
            (500, "InsufficientInstanceCapacity", Class::NoCapacity),
            (400, "InsufficientAddressCapacity", Class::NoCapacity),
            (400, "VcpuLimitExceeded", Class::Quota),
            (400, "AddressLimitExceeded", Class::Quota),
            (400, "TooManyLoadBalancers", Class::Quota),
            (400, "DependencyViolation", Class::Conflict),
            (400, "IncorrectInstanceState", Class::Conflict),
            (400, "VolumeInUse", Class::Conflict),
            (400, "InvalidIPAddress.InUse", Class::Conflict),
            (400, "InvalidKeyPair.Duplicate", Class::Conflict),
            (400, "IdempotentParameterMismatch", Class::Conflict),
            (400, "UnsupportedOperation", Class::Unsupported),
            (400, "SomethingNew", Class::Failed),
            (404, "", Class::Protocol),
        ] {
            check(status, code, expected, expected);
        }
    }

    #[test]
    fn what_may_have_been_done_is_unclear_for_a_write_alone() {
        check(500, "InternalError", Class::Unavailable, Class::Unclear);
        check(503, "Unavailable", Class::Unavailable, Class::Unclear);
        check(502, "", Class::Unavailable, Class::Unclear);
        for (end, read, write) in [
            (End::NotSent, Class::Unavailable, Class::Unavailable),
            (End::NoCredentials, Class::Denied, Class::Denied),
            (End::BrokeOff, Class::Unavailable, Class::Unclear),
            (End::Nonsense, Class::Protocol, Class::Unclear),
        ] {
            let facts = Facts {
                end,
                ..refused(0, None)
            };
            assert_eq!(class(&facts, Access::Read), read, "{end:?}");
            assert_eq!(class(&facts, Access::Write), write, "{end:?}");
        }
    }

    #[test]
    fn the_reason_of_a_state_is_read_without_whose_fault_it_is() {
        assert_eq!(
            of_code("Server.InsufficientInstanceCapacity"),
            Some(Class::NoCapacity)
        );
        assert_eq!(of_code("Client.VolumeLimitExceeded"), Some(Class::Quota));
        assert_eq!(of_code("Client.UserInitiatedShutdown"), None);
    }
}
