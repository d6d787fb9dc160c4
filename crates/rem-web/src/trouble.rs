use dropstar::{Failure, RpcError, StatusCode};
use rem_alert::shift::{EditError, SwapError};
use rem_desk::{DeskError, Refused, ShiftError};
use rem_monitor::{NotTaken, chain};

/// Why something that was asked for is not done: the same for a method, a page and
/// a program that posts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// What was sent makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The caller may not do this.
    #[error("{0}")]
    NotAllowed(String),
    /// It makes sense, and cannot be done as things stand.
    #[error("{0}")]
    Refused(String),
    /// Nothing can be written just now, or too much waits.
    #[error("{0}")]
    NotNow(String),
    /// A fault of ours; the text is for the log.
    #[error("something went wrong here")]
    Internal(String),
}

impl Trouble {
    /// "there is no …", with the name that was meant, most likely.
    pub(crate) fn unknown<'a>(
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let meant = match rem_yaml::suggest(name, known) {
            Some(meant) => format!("; did you mean {meant}?"),
            None => String::new(),
        };
        Self::NotFound(format!("there is no {what} {name}{meant}"))
    }

    fn code(&self) -> i32 {
        match self {
            Self::Invalid(_) => RpcError::INVALID_PARAMS,
            Self::NotFound(_) => 404,
            Self::NotAllowed(_) => RpcError::NOT_ALLOWED,
            Self::Refused(_) => 409,
            Self::NotNow(_) => 503,
            Self::Internal(_) => RpcError::INTERNAL,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::NotAllowed(_) => StatusCode::FORBIDDEN,
            Self::Refused(_) => StatusCode::CONFLICT,
            Self::NotNow(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// As a method tells it.
    pub(crate) fn rpc(self) -> RpcError {
        if let Self::Internal(detail) = &self {
            tracing::error!(error = detail, "method failed");
            return RpcError::new(RpcError::INTERNAL, "internal error");
        }
        RpcError::new(self.code(), self.to_string())
    }

    /// As a page tells it.
    pub(crate) fn page(self) -> Failure {
        match self {
            Self::Internal(detail) => Failure::internal(detail),
            other => Failure::new(other.status(), other.to_string()),
        }
    }
}

impl From<DeskError> for Trouble {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Refused(refused) => refused.into(),
            DeskError::Shift(shift) => shift.into(),
            DeskError::NotDurable(_) | DeskError::Closed => Self::NotNow(error.to_string()),
            DeskError::Token(_) => Self::NotAllowed(error.to_string()),
            DeskError::Read(_) | DeskError::Record(_) => Self::Internal(chain(&error)),
        }
    }
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        let text = refused.to_string();
        match refused {
            Refused::NoEpisode(_) | Refused::NoHold(_) | Refused::NoUser(_) => Self::NotFound(text),
            Refused::NotAllowed { .. } => Self::NotAllowed(text),
            Refused::Invalid(_) => Self::Invalid(text),
        }
    }
}

impl From<ShiftError> for Trouble {
    fn from(error: ShiftError) -> Self {
        let text = error.to_string();
        match error {
            ShiftError::Edit(error) | ShiftError::Swap(SwapError::Edit(error)) => {
                of_edit(&error, text)
            }
            ShiftError::Refused(refused) => refused.into(),
            ShiftError::NoSwap(_) => Self::NotFound(text),
            ShiftError::Swap(SwapError::NoSay { .. }) => Self::NotAllowed(text),
            ShiftError::Swap(SwapError::NotTwo { .. }) => Self::Invalid(text),
            ShiftError::Swap(
                SwapError::NotOwned { .. }
                | SwapError::Over { .. }
                | SwapError::State { .. }
                | SwapError::Expired { .. },
            ) => Self::Refused(text),
        }
    }
}

fn of_edit(error: &EditError, text: String) -> Trouble {
    match error {
        EditError::UnknownRole { .. }
        | EditError::UnknownUser { .. }
        | EditError::UnknownEdit { .. } => Trouble::NotFound(text),
        EditError::NotOwn { .. } | EditError::NotMember { .. } => Trouble::NotAllowed(text),
        EditError::Empty { .. } | EditError::TooLong { .. } | EditError::SwapByHand => {
            Trouble::Invalid(text)
        }
        EditError::Full | EditError::NotOnCall { .. } | EditError::NoEnd { .. } => {
            Trouble::Refused(text)
        }
    }
}

impl From<NotTaken> for Trouble {
    fn from(error: NotTaken) -> Self {
        let text = error.to_string();
        match error {
            NotTaken::Unknown(_) => Self::NotFound(text),
            NotTaken::NotPassive(_) => Self::Refused(text),
            NotTaken::Stopped => Self::NotNow(text),
        }
    }
}
