use std::pin::Pin;

use rem_time::Span;

use crate::capability::Capabilities;
use crate::error::CloudError;
use crate::kind::Kind;
use crate::listing::Listing;
use crate::name::{Id, Name};
use crate::plan::Plan;
use crate::progress::{Begun, Handle, Progress, Recovered};
use crate::request::Request;
use crate::resource::Resource;
use crate::scope::Scope;

/// What every method of a [`Megavisor`] returns, boxed so that it can be a trait object.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, CloudError>> + Send + 'a>>;

/// Something that holds machines: a cloud, a rack behind its controllers, a
/// hypervisor. It does what it is asked, once, and says what came of it; caching,
/// journal, locks, limits, retries and time-outs are [`crate::Cloud`]'s.
///
/// A method may be dropped in the middle, when a deadline passes. It must leave
/// nothing running then that it started here.
pub trait Megavisor: Send + Sync {
    /// What it is and where it is asked.
    fn info(&self) -> &Info;

    /// What it can list and do.
    fn capabilities(&self) -> &Capabilities;

    /// All things of a kind. It follows all pages itself, or returns what it has as
    /// [`Listing::partial`].
    fn list<'a>(&'a self, scope: &'a Scope, kind: Kind) -> Answer<'a, Listing<Resource>>;

    /// One thing; nothing only if the cloud itself says that there is none.
    fn get<'a>(&'a self, scope: &'a Scope, kind: Kind, id: &'a Id) -> Answer<'a, Option<Resource>>;

    /// What a request would do, without doing it. Reading is allowed.
    fn plan<'a>(&'a self, request: &'a Request) -> Answer<'a, Plan>;

    /// Sends a request, once. What is so already is [`Begun::Done`] with nothing
    /// changed. If it cannot be said whether the request arrived, the error's class is
    /// [`crate::Class::Unclear`], and [`Megavisor::recover`] is asked.
    fn begin<'a>(&'a self, request: &'a Request) -> Answer<'a, Begun>;

    /// How far a request is, perhaps in another process than the one that sent it.
    fn poll<'a>(&'a self, request: &'a Request, handle: &'a Handle) -> Answer<'a, Progress>;

    /// What became of a request that may or may not have been sent.
    fn recover<'a>(&'a self, request: &'a Request) -> Answer<'a, Recovered>;

    /// Stops working on a request, where that can be done; what was done stays.
    fn cancel<'a>(&'a self, request: &'a Request, handle: &'a Handle) -> Answer<'a, ()>;
}

/// What a megavisor is, and how it wants to be treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Its name.
    pub name: Name,
    /// Its version; several may work side by side.
    pub version: u32,
    /// What sort it is: `ec2`, `home`, `local`, `fake`.
    pub sort: &'static str,
    /// Where it is asked.
    pub scopes: Vec<Scope>,
    /// How many requests it bears at once in one scope; at least one.
    pub at_once: usize,
    /// How long between two writes to one target, so that a controller is not asked
    /// to death.
    pub rest: Span,
}
