use http::Method;

use crate::Role;

/// Who may see a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, signed in or not.
    Public,
    /// Callers with at least this role.
    AtLeast(Role),
}

/// Where a page hangs and what it grants its callers.
#[derive(Clone, Debug)]
pub struct Route {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) mount: bool,
    pub(crate) access: Access,
    pub(crate) body_max: Option<usize>,
    pub(crate) csrf: bool,
}

impl Route {
    /// A page that is read with GET (and HEAD) under exactly this path.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// A page that changes something, sent with POST to exactly this path.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    /// A page under exactly this path. Viewers may read (GET, HEAD); everything
    /// else needs an operator unless [`Route::role`] says otherwise.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        let role = if method == Method::GET || method == Method::HEAD {
            Role::Viewer
        } else {
            Role::Operator
        };
        Self {
            method,
            path: path.into(),
            mount: false,
            access: Access::AtLeast(role),
            body_max: None,
            csrf: true,
        }
    }

    /// Answers for every path that begins with this one, which ends in `/`; the
    /// page finds the remainder in [`Request::rest`](crate::Request::rest). An
    /// exact path beats a mount, a longer mount beats a shorter one.
    pub fn and_below(mut self) -> Self {
        self.mount = true;
        self
    }

    /// Needs no sign-in, such as a page that a link in a mail leads to.
    pub fn public(mut self) -> Self {
        self.access = Access::Public;
        self
    }

    /// Needs at least this role.
    pub fn role(mut self, role: Role) -> Self {
        self.access = Access::AtLeast(role);
        self
    }

    /// Accepts bodies up to this many bytes instead of the listener's limit.
    pub fn body_max(mut self, bytes: usize) -> Self {
        self.body_max = Some(bytes);
        self
    }

    /// Asks for no form token. Only for pages whose address or body is a secret
    /// itself; the check of where the request came from stays.
    pub fn without_form_token(mut self) -> Self {
        self.csrf = false;
        self
    }
}
